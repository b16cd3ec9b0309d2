#pragma once
#include "arguments.h"
#include "environment.h"

/** add(heap, count, a, b, y): y = a + b. */
void add(Environment& env, Arguments& args);

/** addRow(heap, rows, columns, x, row, y): the row is added to each; y may be x. */
void add_row(Environment& env, Arguments& args);

/** columnSums(heap, rows, columns, x, y) */
void column_sums(Environment& env, Arguments& args);

/** sumOfSquares(heap, count, x, y): one number, summed in float64. */
void sum_of_squares(Environment& env, Arguments& args);

/** square(heap, count, x, y) */
void square(Environment& env, Arguments& args);

/** relu(heap, count, x, y) */
void relu(Environment& env, Arguments& args);

/** adamW(heap, count, beta1, beta2, epsilon, stepSize, decay, parameter, gradient, first, second, newParameter, newFirst, newSecond) */
void adam_w(Environment& env, Arguments& args);
