// c = a b with an optional epilogue. The only file that knows about blocking.
#pragma once
#include "core/context.h"
#include "core/view.h"

namespace densekit {

// What is done to a finished tile of c while it is in cache: the ordinary elementwise kernels, so that the result is
// that of a separate pass, bit for bit.  z = a b + bias; saved = z; c = activation(z).
template <class T> struct Epilogue {
  const T* bias = nullptr;  // (cols of c)
  Activation activation = Activation::identity;
  T parameter = 0;
  T* saved = nullptr;  // (m, n) like c
};

template <class T> index matmul_scratch_bytes(const Context& context, index m, index n, index k);

// a (m, k) and b (k, n) by strides; c (m, n) contiguous, overwritten, apart from a and b.
template <class T> void matmul(const Context& context, View<T> a, View<T> b, T* c, const Epilogue<T>& epilogue, void* scratch);

}  // namespace densekit
