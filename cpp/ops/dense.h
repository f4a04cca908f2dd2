// The dense layer: y = activation(x w + b), and its backward pass.
#pragma once
#include "ops/matmul.h"

namespace densekit {

// x (m, k), w (k, n) by strides; epilogue as in ops/matmul.h; y (m, n). Forward is matmul itself.

template <class T> struct DenseGradients {
  T *dx, *dw, *db;  // (m, k), (k, n), (n); null: not wanted
};

// dz (m, n) contiguous: the gradient before the activation.
template <class T> Bytes dense_backward_scratch_bytes(const Context& context, index m, index n, index k);
template <class T> void dense_backward(const Context& context, const T* dz, View<T> x, View<T> w, DenseGradients<T> out, void* scratch);

// sums[j] = sum of column j of x (rows, cols), contiguous: partials of 64 rows in float64, added in order.
Bytes column_sums_scratch_bytes(index rows, index cols);
template <class T> void column_sums(const Context& context, const T* x, index rows, index cols, T* sums, void* scratch);

}  // namespace densekit
