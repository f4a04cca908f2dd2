#include "ops/dense.h"

#include <algorithm>

#include "core/arena.h"

namespace densekit {

constexpr index rows_per_partial = 64;
static index partials(index rows) { return (rows + rows_per_partial - 1) / rows_per_partial; }

Bytes column_sums_scratch_bytes(index rows, index cols) { return Carver::bytes<double>(partials(rows), cols); }

template <class T> void column_sums(const Context& context, const T* x, index rows, index cols, T* sums, void* scratch) {
  double* partial = static_cast<double*>(scratch);
  const index count = partials(rows);
  context.parallel(count, 0.3 * static_cast<double>(rows * cols), [&](index p, int) {
    const index first = p * rows_per_partial;
    context.kernels<T>().column.sum(x + first * cols, std::min(rows_per_partial, rows - first), cols, cols, partial + p * cols);
  });
  for (index j = 0; j < cols; ++j) {
    double sum = 0;
    for (index p = 0; p < count; ++p) sum += partial[p * cols + j];
    sums[j] = static_cast<T>(sum);
  }
}

template <class T> Bytes dense_backward_scratch_bytes(const Context& context, index m, index n, index k) {
  return std::max({matmul_scratch_bytes<T>(context, m, k, n), matmul_scratch_bytes<T>(context, k, n, m), column_sums_scratch_bytes(m, n)});
}

template <class T> void dense_backward(const Context& context, const T* dz, View<T> x, View<T> w, DenseGradients<T> out, void* scratch) {
  const View<T> gradient{dz, x.rows, w.cols, w.cols, 1};
  if (out.dx) matmul(context, gradient, w.transposed(), out.dx, {}, scratch);  // (m, n) (n, k)
  if (out.dw) matmul(context, x.transposed(), gradient, out.dw, {}, scratch);  // (k, m) (m, n)
  if (out.db) column_sums(context, dz, x.rows, w.cols, out.db, scratch);
}

#define INSTANTIATE(T)                                                                 \
  template void column_sums<T>(const Context&, const T*, index, index, T*, void*);     \
  template Bytes dense_backward_scratch_bytes<T>(const Context&, index, index, index); \
  template void dense_backward<T>(const Context&, const T*, View<T>, View<T>, DenseGradients<T>, void*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
