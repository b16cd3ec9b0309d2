#include "mat-mul.h"

void mat_mul(Environment&, Arguments& args) {
  args.heap();
  const int64_t batch_a = args.size(), batch_b = args.size(), rows = args.size(), inner = args.size(), columns = args.size();
  const bool transpose_a = args.size() != 0, transpose_b = args.size() != 0;
  const int64_t batch = std::max(batch_a, batch_b);
  const float* a = args.floats(batch_a * rows * inner);
  const float* b = args.floats(batch_b * inner * columns);
  float* y = args.floats(batch * rows * columns);
  if (batch_a != batch_b && batch_a != 1 && batch_b != 1) throw std::invalid_argument("matMul: batches must be equal, or one of them 1");
  dnnl_status_t status = dnnl_success;
  const auto product = [&](int64_t i) {
    const dnnl_status_t own =
        dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', rows, columns, inner, 1.f, a + (batch_a == 1 ? 0 : i) * rows * inner,
                   transpose_a ? rows : inner, b + (batch_b == 1 ? 0 : i) * inner * columns, transpose_b ? inner : columns, 0.f,
                   y + i * rows * columns, columns);
    if (own != dnnl_success) {
#pragma omp atomic write
      status = own;
    }
  };
  // Many small products: one a thread. Few: each on all threads.
  if (batch >= 2 * omp_get_max_threads()) {
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < batch; i++) product(i);
  } else {
    for (int64_t i = 0; i < batch; i++) product(i);
  }
  if (status != dnnl_success) throw std::runtime_error("matMul: oneDNN answered status " + std::to_string(status));
}
