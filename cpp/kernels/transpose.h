// Matrices of a vector's width, turned.
#pragma once
#include "simd/vec.h"

DENSEKIT_BEGIN

// to[p * to_stride + i] = from[i * from_stride + p] for i < rows <= width and p < k; lanes from rows to `lanes` become zero.
template <class T> void transpose_strip(index rows, index k, const T* from, index from_stride, T* to, index to_stride, index lanes) {
  using V = vec<T>;
  constexpr int w = width<T>;
  for (index p = 0; p < k; p += w) {
    const index depth = k - p < w ? k - p : w;
    V square[w];
#pragma GCC unroll 16
    for (int i = 0; i < w; ++i) square[i] = i < rows ? load_any<V>(from + i * from_stride + p, depth) : V{};
    transpose(square);
#pragma GCC unroll 16
    for (int i = 0; i < w; ++i)
      if (i < depth) store_any<V>(to + (p + i) * to_stride, square[i], lanes);
  }
}

DENSEKIT_END
