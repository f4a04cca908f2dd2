// Sums of arrays.
#pragma once
#include "core/context.h"

namespace densekit {

// y = a + b (n); y may be a or b.
template <class T> void add(const Context& context, const T* a, const T* b, T* y, index n) {
  context.parallel_pieces(n, 0.3, [&](index i, index length, int) { context.kernels<T>().elementwise.add(a + i, b + i, y + i, length); });
}

}  // namespace densekit
