// What is done to finished elements while they are in cache: the ordinary elementwise kernels, so that the result is
// that of separate passes, bit for bit.
#pragma once
#include <algorithm>

#include "ops/activations.h"
#include "ops/dropout.h"

namespace densekit {

// z = c + bias; c = activation(z), then dropout. c is (rows, cols), contiguous.
template <class T> struct Epilogue {
  const T* bias = nullptr;  // (cols)
  Activation activation = Activation::identity;
  T parameter = 0;
  T* saved = nullptr;  // like c: what the slope is computed from, z or y as activations.def says; y is the one before dropout
  const DropoutPass<T>* dropout = nullptr;
  // Of c as finished, for each block of 64 rows: the mean and the sum of squared differences from it, (blocks, cols).
  double *block_means = nullptr, *block_squares = nullptr;

  bool elementwise() const { return saved || activation != Activation::identity || dropout; }
};

constexpr index moment_rows = 64;

// n elements of c in a row, c[0] being number `at`. The bias is not added.
template <class T> void finish_run(const Kernels<T>& kernels, const Epilogue<T>& e, T* c, index at, index n) {
  const bool keeps_z = saves_input(e.activation);
  if (e.saved && keeps_z) std::copy(c, c + n, e.saved + at);
  if (e.activation != Activation::identity) kernels.activation.forward[static_cast<int>(e.activation)](c, c, n, e.parameter, Store::cached);
  if (e.saved && !keeps_z) std::copy(c, c + n, e.saved + at);
  if (e.dropout) e.dropout->apply(kernels, static_cast<std::uint64_t>(at), c, c, n);
}

// A block of c, whose rows are ldc apart and numbered from 0.
template <class T>
void finish(const Kernels<T>& kernels, const Epilogue<T>& e, T* c, index ldc, index row, index col, index rows, index cols) {
  if (e.bias)
    for (index i = row; i < row + rows; ++i) kernels.elementwise.add(c + i * ldc + col, e.bias + col, c + i * ldc + col, cols);
  if (!e.elementwise()) return;
  if (cols == ldc) cols *= rows, rows = 1;  // whole rows are one run
  for (index i = row; i < row + rows; ++i) finish_run(kernels, e, c + i * ldc + col, i * ldc + col, cols);
}

// The moments of the blocks of 64 rows in [row, end), row a multiple of 64, of `cols` columns from `col`.
template <class T>
void block_moments(const Kernels<T>& kernels, const Epilogue<T>& e, const T* c, index ldc, index row, index end, index col, index cols) {
  for (index i = row; i < end; i += moment_rows) {
    const index at = i / moment_rows * ldc + col;
    kernels.normalization.column_moments(c + i * ldc + col, std::min(moment_rows, end - i), cols, ldc, e.block_means + at,
                                         e.block_squares + at, false);
  }
}

// dz (n) = dy times what the activation and dropout of an epilogue let through. slope_from: z or y as saved (y may come from
// after dropout where activation is relu). dz may be dy.
template <class T> void epilogue_backward(const Context& context, const Epilogue<T>& e, const T* dy, const T* slope_from, T* dz, index n);

}  // namespace densekit
