// The update of n parameters, in place. Coefficients are derived once per step in double by the caller.
#pragma once
#include "simd/vec.h"

DENSEKIT_BEGIN

// p <- keep p - rate g
template <class T> void sgd(T* p, const T* g, index n, T keep, T rate) {
  using V = vec<T>;
  for_lanes<T>(n, [&](index i, index count) {
    const V x = load_any<V>(p + i, count);
    store_any<V>(p + i, fma(V{} - rate, load_any<V>(g + i, count), x * keep), count);
  });
}

template <class T> constexpr OptimizerKernels<T> optimizer_kernels{sgd<T>};

DENSEKIT_END
