#include "ops/penalties.h"

#include <algorithm>
#include <limits>

#include "core/arena.h"

namespace densekit {
namespace {

constexpr index partial = 4096;  // elements; part of the definition of every sum
constexpr double nanoseconds_each = 0.4;

index partials(index n) { return (n + partial - 1) / partial; }

// Runs body(number, begin, length) over the partial sums of n elements.
template <class F> void for_partials(const Context& context, index n, const F& body) {
  context.parallel(partials(n), nanoseconds_each * static_cast<double>(n),
                   [&](index task, int) { body(task, task * partial, std::min(partial, n - task * partial)); });
}

}  // namespace

Bytes penalty_scratch_bytes(index n) { return Carver::bytes<double>(2 * partials(n)); }
template <class T>
double penalty(const Context& context, PenaltyKind kind, const T* w, T* gradient, index n, double l1, double l2, void* scratch) {
  const auto& kernels = context.kernels<T>().penalty;
  const auto kernel = kernels.gradient[static_cast<int>(kind)];
  double* sums = static_cast<double*>(scratch);
  for_partials(context, n, [&](index i, index begin, index length) {
    kernel(w + begin, gradient + begin, length, static_cast<T>(l1), static_cast<T>(l2), sums + 2 * i);
  });
  double absolute = 0, squares = 0;
  for (index i = 0; i < partials(n); ++i) {
    absolute += sums[2 * i];
    squares += sums[2 * i + 1];
  }
  if (kind == PenaltyKind::l1) return l1 * absolute;
  if (kind == PenaltyKind::l2) return 0.5 * l2 * squares;
  return l1 * absolute + 0.5 * l2 * squares;
}

template <class T> void soft_threshold(const Context& context, const T* w, T* y, index n, double threshold) {
  const T limit = static_cast<T>(std::min(threshold, static_cast<double>(std::numeric_limits<T>::max())));
  context.parallel_pieces(n, nanoseconds_each,
                          [&](index i, index length, int) { context.kernels<T>().penalty.soft_threshold(w + i, y + i, length, limit); });
}
template <class T> void clip(const Context& context, const T* x, T* y, index n, double low, double high) {
  context.parallel_pieces(n, nanoseconds_each, [&](index i, index length, int) {
    context.kernels<T>().penalty.clip(x + i, y + i, length, static_cast<T>(low), static_cast<T>(high));
  });
}

Bytes sum_of_squares_scratch_bytes(index n) { return Carver::bytes<double>(partials(n)); }
template <class T> double sum_of_squares(const Context& context, const T* x, index n, double factor, void* scratch) {
  double* sums = static_cast<double*>(scratch);
  for_partials(context, n, [&](index i, index begin, index length) {
    sums[i] = context.kernels<T>().penalty.sum_of_squares(x + begin, length, factor);
  });
  double sum = 0;
  for (index i = 0; i < partials(n); ++i) sum += sums[i];
  return sum;
}
template <class T> void scale_by(const Context& context, const T* x, T* y, index n, double factor) {
  context.parallel_pieces(n, nanoseconds_each,
                          [&](index i, index length, int) { context.kernels<T>().penalty.scale(x + i, y + i, length, factor); });
}

#define INSTANTIATE(T)                                                                                 \
  template double penalty<T>(const Context&, PenaltyKind, const T*, T*, index, double, double, void*); \
  template void soft_threshold<T>(const Context&, const T*, T*, index, double);                        \
  template void clip<T>(const Context&, const T*, T*, index, double, double);                          \
  template double sum_of_squares<T>(const Context&, const T*, index, double, void*);                   \
  template void scale_by<T>(const Context&, const T*, T*, index, double);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
