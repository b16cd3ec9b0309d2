#pragma once
#include "arguments.h"
#include "environment.h"

/** matMul(heap, batchA, batchB, rows, inner, columns, transposeA, transposeB, a, b, y): float32, row-major; a batch of 1 serves all. */
void mat_mul(Environment& env, Arguments& args);
