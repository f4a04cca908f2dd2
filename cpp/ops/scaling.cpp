#include "ops/scaling.h"

#include "core/arena.h"

namespace densekit {

template <class T> Bytes channel_range_scratch_bytes(const ChannelShape& shape) {
  const ChannelShape s = shape.canonical();
  return 2 * Carver::bytes<T>(s.partials(), s.channels);
}

template <class T> void channel_range(const Context& context, const T* x, ChannelShape shape, T* low, T* high, void* scratch) {
  const ChannelShape s = shape.canonical();
  const auto& kernels = context.kernels<T>().scaling;
  Carver carver(scratch);
  T* lows = carver.take<T>(s.partials() * s.channels);
  T* highs = carver.take<T>(s.partials() * s.channels);
  for_channel_blocks(
      context, s, 0.3,
      [&](index p, index offset, index rows, index first, index cols) {
        const index at = s.partial_at(first, p);
        kernels.column_range(x + offset, rows, cols, s.channels, lows + at, highs + at);
      },
      [&](index at, index offset, index n, index) { kernels.range(x + offset, n, lows + at, highs + at); });
  for_partials(context, s, [&](index first, index cols, index p) {
    const index at = s.partial_at(first, p);
    if (p == 0) {
      std::copy_n(lows + at, cols, low + first);
      std::copy_n(highs + at, cols, high + first);
    } else {
      kernels.merge_ranges(low + first, high + first, lows + at, highs + at, cols);
    }
  });
}

template <class T> void clamp(const Context& context, T* y, index n, double low, double high) {
  context.parallel_pieces(n, 0.3, [&](index i, index length, int) {
    context.kernels<T>().scaling.clamp(y + i, length, static_cast<T>(low), static_cast<T>(high));
  });
}

#define INSTANTIATE(T)                                                                   \
  template Bytes channel_range_scratch_bytes<T>(const ChannelShape&);                    \
  template void channel_range<T>(const Context&, const T*, ChannelShape, T*, T*, void*); \
  template void clamp<T>(const Context&, T*, index, double, double);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
