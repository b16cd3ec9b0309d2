#include "group-norm.h"

#include <cmath>
#include <vector>

#include "vector.h"

/** Rows summed in float32 before they are added to a float64 total. */
static constexpr int64_t BLOCK = 64;

/** Adds `x - origin` and its square, of `rows` rows, to two rows of sums. */
CLONES static void add_moments(const float* __restrict x, const float* __restrict origin, int64_t rows, int64_t channels, float* __restrict sums,
                               float* __restrict squares) {
  for (int64_t p = 0; p < rows; p++, x += channels) {
    for (int64_t c = 0; c < channels; c++) {
      const float value = x[c] - origin[c];
      sums[c] += value;
      squares[c] += value * value;
    }
  }
}

CLONES static void scale_rows(const float* __restrict x, const float* __restrict scale, const float* __restrict shift, int64_t rows, int64_t channels,
                              float* __restrict y) {
  for (int64_t p = 0; p < rows; p++, x += channels, y += channels) {
    for (int64_t c = 0; c < channels; c++) y[c] = x[c] * scale[c] + shift[c];
  }
}

CLONES static void scale_rows_silu(const float* __restrict x, const float* __restrict scale, const float* __restrict shift, int64_t rows,
                                   int64_t channels, float* __restrict y) {
  for (int64_t p = 0; p < rows; p++, x += channels, y += channels) {
    for (int64_t c = 0; c < channels; c++) {
      const float z = x[c] * scale[c] + shift[c];
      y[c] = z * sigmoid(z);
    }
  }
}

/** u = dy, times the slope of SiLU at z where there is one; kept in dx. Adds u and u · (x - mean) to two rows of sums. */
CLONES static void add_slopes_silu(const float* __restrict x, const float* __restrict dy, const float* __restrict scale, const float* __restrict shift,
                                   const float* __restrict means, int64_t rows, int64_t channels, float* __restrict dx, float* __restrict sums,
                                   float* __restrict products) {
  for (int64_t p = 0; p < rows; p++, x += channels, dy += channels, dx += channels) {
    for (int64_t c = 0; c < channels; c++) {
      const float z = x[c] * scale[c] + shift[c];
      const float s = sigmoid(z);
      const float u = dy[c] * (s * (1.f + z * (1.f - s)));
      dx[c] = u;
      sums[c] += u;
      products[c] += u * (x[c] - means[c]);
    }
  }
}

CLONES static void add_slopes(const float* __restrict x, const float* __restrict dy, const float* __restrict means, int64_t rows, int64_t channels,
                              float* __restrict sums, float* __restrict products) {
  for (int64_t p = 0; p < rows; p++, x += channels, dy += channels) {
    for (int64_t c = 0; c < channels; c++) {
      sums[c] += dy[c];
      products[c] += dy[c] * (x[c] - means[c]);
    }
  }
}

/** dx = a · u + b · x + c, by channel; u may be dx itself. */
CLONES static void combine(const float* u, const float* __restrict x, const float* __restrict a, const float* __restrict b,
                           const float* __restrict constant, int64_t rows, int64_t channels, float* dx) {
  for (int64_t p = 0; p < rows; p++, x += channels, u += channels, dx += channels) {
    for (int64_t c = 0; c < channels; c++) dx[c] = a[c] * u[c] + b[c] * x[c] + constant[c];
  }
}

static void flush(std::vector<float>& from, double* to) {
  for (size_t c = 0; c < from.size(); c++) {
    to[c] += from[c];
    from[c] = 0;
  }
}

static void check(int64_t channels, int64_t groups, const char* where) {
  if (groups < 1 || channels % groups != 0) throw std::invalid_argument(std::string(where) + ": groups must divide the channels");
}

