#pragma once
#include "environment.h"

/** A 3x3 convolution with stride 1, NHWC: pictures of `in` channels to pictures of `out`, zeros above and left of them. */
struct Square {
  int64_t batch, in_height, in_width, in, out_height, out_width, out, top, left;
};

/**
 * Whether Winograd's form F(2x2, 3x3) beats oneDNN's direct convolution here: AVX2 without AVX-512 (whose direct kernels are twice as fast),
 * enough tiles, channels that fill vectors.
 */
bool winograd_pays(const Square& s);

/**
 * y = conv(x, filter) (+ bias), filter [3, 3, in, out]; `turned`: the filter of the opposite direction, [3, 3, out, in], taps reversed, which
 * makes this the gradient by the input. Differs from the definition by rounding, about 1e-6 of the largest value; the same bits on any number of threads.
 */
void winograd_convolve(Environment& env, const Square& s, const float* x, const float* filter, bool turned, const float* bias, float* y);

/** filter [3, 3, in, out] = the gradient by it, from x and dy. */
void winograd_filter_gradient(Environment& env, const Square& s, const float* x, const float* dy, float* filter);
