#pragma once

/**
 * Loops compiled for several processors in one file, the best chosen when the module is loaded. Put it before a function that holds
 * only the loop: what OpenMP cuts out of a function would not be cloned with it. The levels of x86-64 are told apart by what a processor can do,
 * names such as haswell by its maker. GCC knows them from 12 on; other compilers compile for the least processor.
 */
#if defined(__x86_64__) && defined(__GNUC__) && __GNUC__ >= 12 && !defined(__clang__)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), noinline))
#else
#define CLONES __attribute__((noinline))
#endif

#include <cstdint>
#include <cstring>

/** exp, Cephes' polynomial on [-ln 2 / 2, ln 2 / 2]; relative error 1e-7. Written so that compilers vectorise a loop around it. */
static inline __attribute__((always_inline)) float fast_exp(float value) {
  const float x = value > 88.f ? 88.f : value < -87.f ? -87.f : value;
  const float shifted = x * 1.44269504f + 12582912.f; // rounds to a whole number, in the lowest bits
  const float n = shifted - 12582912.f;
  const float r = x - n * 0.693359375f + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.f;
  int32_t bits, whole;
  std::memcpy(&bits, &p, 4);
  std::memcpy(&whole, &shifted, 4);
  bits += static_cast<int32_t>(static_cast<uint32_t>(whole) << 23);
  float y;
  std::memcpy(&y, &bits, 4);
  return y;
}

static inline __attribute__((always_inline)) float sigmoid(float z) { return 1.f / (1.f + fast_exp(-z)); }