void group_norm(Environment&, Arguments& args) {
  args.heap();
  const int64_t batch = args.size(), positions = args.size(), channels = args.size(), groups = args.size();
  const double epsilon = args.number();
  const bool silu = args.size() != 0;
  check(channels, groups, "groupNorm");
  const float* x = args.floats(batch * positions * channels);
  const float* gamma = args.floats(channels);
  const float* beta = args.floats(channels);
  float* y = args.floats(batch * positions * channels);
  float* statistics = args.floats(batch * groups * 2);
  const int64_t width = channels / groups;
  const double count = static_cast<double>(positions) * width;

#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < batch; n++) {
    std::vector<double> sums(channels), squares(channels);
    std::vector<float> scale(channels), shift(channels); // sums of a block first
    const float* sample = x + n * positions * channels;
    // Moments around the sample's first row: a common offset then costs no digits.
    for (int64_t p = 0; p < positions; p += BLOCK) {
      add_moments(sample + p * channels, sample, std::min(BLOCK, positions - p), channels, scale.data(), shift.data());
      flush(scale, sums.data());
      flush(shift, squares.data());
    }
    for (int64_t g = 0; g < groups; g++) {
      double mean = 0, variance = 0;
      for (int64_t c = g * width; c < (g + 1) * width; c++) mean += sums[c] + static_cast<double>(positions) * sample[c];
      mean /= count;
      for (int64_t c = g * width; c < (g + 1) * width; c++) {
        const double away = mean - sample[c];
        variance += squares[c] - 2 * away * sums[c] + positions * away * away;
      }
      const double inverse = 1 / std::sqrt(std::max(0.0, variance / count) + epsilon);
      statistics[2 * (n * groups + g)] = static_cast<float>(mean);
      statistics[2 * (n * groups + g) + 1] = static_cast<float>(inverse);
      for (int64_t c = g * width; c < (g + 1) * width; c++) {
        const double factor = gamma[c] * inverse;
        scale[c] = static_cast<float>(factor);
        shift[c] = static_cast<float>(beta[c] - mean * factor);
      }
    }
    (silu ? scale_rows_silu : scale_rows)(sample, scale.data(), shift.data(), positions, channels, y + n * positions * channels);
  }
}

void group_norm_gradient(Environment& env, Arguments& args) {
  args.heap();
  const int64_t batch = args.size(), positions = args.size(), channels = args.size(), groups = args.size();
  const bool silu = args.size() != 0;
  check(channels, groups, "groupNormGradient");
  const float* x = args.floats(batch * positions * channels);
  const float* gamma = args.floats(channels);
  const float* beta = args.floats(channels);
  const float* statistics = args.floats(batch * groups * 2);
  const float* dy = args.floats(batch * positions * channels);
  float* dx = args.floats(batch * positions * channels);
  float* dgamma = args.floats(channels);
  float* dbeta = args.floats(channels);
  const int64_t width = channels / groups;
  const double count = static_cast<double>(positions) * width;
  // Each sample's sums, added in the order of samples below: the same bits on any number of threads.
  double* sample_sums = env.partial.of<double>(std::max<int64_t>(1, batch * 2 * channels));

#pragma omp parallel for schedule(static)
  for (int64_t n = 0; n < batch; n++) {
    std::vector<float> block_u(channels), block_ux(channels), scale(channels), shift(channels), means(channels), constant(channels);
    double* sum_u = sample_sums + n * 2 * channels;
    double* sum_ux = sum_u + channels;
    std::fill(sum_u, sum_u + 2 * channels, 0.0);
    const float* own = statistics + 2 * n * groups;
    for (int64_t c = 0; c < channels; c++) {
      const double mean = own[2 * (c / width)], factor = static_cast<double>(gamma[c]) * own[2 * (c / width) + 1];
      means[c] = static_cast<float>(mean);
      scale[c] = static_cast<float>(factor);
      shift[c] = static_cast<float>(beta[c] - mean * factor);
    }
    const int64_t offset = n * positions * channels;
    for (int64_t p = 0; p < positions; p += BLOCK) {
      const int64_t at = offset + p * channels, rows = std::min(BLOCK, positions - p);
      if (silu) add_slopes_silu(x + at, dy + at, scale.data(), shift.data(), means.data(), rows, channels, dx + at, block_u.data(), block_ux.data());
      else add_slopes(x + at, dy + at, means.data(), rows, channels, block_u.data(), block_ux.data());
      flush(block_u, sum_u);
      flush(block_ux, sum_ux);
    }
    for (int64_t g = 0; g < groups; g++) {
      const double mean = own[2 * g], r = own[2 * g + 1];
      double mean_u = 0, mean_uh = 0;
      for (int64_t c = g * width; c < (g + 1) * width; c++) {
        sum_ux[c] *= r; // from here on the sum of u · xHat
        mean_u += gamma[c] * sum_u[c];
        mean_uh += gamma[c] * sum_ux[c];
      }
      mean_u /= count;
      mean_uh /= count;
      for (int64_t c = g * width; c < (g + 1) * width; c++) {
        scale[c] = static_cast<float>(r * gamma[c]);
        shift[c] = static_cast<float>(-r * r * mean_uh);
        constant[c] = static_cast<float>(-r * mean_u + r * r * mean_uh * mean);
      }
    }
    combine(silu ? dx + offset : dy + offset, x + offset, scale.data(), shift.data(), constant.data(), positions, channels, dx + offset);
  }
  for (int64_t c = 0; c < channels; c++) {
    double by_gamma = 0, by_beta = 0;
    for (int64_t n = 0; n < batch; n++) {
      by_beta += sample_sums[n * 2 * channels + c];
      by_gamma += sample_sums[n * 2 * channels + channels + c];
    }
    dgamma[c] = static_cast<float>(by_gamma);
    dbeta[c] = static_cast<float>(by_beta);
  }
}
