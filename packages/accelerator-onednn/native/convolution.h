#pragma once
#include "arguments.h"
#include "environment.h"

/**
 * convolution(direction, heap, batch, inHeight, inWidth, in, outHeight, outWidth, out, filterHeight, filterWidth, strideHeight, strideWidth,
 * top, left, bottom, right, x, filter, y, bias)
 *
 * Direction 0 writes y, with the bias added where its address is not 0; 1 writes x (the gradient by the input, from filter and y); 2 writes
 * filter (the gradient by it, from x and y). Pictures are NHWC, filters HWIO.
 */
void convolution(Environment& env, Arguments& args);
