#include "ops/softmax.h"

#include <algorithm>

#include "core/arena.h"

namespace densekit {
namespace {

constexpr double nanoseconds_each = 1.0;

// Runs body(first row, rows, worker) over blocks of about 4,096 elements; the cut depends on the shape alone.
template <class F> void for_blocks(const Context& context, index rows, index cols, const F& body) {
  const index most = std::max<index>(1, 4096 / std::max<index>(1, cols));
  context.parallel((rows + most - 1) / most, nanoseconds_each * static_cast<double>(rows * cols),
                   [&](index task, int worker) { body(task * most, std::min(most, rows - task * most), worker); });
}
// Runs body(row, worker) over rows.
template <class F> void for_rows(const Context& context, index rows, index cols, const F& body) {
  for_blocks(context, rows, cols, [&](index begin, index count, int worker) {
    for (index i = begin; i < begin + count; ++i) body(i, worker);
  });
}

}  // namespace

template <class T> void softmax(const Context& context, const T* z, T* y, index rows, index cols, T scale) {
  for_rows(context, rows, cols, [&](index i, int) { context.kernels<T>().softmax.softmax(z + i * cols, y + i * cols, cols, scale); });
}
template <class T> Bytes log_softmax_scratch_bytes(const Context& context, index cols) { return context.threads * Carver::bytes<T>(cols); }
template <class T> void log_softmax(const Context& context, const T* z, T* y, index rows, index cols, T scale, void* scratch) {
  const index stride = Carver::bytes<T>(cols) / static_cast<index>(sizeof(T));
  for_rows(context, rows, cols, [&](index i, int worker) {
    context.kernels<T>().softmax.log_softmax(z + i * cols, y + i * cols, cols, scale, static_cast<T*>(scratch) + worker * stride);
  });
}
template <class T> void softmax_backward(const Context& context, const T* dy, const T* y, T* dz, index rows, index cols, T scale) {
  for_rows(context, rows, cols,
           [&](index i, int) { context.kernels<T>().softmax.softmax_backward(dy + i * cols, y + i * cols, dz + i * cols, cols, scale); });
}
template <class T> void log_softmax_backward(const Context& context, const T* dy, const T* y, T* dz, index rows, index cols, T scale) {
  for_rows(context, rows, cols, [&](index i, int) {
    context.kernels<T>().softmax.log_softmax_backward(dy + i * cols, y + i * cols, dz + i * cols, cols, scale);
  });
}

template <class T> double row_weights(const CrossEntropyTargets<T>& targets, double* weights, index rows, index cols) {
  double total = 0;
  for (index i = 0; i < rows; ++i) {
    double weight = targets.sample_weight ? targets.sample_weight[i] : 1;
    if (targets.labels && targets.ignores && targets.labels[i] == targets.ignore_index) weight = 0;
    else if (targets.class_weight && targets.labels) weight *= targets.class_weight[targets.labels[i]];
    else if (targets.class_weight) {
      double mean = 0;
      for (index j = 0; j < cols; ++j) mean += targets.class_weight[j] * static_cast<double>(targets.soft[i * cols + j]);
      weight *= mean;
    }
    weights[i] = weight;
    total += weight;
  }
  return total;
}

template <class T> double softmax_cross_entropy(const Context& context, const T* z, const CrossEntropyTargets<T>& targets,
                                                Reduction reduction, double* losses, T* dz, index rows, index cols) {
  const double total = row_weights(targets, losses, rows, cols);
  const double divisor = reduction == Reduction::mean ? total : 1;
  if (targets.labels && targets.smoothing == 0 && cols <= most_short_row) {
    for_blocks(context, rows, cols, [&](index begin, index count, int) {
      context.kernels<T>().softmax.cross_entropy_of_short_rows(z + begin * cols, targets.labels + begin, divisor, losses + begin,
                                                               dz + begin * cols, count, cols);
    });
    return divisor;
  }
  for_rows(context, rows, cols, [&](index i, int) {
    T* gradient = dz + i * cols;
    if (losses[i] == 0) {  // selected, not multiplied: an ignored row may hold anything
      std::fill(gradient, gradient + cols, T(0));
      return;
    }
    const T* soft = targets.soft ? targets.soft + i * cols : nullptr;
    const index label = soft ? 0 : static_cast<index>(targets.labels[i]);
    losses[i] *=
        context.kernels<T>().softmax.cross_entropy(z + i * cols, soft, label, targets.smoothing, losses[i] / divisor, gradient, cols);
  });
  return divisor;
}

#define INSTANTIATE(T)                                                                            \
  template void softmax<T>(const Context&, const T*, T*, index, index, T);                        \
  template Bytes log_softmax_scratch_bytes<T>(const Context&, index);                             \
  template void log_softmax<T>(const Context&, const T*, T*, index, index, T, void*);             \
  template void softmax_backward<T>(const Context&, const T*, const T*, T*, index, index, T);     \
  template void log_softmax_backward<T>(const Context&, const T*, const T*, T*, index, index, T); \
  template double row_weights<T>(const CrossEntropyTargets<T>&, double*, index, index);           \
  template double softmax_cross_entropy<T>(const Context&, const T*, const CrossEntropyTargets<T>&, Reduction, double*, T*, index, index);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
