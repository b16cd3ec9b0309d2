#include "winograd.h"

#include <algorithm>
#include <cstring>

// Lavin and Gray, "Fast algorithms for convolutional neural networks" (2015). A tile is 2x2 pixels of the output; its 4x4 pixels of the input, the
// filter and the output are transformed so that 16 products of matrices do the work of 36. Planes are numbered e = 4 · row + column.

#if defined(__x86_64__) && defined(__GNUC__)
#define AVX2 __attribute__((target("avx2,fma")))
#define INLINE_AVX2 AVX2 static inline __attribute__((always_inline))

namespace {

/** Eight floats, wherever they lie. */
typedef float V __attribute__((vector_size(32), aligned(4), may_alias));

constexpr int64_t LANES = 8;
/** Output channels of a product's block: two vectors. */
constexpr int64_t WIDE = 16;
/** Tiles of a product's block: 12 sums, two of the filter and one of the input fill the 16 registers. */
constexpr int64_t TALL = 6;
/** Input channels of a block of the filter gradient. */
constexpr int64_t DEEP = 4;
/** Numbers of transformed input and output that a thread holds a plane. */
constexpr int64_t AT_ONCE = 8192;
constexpr int64_t FEWEST_TILES = 64;
/** The form saves a factor of 2.25 at most; below this much, what tiles at the edge waste taken off, its transformations cost more. */
constexpr double LEAST_SAVING = 1.3;

INLINE_AVX2 V load(const float* from) { return *reinterpret_cast<const V*>(from); }
INLINE_AVX2 void store(float* to, V value) { *reinterpret_cast<V*>(to) = value; }

struct Tiles {
  int64_t high, wide;
  explicit Tiles(const Square& s) : high((s.out_height + 1) / 2), wide((s.out_width + 1) / 2) {}
  int64_t count(int64_t batch) const { return batch * high * wide; }
};

/** Where a tile lies: its sample, and its first output row and column. */
struct Place {
  int64_t sample, row, column;
  Place(int64_t tile, const Tiles& tiles) : sample(tile / tiles.wide / tiles.high), row(tile / tiles.wide % tiles.high * 2), column(tile % tiles.wide * 2) {}
};

INLINE_AVX2 void store_transformed(float* to, int64_t plane, V a, V b, V c, V d) {
  store(to, a - c);
  store(to + plane, b + c);
  store(to + 2 * plane, c - b);
  store(to + 3 * plane, b - d);
}

/** Bᵀ d B of `count` tiles, to v [16][room][in]. */
AVX2 __attribute__((noinline)) void transform_input(const float* x, float* v, int64_t first, int64_t count, int64_t room, const Square& s, const Tiles& tiles) {
  const int64_t plane = room * s.in, line = s.in_width * s.in;
  alignas(32) static thread_local float border[16 * 2048];
  for (int64_t t = 0; t < count; t++) {
    const Place place(first + t, tiles);
    const int64_t row = place.row - s.top, column = place.column - s.left;
    const float* from = x + ((place.sample * s.in_height + row) * s.in_width + column) * s.in;
    const float* rows[4] = {from, from + line, from + 2 * line, from + 3 * line};
    const bool inside = row >= 0 && column >= 0 && row + 4 <= s.in_height && column + 4 <= s.in_width;
    if (!inside) {
      // The 4x4 pixels with zeros where there is no picture.
      for (int64_t i = 0; i < 4; i++) {
        for (int64_t j = 0; j < 4; j++) {
          const bool there = row + i >= 0 && row + i < s.in_height && column + j >= 0 && column + j < s.in_width;
          float* pixel = border + (4 * i + j) * s.in;
          if (there) std::memcpy(pixel, rows[i] + j * s.in, s.in * sizeof(float));
          else std::memset(pixel, 0, s.in * sizeof(float));
        }
        rows[i] = border + 4 * i * s.in;
      }
    }
    float* to = v + t * s.in;
    for (int64_t at = 0; at < s.in; at += LANES) {
      const int64_t c = std::min(at, s.in - LANES); // the last eight may overlap those before
      V sums[4][4];
#pragma GCC unroll 4
      for (int64_t j = 0; j < 4; j++) {
        const int64_t p = j * s.in + c;
        const V d0 = load(rows[0] + p), d1 = load(rows[1] + p), d2 = load(rows[2] + p), d3 = load(rows[3] + p);
        sums[0][j] = d0 - d2;
        sums[1][j] = d1 + d2;
        sums[2][j] = d2 - d1;
        sums[3][j] = d1 - d3;
      }
#pragma GCC unroll 4
      for (int64_t i = 0; i < 4; i++) store_transformed(to + c + 4 * i * plane, plane, sums[i][0], sums[i][1], sums[i][2], sums[i][3]);
    }
  }
}

/** G g Gᵀ for the input channels [from, to), to u [16][out / 16][in][16]. */
AVX2 __attribute__((noinline)) void transform_filter(const float* filter, float* u, int64_t in, int64_t out, bool turned, int64_t from, int64_t to) {
  const int64_t tap = in * out;
  for (int64_t c = from; c < to; c++) {
    for (int64_t k = 0; k < out; k += LANES) {
      V g[3][3];
      for (int64_t i = 0; i < 9; i++) {
        V value;
        if (!turned) {
          value = load(filter + i * tap + c * out + k);
        } else {
          const float* column = filter + (8 - i) * tap + k * in + c;
          for (int64_t lane = 0; lane < LANES; lane++) value[lane] = column[lane * in];
        }
        g[i / 3][i % 3] = value;
      }
      V rows[4][3];
      for (int64_t j = 0; j < 3; j++) {
        const V ends = g[0][j] + g[2][j];
        rows[0][j] = g[0][j];
        rows[1][j] = 0.5f * (ends + g[1][j]);
        rows[2][j] = 0.5f * (ends - g[1][j]);
        rows[3][j] = g[2][j];
      }
      float* block = u + (k / WIDE * in + c) * WIDE + k % WIDE;
      for (int64_t i = 0; i < 4; i++) {
        const V ends = rows[i][0] + rows[i][2];
        store(block + (4 * i) * tap, rows[i][0]);
        store(block + (4 * i + 1) * tap, 0.5f * (ends + rows[i][1]));
        store(block + (4 * i + 2) * tap, 0.5f * (ends - rows[i][1]));
        store(block + (4 * i + 3) * tap, rows[i][2]);
      }
    }
  }
}

/** out [6, 16] = a [6, inner] · b [inner, 16]. */
INLINE_AVX2 void multiply(const float* a, int64_t step_a, const float* b, float* out, int64_t step_out, int64_t inner) {
  V low[TALL] = {}, high[TALL] = {};
  for (int64_t i = 0; i < inner; i++, b += WIDE) {
    const V first = load(b), second = load(b + LANES);
#pragma GCC unroll 6
    for (int64_t r = 0; r < TALL; r++) {
      low[r] += a[r * step_a + i] * first;
      high[r] += a[r * step_a + i] * second;
    }
  }
#pragma GCC unroll 6
  for (int64_t r = 0; r < TALL; r++) {
    store(out + r * step_out, low[r]);
    store(out + r * step_out + LANES, high[r]);
  }
}

/** m [16][room][out] = v · u, plane by plane. Rows beyond `count` belong to no tile; what is computed there is not used. */
AVX2 __attribute__((noinline)) void multiply_planes(const float* v, const float* u, float* m, int64_t count, int64_t room, int64_t in, int64_t out) {
  for (int64_t e = 0; e < 16; e++) {
    for (int64_t k = 0; k < out; k += WIDE) {
      const float* block = u + (e * out + k) * in;
      for (int64_t t = 0; t < count; t += TALL) {
        multiply(v + (e * room + t) * in, in, block, m + (e * room + t) * out + k, out, in);
      }
    }
  }
}

/** Aᵀ m A of `count` tiles, plus the bias, to their places in y. */
AVX2 __attribute__((noinline)) void transform_output(const float* m, const float* bias, float* y, int64_t first, int64_t count, int64_t room, const Square& s,
                                                     const Tiles& tiles) {
  const int64_t plane = room * s.out;
  for (int64_t t = 0; t < count; t++) {
    const Place place(first + t, tiles);
    const bool second = place.column + 1 < s.out_width, below = place.row + 1 < s.out_height;
    float* to = y + ((place.sample * s.out_height + place.row) * s.out_width + place.column) * s.out;
    float* next = to + s.out_width * s.out;
    for (int64_t c = 0; c < s.out; c += LANES) {
      const float* from = m + t * s.out + c;
      V upper[4], lower[4];
#pragma GCC unroll 4
      for (int64_t j = 0; j < 4; j++) {
        const V m0 = load(from + j * plane), m1 = load(from + (4 + j) * plane), m2 = load(from + (8 + j) * plane), m3 = load(from + (12 + j) * plane);
        upper[j] = m0 + m1 + m2;
        lower[j] = m1 - m2 - m3;
      }
      const V shift = bias ? load(bias + c) : V{};
      store(to + c, upper[0] + upper[1] + upper[2] + shift);
      if (second) store(to + s.out + c, upper[1] - upper[2] - upper[3] + shift);
      if (below) {
        store(next + c, lower[0] + lower[1] + lower[2] + shift);
        if (second) store(next + s.out + c, lower[1] - lower[2] - lower[3] + shift);
      }
    }
  }
}

INLINE_AVX2 void store_spread(float* to, int64_t plane, V a, V b) {
  store(to, a);
  store(to + plane, a + b);
  store(to + 2 * plane, a - b);
  store(to + 3 * plane, -b);
}

/** A dy Aᵀ of `count` tiles, to d [16][room][out]. */
AVX2 __attribute__((noinline)) void transform_gradient(const float* dy, float* d, int64_t first, int64_t count, int64_t room, const Square& s, const Tiles& tiles) {
  const int64_t plane = room * s.out;
  for (int64_t t = 0; t < count; t++) {
    const Place place(first + t, tiles);
    const bool second = place.column + 1 < s.out_width, below = place.row + 1 < s.out_height;
    const float* from = dy + ((place.sample * s.out_height + place.row) * s.out_width + place.column) * s.out;
    const float* next = from + s.out_width * s.out;
    for (int64_t c = 0; c < s.out; c += LANES) {
      const V a = load(from + c), b = second ? load(from + s.out + c) : V{};
      const V e = below ? load(next + c) : V{}, f = below && second ? load(next + s.out + c) : V{};
      float* to = d + t * s.out + c;
      store_spread(to, plane, a, b);
      store_spread(to + 4 * plane, plane, a + e, b + f);
      store_spread(to + 8 * plane, plane, a - e, b - f);
      store_spread(to + 12 * plane, plane, -e, -f);
    }
  }
}

/** out [DEPTH, 16] += aᵀ · b, a [rows, DEPTH], b [rows, 16]. */
template <int64_t DEPTH>
INLINE_AVX2 void gather(const float* a, int64_t step_a, const float* b, int64_t step_b, float* out, int64_t step_out, int64_t rows) {
  V low[DEPTH], high[DEPTH];
#pragma GCC unroll 4
  for (int64_t r = 0; r < DEPTH; r++) {
    low[r] = load(out + r * step_out);
    high[r] = load(out + r * step_out + LANES);
  }
  for (int64_t row = 0; row < rows; row++, a += step_a, b += step_b) {
    const V first = load(b), second = load(b + LANES);
#pragma GCC unroll 4
    for (int64_t r = 0; r < DEPTH; r++) {
      low[r] += a[r] * first;
      high[r] += a[r] * second;
    }
  }
#pragma GCC unroll 4
  for (int64_t r = 0; r < DEPTH; r++) {
    store(out + r * step_out, low[r]);
    store(out + r * step_out + LANES, high[r]);
  }
}

/** sums [16][in][out] += vᵀ · d, plane by plane. */
AVX2 __attribute__((noinline)) void gather_planes(const float* v, const float* d, float* sums, int64_t count, int64_t room, int64_t in, int64_t out) {
  for (int64_t e = 0; e < 16; e++) {
    const float* from = v + e * room * in;
    for (int64_t k = 0; k < out; k += WIDE) {
      const float* gradient = d + e * room * out + k;
      int64_t c = 0;
      for (; c + DEEP <= in; c += DEEP) gather<DEEP>(from + c, in, gradient, out, sums + (e * in + c) * out + k, out, count);
      for (; c < in; c++) gather<1>(from + c, in, gradient, out, sums + (e * in + c) * out + k, out, count);
    }
  }
}

/** Gᵀ s G of the numbers [from, to) of a tap, of all parts added in their order. */
AVX2 __attribute__((noinline)) void transform_sums(float* sums, int64_t parts, int64_t tap, float* filter, int64_t from, int64_t to) {
  for (int64_t at = from; at < to; at += LANES) {
    V rows[4][3];
    for (int64_t i = 0; i < 4; i++) {
      V s[4];
      for (int64_t j = 0; j < 4; j++) {
        const float* place = sums + (4 * i + j) * tap + at;
        s[j] = load(place);
        for (int64_t part = 1; part < parts; part++) s[j] += load(place + part * 16 * tap);
      }
      const V both = 0.5f * (s[1] + s[2]);
      rows[i][0] = s[0] + both;
      rows[i][1] = 0.5f * (s[1] - s[2]);
      rows[i][2] = both + s[3];
    }
    for (int64_t j = 0; j < 3; j++) {
      const V both = 0.5f * (rows[1][j] + rows[2][j]);
      store(filter + j * tap + at, rows[0][j] + both);
      store(filter + (3 + j) * tap + at, 0.5f * (rows[1][j] - rows[2][j]));
      store(filter + (6 + j) * tap + at, both + rows[3][j]);
    }
  }
}

/** Tiles that a thread handles at a time. */
int64_t room_for(const Square& s) { return std::clamp<int64_t>(AT_ONCE / (s.in + s.out) / TALL * TALL, 4 * TALL, 32 * TALL); }

} // namespace

