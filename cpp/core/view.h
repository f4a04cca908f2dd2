// A matrix in somebody else's memory; strides count elements and may be zero or negative.
#pragma once
#include <cstddef>

namespace densekit {

using index = std::ptrdiff_t;

template <class T> struct View {
  const T* data;
  index rows, cols, row_stride, col_stride;

  View transposed() const { return {data, cols, rows, col_stride, row_stride}; }
  const T* at(index i, index j) const { return data + i * row_stride + j * col_stride; }
};

}  // namespace densekit
