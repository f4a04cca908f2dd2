#include "ops/epilogue.h"

namespace densekit {

template <class T> void epilogue_backward(const Context& context, const Epilogue<T>& e, const T* dy, const T* slope_from, T* dz, index n) {
  const Kernels<T>& kernels = context.kernels<T>();
  const bool linear = e.activation == Activation::identity;
  // What relu and dropout let through is what is positive in their output: no mask needs to be drawn again.
  const bool from_output = e.dropout && e.activation == Activation::relu && slope_from != e.saved && !e.dropout->nothing_left;
  context.parallel_pieces(n, e.dropout && !from_output ? 1.2 : 0.5, [&](index i, index length, int) {
    const T* upstream = dy + i;
    if (from_output) kernels.dropout.scale(upstream, dz + i, length, e.dropout->factor);
    else if (e.dropout) e.dropout->apply(kernels, static_cast<std::uint64_t>(i), upstream, dz + i, length);
    if (e.dropout) upstream = dz + i;
    if (!linear)
      kernels.activation.backward[static_cast<int>(e.activation)](upstream, slope_from + i, dz + i, length, e.parameter, Store::cached);
    else if (upstream != dz + i) std::copy_n(upstream, length, dz + i);
  });
}

template void epilogue_backward<float>(const Context&, const Epilogue<float>&, const float*, const float*, float*, index);
template void epilogue_backward<double>(const Context&, const Epilogue<double>&, const double*, const double*, double*, index);

}  // namespace densekit
