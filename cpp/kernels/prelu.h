// Rectified linear units whose slope below 0 is trained. He et al., ICCV 2015.
#pragma once
#include "simd/vec.h"

DENSEKIT_BEGIN

// The slopes of columns j, …, j + count - 1.
template <class V> inline V slopes(const lane<V>* alpha, bool shared, index j, index count) {
  return shared ? V{} + alpha[0] : load_any<V>(alpha + j, count);
}

template <class T> void prelu(const T* x, index rows, index cols, index ldx, const T* alpha, bool shared, T* y) {
  using V = vec<T>;
  for (index i = 0; i < rows; ++i)
    for_lanes<T>(cols, [&](index j, index count) {
      const V v = load_any<V>(x + i * ldx + j, count);
      store_any<V>(y + i * ldx + j, select<V>(v > 0, v, slopes<V>(alpha, shared, j, count) * v), count);
    });
}

template <class T> void prelu_backward(const T* dy, const T* x, index rows, index cols, index ldx, const T* alpha, bool shared, T* dx) {
  using V = vec<T>;
  for (index i = 0; i < rows; ++i)
    for_lanes<T>(cols, [&](index j, index count) {
      const V upstream = load_any<V>(dy + i * ldx + j, count);
      const bits<V> positive = load_any<V>(x + i * ldx + j, count) > 0;
      store_any<V>(dx + i * ldx + j, select<V>(positive, upstream, slopes<V>(alpha, shared, j, count) * upstream), count);
    });
}

template <class T> void prelu_sums(const T* dy, const T* x, index rows, index cols, index ldx, double* sums) {
  using D = vec<double>;
  for_lanes<double>(cols, [&](index j, index count) {
    D sum{};
    for (index i = 0; i < rows; ++i) {
      const D v = load_as_double(x + i * ldx + j, count);
      sum = select<D>(v > 0, sum, fma(load_as_double(dy + i * ldx + j, count), v, sum));
    }
    store_any<D>(sums + j, sum, count);
  });
}

template <class T> constexpr PreluKernels<T> prelu_kernels{prelu<T>, prelu_backward<T>, prelu_sums<T>};

DENSEKIT_END
