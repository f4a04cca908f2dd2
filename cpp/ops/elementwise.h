// Sums and copies of arrays.
#pragma once
#include <algorithm>

#include "core/context.h"

namespace densekit {

// y = a + b (n); y may be a or b.
template <class T> void add(const Context& context, const T* a, const T* b, T* y, index n) {
  context.parallel_pieces(n, 0.3, [&](index i, index length, int) { context.kernels<T>().elementwise.add(a + i, b + i, y + i, length); });
}

// y = x (n), in pieces: a copy into memory that nobody has touched yet takes a millisecond and more for each MiB.
template <class T> void copy(const Context& context, const T* x, T* y, index n) {
  context.parallel_pieces(n, 0.3, [&](index i, index length, int) { std::copy_n(x + i, length, y + i); });
}

}  // namespace densekit
