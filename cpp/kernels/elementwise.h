// Sums and products of arrays, element by element, and sums of columns.
#pragma once
#include "simd/vec.h"

DENSEKIT_BEGIN

template <class T> void add(const T* a, const T* b, T* y, index n) {
  using V = vec<T>;
  for_lanes<T>(n, [&](index i, index count) { store_any<V>(y + i, load_any<V>(a + i, count) + load_any<V>(b + i, count), count); });
}

template <class T> void column_sum(const T* x, index rows, index cols, index ldx, double* sums) {
  using D = vec<double>;
  constexpr index w = width<double>;
  index j = 0;
  for (; j < cols; j += w) {
    const index count = cols - j < w ? cols - j : w;
    D sum{};
    for (index i = 0; i < rows; ++i) sum += load_as_double(x + i * ldx + j, count);
    store_any<D>(sums + j, sum, count);
  }
}

template <class T> constexpr ElementwiseKernels<T> elementwise_kernels{add<T>};
template <class T> constexpr ColumnKernels<T> column_kernels{column_sum<T>};

DENSEKIT_END
