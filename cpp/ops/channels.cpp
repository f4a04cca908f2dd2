#include "ops/channels.h"

#include "core/arena.h"
#include "ops/centers.h"
#include "ops/stores.h"

namespace densekit {

Bytes channel_moments_scratch_bytes(const ChannelShape& shape) {
  const ChannelShape s = shape.canonical();
  return 2 * Carver::bytes<double>(s.partials(), s.channels);
}

void merge_channel_moments(const Context& context, const ChannelShape& s, const double* means, const double* squares, double* mean,
                           double* m2) {
  for_partials(context, s, [&](index first, index cols, index p) {
    const index at = s.partial_at(first, p);
    if (p == 0) {
      std::copy_n(means + at, cols, mean + first);
      std::copy_n(squares + at, cols, m2 + first);
      return;
    }
    // Before p: whole blocks of 64 rows, or all samples before this one and the pieces before this piece.
    const index before = s.columns() ? p * s.row_block : p / s.pieces() * s.inner + p % s.pieces() * s.piece;
    context.kernels<double>().normalization.merge_moments(mean + first, m2 + first, static_cast<double>(before), means + at, squares + at,
                                                          static_cast<double>(s.partial_count(p)), cols);
  });
}

template <class T> void channel_moments(const Context& context, const T* x, ChannelShape shape, double* mean, double* m2, void* scratch) {
  const ChannelShape s = shape.canonical();
  const auto& kernels = context.kernels<T>().normalization;
  Carver carver(scratch);
  double* means = carver.take<double>(s.partials() * s.channels);
  double* squares = carver.take<double>(s.partials() * s.channels);
  const bool far = beyond_caches<T>(s.size());
  for_channel_blocks(
      context, s, 0.4,
      [&](index p, index offset, index rows, index first, index cols) {
        const index at = s.partial_at(first, p);
        kernels.column_moments(x + offset, rows, cols, s.channels, means + at, squares + at, far);
      },
      [&](index at, index offset, index n, index) { kernels.moments(x + offset, n, means + at, squares + at); });
  merge_channel_moments(context, s, means, squares, mean, m2);
}

template <class T> Bytes normalize_scratch_bytes(const ChannelShape& shape) { return 5 * Carver::bytes<T>(shape.channels); }

template <class T> void normalize(const Context& context, const T* x, ChannelShape shape, const double* mean, const double* inverse,
                                  const T* gamma, const T* beta, T* y, void* scratch, const Epilogue<T>& epilogue) {
  const ChannelShape s = shape.canonical();
  const Kernels<T>& all = context.kernels<T>();
  const auto& kernels = all.normalization;
  Carver carver(scratch);
  Scales<T> scales(s.channels, carver);
  T* shift = carver.take<T>(s.channels);
  for (index c = 0; c < s.channels; ++c) {
    scales.set(c, gamma ? inverse[c] * static_cast<double>(gamma[c]) : inverse[c]);
    shift[c] = beta ? beta[c] : T(0);
  }
  const Centers<T> centers = split_means(mean, scales.stretch_from(0), s.channels, carver);
  const Store store = epilogue.elementwise() ? Store::cached : store_of(s.size(), y, x);
  for_channel_blocks(
      context, s, epilogue.elementwise() ? 1.2 : 0.4,
      [&](index, index offset, index rows, index first, index cols) {
        const Affine<T> map{{centers.high + first, centers.low + first}, scales.stretch_from(first), scales.scale + first, shift + first};
        kernels.column_affine(x + offset, rows, cols, s.channels, map, y + offset, s.channels, store);
        finish(all, epilogue, y, s.channels, offset / s.channels, first, rows, cols);
      },
      [&](index, index offset, index n, index c) {
        kernels.affine(x + offset, n, mean[c], scales.stretch[c], scales.scale[c], shift[c], y + offset, store);
        if (epilogue.elementwise()) finish_run(all, epilogue, y + offset, offset, n);
      });
}

#define INSTANTIATE(T)                                                                                                            \
  template void channel_moments<T>(const Context&, const T*, ChannelShape, double*, double*, void*);                              \
  template Bytes normalize_scratch_bytes<T>(const ChannelShape&);                                                                 \
  template void normalize<T>(const Context&, const T*, ChannelShape, const double*, const double*, const T*, const T*, T*, void*, \
                             const Epilogue<T>&);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
