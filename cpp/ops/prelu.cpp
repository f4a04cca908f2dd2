#include "ops/prelu.h"

#include <algorithm>

#include "ops/channels.h"

namespace densekit {
namespace {

constexpr auto no_runs = [](index, index, index, index) {};  // of matrices

}  // namespace

template <class T> void prelu(const Context& context, const T* x, index rows, index cols, const T* alpha, bool shared, T* y) {
  const auto kernel = context.kernels<T>().prelu.forward;
  for_channel_blocks(
      context, ChannelShape{rows, cols, 1}, 0.4,
      [&](index, index offset, index block, index first, index count) {
        kernel(x + offset, block, count, cols, shared ? alpha : alpha + first, shared, y + offset);
      },
      no_runs);
}

Bytes prelu_backward_scratch_bytes(index rows, index cols) {
  return Carver::bytes<double>(ChannelShape{rows, cols, 1}.partials(), cols) + Carver::bytes<double>(cols);
}

template <class T> void prelu_backward(const Context& context, const T* dy, const T* x, index rows, index cols, const T* alpha, bool shared,
                                       T* dx, T* dalpha, void* scratch) {
  const auto& kernels = context.kernels<T>().prelu;
  const ChannelShape s{rows, cols, 1};
  Carver carver(scratch);
  double* partial = carver.take<double>(s.partials() * cols);
  double* sum = carver.take<double>(cols);
  for_channel_blocks(
      context, s, 0.6,
      [&](index p, index offset, index block, index first, index count) {
        if (dalpha)
          kernels.sums(dy + offset, x + offset, block, count, cols, partial + s.partial_at(first, p));  // before dx, which may be dy
        if (dx) kernels.backward(dy + offset, x + offset, block, count, cols, shared ? alpha : alpha + first, shared, dx + offset);
      },
      no_runs);
  if (!dalpha) return;
  std::fill_n(sum, cols, 0.0);
  for_partials(context, s, [&](index first, index count, index p) {
    for (index j = 0; j < count; ++j) sum[first + j] += partial[s.partial_at(first, p) + j];
  });
  if (shared) {
    double total = 0;
    for (index j = 0; j < cols; ++j) total += sum[j];
    dalpha[0] = static_cast<T>(total);
  } else {
    for (index j = 0; j < cols; ++j) dalpha[j] = static_cast<T>(sum[j]);
  }
}

#define INSTANTIATE(T)                                                                \
  template void prelu<T>(const Context&, const T*, index, index, const T*, bool, T*); \
  template void prelu_backward<T>(const Context&, const T*, const T*, index, index, const T*, bool, T*, T*, void*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