bool winograd_pays(const Square& s) {
  static const bool suits = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && !__builtin_cpu_supports("avx512f");
  if (!suits || s.in < LANES || s.in > 2048 || s.out % WIDE != 0) return false;
  const Tiles tiles(s);
  const double saving = 2.25 * s.out_height * s.out_width / (4.0 * tiles.high * tiles.wide);
  return tiles.count(s.batch) >= FEWEST_TILES && saving >= LEAST_SAVING;
}

void winograd_convolve(Environment& env, const Square& s, const float* x, const float* filter, bool turned, const float* bias, float* y) {
  const Tiles tiles(s);
  const int64_t room = room_for(s), own = 16 * room * (s.in + s.out), all = tiles.count(s.batch);
  const int64_t chunks = (all + room - 1) / room;
  float* u = env.filter.of<float>(16 * s.in * s.out);
  float* scratch = env.workspace.of<float>(own * omp_get_max_threads());
#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (int64_t c = 0; c < s.in; c++) transform_filter(filter, u, s.in, s.out, turned, c, c + 1);
    float* v = scratch + own * omp_get_thread_num();
    float* m = v + 16 * room * s.in;
#pragma omp for schedule(static)
    for (int64_t chunk = 0; chunk < chunks; chunk++) {
      const int64_t first = chunk * room, count = std::min(room, all - first);
      transform_input(x, v, first, count, room, s, tiles);
      multiply_planes(v, u, m, count, room, s.in, s.out);
      transform_output(m, bias, y, first, count, room, s, tiles);
    }
  }
}

