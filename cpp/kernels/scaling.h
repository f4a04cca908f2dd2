// Ranges for column-wise scaling of data.
#pragma once
#include "simd/math.h"

DENSEKIT_BEGIN

template <class T> void column_range(const T* x, index rows, index cols, index ldx, T* low, T* high) {
  using V = vec<T>;
  for_lanes<T>(cols, [&](index j, index count) {
    V least = load_any<V>(x + j, count), most = least;
    for (index i = 1; i < rows; ++i) {
      const V v = load_any<V>(x + i * ldx + j, count);
      least = min_nan(v, least);
      most = max_nan(v, most);
    }
    store_any<V>(low + j, least, count);
    store_any<V>(high + j, most, count);
  });
}

template <class T> void run_range(const T* x, index n, T* low, T* high) {
  using V = vec<T>;
  V least = V{} + x[0], most = least;
  for_lanes<T>(n, [&](index i, index count) {
    const V v = select<V>(first_lanes<V>(count), load_any<V>(x + i, count), V{} + x[0]);
    least = min_nan(v, least);
    most = max_nan(v, most);
  });
  *low = -hmax_nan(-least);
  *high = hmax_nan(most);
}

template <class T> void merge_ranges(T* low, T* high, const T* low_b, const T* high_b, index n) {
  using V = vec<T>;
  for_lanes<T>(n, [&](index i, index count) {
    store_any<V>(low + i, min_nan(load_any<V>(low_b + i, count), load_any<V>(low + i, count)), count);
    store_any<V>(high + i, max_nan(load_any<V>(high_b + i, count), load_any<V>(high + i, count)), count);
  });
}

template <class T> void clamp_in_place(T* y, index n, T low, T high) {
  using V = vec<T>;
  for_lanes<T>(n, [&](index i, index count) { store_any<V>(y + i, clamp(load_any<V>(y + i, count), low, high), count); });
}

template <class T> constexpr ScalingKernels<T> scaling_kernels{column_range<T>, run_range<T>, merge_ranges<T>, clamp_in_place<T>};

DENSEKIT_END
