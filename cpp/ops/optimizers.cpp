#include "ops/optimizers.h"

namespace densekit {

template <class T> void sgd(const Context& context, T* p, const T* g, index n, double keep, double rate) {
  context.parallel_pieces(n, 0.3, [&](index i, index length, int) {
    context.kernels<T>().optimizer.sgd(p + i, g + i, length, static_cast<T>(keep), static_cast<T>(rate));
  });
}

template void sgd<float>(const Context&, float*, const float*, index, double, double);
template void sgd<double>(const Context&, double*, const double*, index, double, double);

}  // namespace densekit
