#include "elementwise.h"

#include <cmath>
#include <vector>

#include "vector.h"

/** Numbers that a thread handles at a time. Sums are taken by blocks of this size, so that they do not depend on the threads. */
static constexpr int64_t BLOCK = 16384;

/** Rows of a matrix that are summed in float32 before they are added to a float64 total. */
static constexpr int64_t FLOAT_ROWS = 64;

CLONES static void add_block(const float* a, const float* b, float* y, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] = a[i] + b[i];
}

CLONES static void square_block(const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] = x[i] * x[i];
}

CLONES static void relu_block(const float* x, float* y, int64_t count) {
  for (int64_t i = 0; i < count; i++) y[i] = x[i] > 0.f ? x[i] : (x[i] != x[i] ? x[i] : 0.f);
}

CLONES static void add_row_block(const float* x, const float* __restrict row, float* y, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; r++, x += columns, y += columns) {
    for (int64_t c = 0; c < columns; c++) y[c] = x[c] + row[c];
  }
}

CLONES static void sum_columns_block(const float* __restrict x, float* __restrict sums, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; r++, x += columns) {
    for (int64_t c = 0; c < columns; c++) sums[c] += x[c];
  }
}

CLONES static double square_sum_block(const float* __restrict x, int64_t count) {
  double lanes[16] = {};
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    for (int64_t k = 0; k < 16; k++) lanes[k] += static_cast<double>(x[i + k]) * x[i + k];
  }
  for (; i < count; i++) lanes[0] += static_cast<double>(x[i]) * x[i];
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

struct AdamW {
  float keep1, keep2, epsilon, step, decay;
};

CLONES static void adam_block(const AdamW& how, const float* __restrict p, const float* __restrict g, const float* __restrict m,
                              const float* __restrict v, float* __restrict p2, float* __restrict m2, float* __restrict v2, int64_t count) {
  for (int64_t i = 0; i < count; i++) {
    const float first = m[i] + (g[i] - m[i]) * how.keep1;
    const float second = v[i] + (g[i] * g[i] - v[i]) * how.keep2;
    m2[i] = first;
    v2[i] = second;
    p2[i] = p[i] * how.decay - first / (std::sqrt(second) + how.epsilon) * how.step;
  }
}

/** Calls `body(from, count)` for blocks of at most `unit` of `total`, on all threads. Small work stays on this one. */
template <typename Body>
static void in_blocks(int64_t total, int64_t unit, int64_t cost, Body body) {
  const int64_t blocks = (total + unit - 1) / unit;
  const bool alone = total * cost < 2 * BLOCK;
#pragma omp parallel for schedule(static) if (!alone)
  for (int64_t block = 0; block < blocks; block++) body(block * unit, std::min(unit, total - block * unit));
}

void add(Environment&, Arguments& args) {
  args.heap();
  const int64_t count = args.size();
  const float* a = args.floats(count);
  const float* b = args.floats(count);
  float* y = args.floats(count);
  in_blocks(count, BLOCK, 1, [&](int64_t from, int64_t some) { add_block(a + from, b + from, y + from, some); });
}

/** Reads (heap, count, x, y) and runs a loop of one tensor. */
static void one_to_one(Arguments& args, void (*loop)(const float*, float*, int64_t)) {
  args.heap();
  const int64_t count = args.size();
  const float* x = args.floats(count);
  float* y = args.floats(count);
  in_blocks(count, BLOCK, 1, [&](int64_t from, int64_t some) { loop(x + from, y + from, some); });
}

void square(Environment&, Arguments& args) { one_to_one(args, square_block); }

void relu(Environment&, Arguments& args) { one_to_one(args, relu_block); }

static int64_t rows_at_once(int64_t columns) { return std::max<int64_t>(1, BLOCK / std::max<int64_t>(1, columns)); }

void add_row(Environment&, Arguments& args) {
  args.heap();
  const int64_t rows = args.size(), columns = args.size();
  const float* x = args.floats(rows * columns);
  const float* row = args.floats(columns);
  float* y = args.floats(rows * columns);
  in_blocks(rows, rows_at_once(columns), columns,
            [&](int64_t from, int64_t some) { add_row_block(x + from * columns, row, y + from * columns, some, columns); });
}

void column_sums(Environment& env, Arguments& args) {
  args.heap();
  const int64_t rows = args.size(), columns = args.size();
  const float* x = args.floats(rows * columns);
  float* y = args.floats(columns);
  // FLOAT_ROWS are summed in float32, all else in float64; blocks are added in their order: the same bits on any number of threads.
  const int64_t unit = std::max(FLOAT_ROWS, rows_at_once(columns));
  const int64_t blocks = (rows + unit - 1) / unit;
  double* sums = env.partial.of<double>(std::max<int64_t>(1, blocks * columns));
  in_blocks(rows, unit, columns, [&](int64_t from, int64_t some) {
    double* own = sums + from / unit * columns;
    std::fill(own, own + columns, 0.0);
    std::vector<float> few(columns);
    for (int64_t row = 0; row < some; row += FLOAT_ROWS) {
      sum_columns_block(x + (from + row) * columns, few.data(), std::min(FLOAT_ROWS, some - row), columns);
      for (int64_t c = 0; c < columns; c++) {
        own[c] += few[c];
        few[c] = 0;
      }
    }
  });
  for (int64_t c = 0; c < columns; c++) {
    double sum = 0;
    for (int64_t block = 0; block < blocks; block++) sum += sums[block * columns + c];
    y[c] = static_cast<float>(sum);
  }
}

void sum_of_squares(Environment& env, Arguments& args) {
  args.heap();
  const int64_t count = args.size();
  const float* x = args.floats(count);
  float* y = args.floats(1);
  const int64_t blocks = (count + BLOCK - 1) / BLOCK;
  double* sums = env.partial.of<double>(std::max<int64_t>(1, blocks));
  in_blocks(count, BLOCK, 1, [&](int64_t from, int64_t some) { sums[from / BLOCK] = square_sum_block(x + from, some); });
  double sum = 0;
  for (int64_t block = 0; block < blocks; block++) sum += sums[block];
  *y = static_cast<float>(sum);
}

void adam_w(Environment&, Arguments& args) {
  args.heap();
  const int64_t count = args.size();
  AdamW how;
  how.keep1 = static_cast<float>(1 - args.number());
  how.keep2 = static_cast<float>(1 - args.number());
  how.epsilon = static_cast<float>(args.number());
  how.step = static_cast<float>(args.number());
  how.decay = static_cast<float>(args.number());
  const float* p = args.floats(count);
  const float* g = args.floats(count);
  const float* m = args.floats(count);
  const float* v = args.floats(count);
  float* p2 = args.floats(count);
  float* m2 = args.floats(count);
  float* v2 = args.floats(count);
  in_blocks(count, BLOCK, 4, [&](int64_t from, int64_t some) {
    adam_block(how, p + from, g + from, m + from, v + from, p2 + from, m2 + from, v2 + from, some);
  });
}
