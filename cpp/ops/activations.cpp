#include "ops/activations.h"

#include "ops/stores.h"

namespace densekit {

constexpr double nanoseconds_each = 0.5;

template <class T> void activation_forward(const Context& context, Activation kind, const T* z, T* y, index n, T parameter) {
  const auto kernel = context.kernels<T>().activation.forward[static_cast<int>(kind)];
  const Store store = store_of(n, y, z);
  context.parallel_pieces(n, nanoseconds_each, [&](index i, index length, int) { kernel(z + i, y + i, length, parameter, store); });
}

template <class T>
void activation_backward(const Context& context, Activation kind, const T* dy, const T* saved, T* dz, index n, T parameter) {
  const auto kernel = context.kernels<T>().activation.backward[static_cast<int>(kind)];
  const Store store = store_of(n, dz, dy, saved);
  context.parallel_pieces(n, nanoseconds_each,
                          [&](index i, index length, int) { kernel(dy + i, saved + i, dz + i, length, parameter, store); });
}

#define INSTANTIATE(T)                                                                     \
  template void activation_forward<T>(const Context&, Activation, const T*, T*, index, T); \
  template void activation_backward<T>(const Context&, Activation, const T*, const T*, T*, index, T);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
