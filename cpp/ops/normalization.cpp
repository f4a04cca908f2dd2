#include "ops/normalization.h"

#include <cmath>

#include "core/arena.h"
#include "ops/centers.h"
#include "ops/stores.h"

namespace densekit {

template <class T> Bytes batch_norm_scratch_bytes(const ChannelShape& shape) {
  return std::max(channel_moments_scratch_bytes(shape), normalize_scratch_bytes<T>(shape));
}

template <class T> void batch_norm(const Context& context, const T* x, const ChannelShape& shape, double eps,
                                   const RunningStatistics<T>& running, const T* gamma, const T* beta, double* mean, double* inverse, T* y,
                                   void* scratch) {
  channel_moments(context, x, shape, mean, inverse, scratch);
  Context rest = context;
  if (running.mean || running.variance) {
    check_interrupt(context);  // no statistics of half a batch
    rest.interrupt = nullptr;  // once they are taken in, the call ends as a whole
  }
  const double n = static_cast<double>(shape.count()), divisor = running.unbiased ? n - 1 : n;
  const auto update = [&](T& r, double batch) { r = static_cast<T>(running.decay * static_cast<double>(r) + (1 - running.decay) * batch); };
  for (index c = 0; c < shape.channels; ++c) {
    const double m2 = inverse[c];
    if (running.mean) update(running.mean[c], mean[c]);
    if (running.variance) update(running.variance[c], m2 / divisor);
    inverse[c] = 1 / std::sqrt(m2 / n + eps);
  }
  normalize(rest, x, shape, mean, inverse, gamma, beta, y, scratch);
}

template <class T> Bytes batch_norm_backward_scratch_bytes(const ChannelShape& shape) {
  const ChannelShape s = shape.canonical();
  // Partials, their sums, and the coefficients of the last sweep: those below, or those of normalize().
  return 2 * Carver::bytes<double>(s.partials(), s.channels) + 2 * Carver::bytes<double>(s.channels) +
         std::max(6 * Carver::bytes<T>(s.channels), normalize_scratch_bytes<T>(s));
}

template <class T> void batch_norm_backward(const Context& context, const T* dy, const T* x, const ChannelShape& shape, const double* mean,
                                            const double* inverse, const T* gamma, bool training, const NormGradients<T>& out,
                                            void* scratch) {
  const ChannelShape s = shape.canonical();
  const auto& kernels = context.kernels<T>().normalization;
  Carver carver(scratch);
  double* sums = carver.take<double>(s.partials() * s.channels);
  double* dots = carver.take<double>(s.partials() * s.channels);
  double* sum = carver.take<double>(s.channels);
  double* dot = carver.take<double>(s.channels);
  for_channel_blocks(
      context, s, 0.5,
      [&](index p, index offset, index rows, index first, index cols) {
        const index at = s.partial_at(first, p);
        kernels.column_gradient_sums(dy + offset, x + offset, rows, cols, s.channels, mean + first, sums + at, dots + at);
      },
      [&](index at, index offset, index n, index c) { kernels.gradient_sums(dy + offset, x + offset, n, mean[c], sums + at, dots + at); });
  std::fill_n(sum, s.channels, 0.0);
  std::fill_n(dot, s.channels, 0.0);
  for_partials(context, s, [&](index first, index cols, index p) {
    const index at = s.partial_at(first, p);
    for (index j = 0; j < cols; ++j) {
      sum[first + j] += sums[at + j];
      dot[first + j] += dots[at + j];
    }
  });

  for (index i = 0; i < s.channels; ++i) {
    out.dgamma[i] = static_cast<T>(dot[i] * inverse[i]);
    out.dbeta[i] = static_cast<T>(sum[i]);
  }
  if (!training) {  // the statistics are constants: dx = gamma inverse dy
    std::fill_n(sum, s.channels, 0.0);
    normalize(context, dy, s, sum, inverse, gamma, static_cast<const T*>(nullptr), out.dx, carver.rest());
    return;
  }

  // With z = (x - mean) inverse: dx = gamma inverse (dy - mean(dy) - z mean(dy z)) = a (dy + b (x - mean) + c).
  const Centers<T> centers = split_means<T>(mean, nullptr, s.channels, carver);
  Scales<T> a(s.channels, carver);
  T* b = carver.take<T>(s.channels);
  T* c = carver.take<T>(s.channels);
  const double each = 1 / static_cast<double>(s.count());
  const Store store = store_of(s.size(), out.dx, dy, x);
  for (index i = 0; i < s.channels; ++i) {
    a.set(i, gamma ? inverse[i] * static_cast<double>(gamma[i]) : inverse[i]);
    b[i] = static_cast<T>(-inverse[i] * inverse[i] * dot[i] * each);
    c[i] = static_cast<T>(-sum[i] * each);
  }
  for_channel_blocks(
      context, s, 0.5,
      [&](index, index offset, index rows, index first, index cols) {
        kernels.column_backward(dy + offset, x + offset, rows, cols, s.channels, {centers.high + first, centers.low + first},
                                a.stretch_from(first), a.scale + first, b + first, c + first, out.dx + offset, store);
      },
      [&](index, index offset, index n, index i) {
        kernels.backward(dy + offset, x + offset, n, mean[i], a.stretch[i], a.scale[i], b[i], c[i], out.dx + offset);
      });
}

namespace {

// Runs body(row) over rows, in tasks of about 4,096 elements.
template <class F> void for_layer_rows(const Context& context, index rows, index cols, const F& body) {
  const index per_task = std::max<index>(1, 4096 / std::max<index>(1, cols));
  context.parallel((rows + per_task - 1) / per_task, 0.6 * static_cast<double>(rows * cols), [&](index task, int) {
    for (index i = task * per_task; i < std::min(rows, (task + 1) * per_task); ++i) body(i);
  });
}

}  // namespace

template <class T> void layer_norm(const Context& context, const T* x, index rows, index cols, double eps, const T* gamma, const T* beta,
                                   double* mean, double* inverse, T* y, const Epilogue<T>& epilogue) {
  if (cols == 0) return;
  const auto& kernels = context.kernels<T>().normalization;
  for_layer_rows(context, rows, cols, [&](index i) {
    double m2;
    kernels.moments(x + i * cols, cols, mean + i, &m2);
    inverse[i] = 1 / std::sqrt(m2 / static_cast<double>(cols) + eps);
    kernels.layer_affine(x + i * cols, cols, mean[i], inverse[i], gamma, beta, y + i * cols);
    if (epilogue.elementwise()) finish_run(context.kernels<T>(), epilogue, y + i * cols, i * cols, cols);
  });
}

Bytes layer_norm_backward_scratch_bytes(index rows, index cols) {
  const ChannelShape s{rows, cols, 1};
  return 2 * Carver::bytes<double>(s.partials(), cols) + 2 * Carver::bytes<double>(cols);
}

template <class T> void rms_norm(const Context& context, const T* x, index rows, index cols, double eps, const T* gamma, double* mean,
                                 double* inverse, T* y, const Epilogue<T>& epilogue) {
  if (cols == 0) return;
  const Kernels<T>& kernels = context.kernels<T>();
  for_layer_rows(context, rows, cols, [&](index i) {
    mean[i] = 0;
    inverse[i] = 1 / std::sqrt(kernels.penalty.sum_of_squares(x + i * cols, cols, 1) / static_cast<double>(cols) + eps);
    kernels.normalization.layer_affine(x + i * cols, cols, 0, inverse[i], gamma, nullptr, y + i * cols);
    if (epilogue.elementwise()) finish_run(kernels, epilogue, y + i * cols, i * cols, cols);
  });
}

template <class T> void layer_norm_backward(const Context& context, const T* dy, const T* x, index rows, index cols, const double* mean,
                                            const double* inverse, const T* gamma, const NormGradients<T>& out, void* scratch,
                                            bool centers) {
  const auto& kernels = context.kernels<T>().normalization;
  const ChannelShape s{rows, cols, 1};  // not canonical: one column is still 64 rows a partial, each with its statistics
  Carver carver(scratch);
  double* sums = carver.take<double>(s.partials() * cols);
  double* dots = carver.take<double>(s.partials() * cols);
  double* sum = carver.take<double>(cols);
  double* dot = carver.take<double>(cols);
  for_channel_blocks(
      context, s, 0.5,
      [&](index p, index offset, index block, index first, index count) {
        const index at = s.partial_at(first, p), row = p * s.row_block;
        kernels.layer_gradient_sums(dy + offset, x + offset, block, count, cols, mean + row, inverse + row, sums + at, dots + at);
      },
      [](index, index, index, index) {});
  std::fill_n(sum, cols, 0.0);
  std::fill_n(dot, cols, 0.0);
  for_partials(context, s, [&](index first, index count, index p) {
    const index at = s.partial_at(first, p);
    for (index j = 0; j < count; ++j) {
      sum[first + j] += sums[at + j];
      dot[first + j] += dots[at + j];
    }
  });
  for (index j = 0; j < cols; ++j) {
    out.dgamma[j] = static_cast<T>(dot[j]);
    out.dbeta[j] = static_cast<T>(sum[j]);
  }
  if (cols == 0) return;
  for_layer_rows(context, rows, cols, [&](index i) {
    kernels.layer_backward(dy + i * cols, x + i * cols, cols, mean[i], inverse[i], gamma, centers, out.dx + i * cols);
  });
}

#define INSTANTIATE(T)                                                                                                                  \
  template Bytes batch_norm_scratch_bytes<T>(const ChannelShape&);                                                                      \
  template void batch_norm<T>(const Context&, const T*, const ChannelShape&, double, const RunningStatistics<T>&, const T*, const T*,   \
                              double*, double*, T*, void*);                                                                             \
  template Bytes batch_norm_backward_scratch_bytes<T>(const ChannelShape&);                                                             \
  template void batch_norm_backward<T>(const Context&, const T*, const T*, const ChannelShape&, const double*, const double*, const T*, \
                                       bool, const NormGradients<T>&, void*);                                                           \
  template void layer_norm<T>(const Context&, const T*, index, index, double, const T*, const T*, double*, double*, T*,                 \
                              const Epilogue<T>&);                                                                                      \
  template void layer_norm_backward<T>(const Context&, const T*, const T*, index, index, const double*, const double*, const T*,        \
                                       const NormGradients<T>&, void*, bool);                                                           \
  template void rms_norm<T>(const Context&, const T*, index, index, double, const T*, double*, double*, T*, const Epilogue<T>&);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