void winograd_filter_gradient(Environment& env, const Square& s, const float* x, const float* dy, float* filter) {
  const Tiles tiles(s);
  const int64_t room = room_for(s), own = 16 * room * (s.in + s.out), all = tiles.count(s.batch), tap = s.in * s.out;
  const int64_t chunks = (all + room - 1) / room, parts = std::min<int64_t>(omp_get_max_threads(), chunks);
  float* scratch = env.workspace.of<float>(own * parts);
  float* sums = env.partial.of<float>(16 * tap * parts);
#pragma omp parallel num_threads(static_cast<int>(parts))
  {
    // Which chunks go into which sum depends on the number of threads alone.
#pragma omp for schedule(static)
    for (int64_t part = 0; part < parts; part++) {
      float* v = scratch + own * part;
      float* d = v + 16 * room * s.in;
      float* sum = sums + 16 * tap * part;
      std::memset(sum, 0, 16 * tap * sizeof(float));
      for (int64_t chunk = part * chunks / parts; chunk < (part + 1) * chunks / parts; chunk++) {
        const int64_t first = chunk * room, count = std::min(room, all - first);
        transform_input(x, v, first, count, room, s, tiles);
        transform_gradient(dy, d, first, count, room, s, tiles);
        gather_planes(v, d, sum, count, room, s.in, s.out);
      }
    }
#pragma omp for schedule(static)
    for (int64_t c = 0; c < s.in; c++) transform_sums(sums, parts, tap, filter, c * s.out, (c + 1) * s.out);
  }
}

#else

bool winograd_pays(const Square&) { return false; }
void winograd_convolve(Environment&, const Square&, const float*, const float*, bool, const float*, float*) {}
void winograd_filter_gradient(Environment&, const Square&, const float*, const float*, float*) {}

#endif
