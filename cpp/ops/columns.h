// Columns of a matrix copied to others, row by row.
#pragma once
#include <algorithm>
#include <cstring>
#include <vector>

#include "core/context.h"
#include "ops/pieces.h"

namespace densekit {

// A matrix of which each row begins `stride` numbers after the one before.
template <class T> struct Strided {
  T* data;
  index stride;
  T* row(index i) const { return data + i * stride; }
};

// Calls body(i) for each row; cols: the numbers that it moves.
template <class F> void for_rows(const Context& context, index rows, index cols, const F& body) {
  const index per_task = std::max<index>(1, 16384 / std::max<index>(1, cols));
  context.parallel(ceil_div(rows, per_task), 0.15 * static_cast<double>(rows) * static_cast<double>(cols), [&](index task, int) {
    for (index i = task * per_task; i < std::min(rows, (task + 1) * per_task); ++i) body(i);
  });
}

// to[i, j] = from[i, j] for j < cols.
template <class T> void copy_columns(const Context& context, Strided<const T> from, Strided<T> to, index rows, index cols) {
  for_rows(context, rows, cols, [&](index i) { std::copy_n(from.row(i), cols, to.row(i)); });
}

// to[i, k] = from[i, columns[k]].
template <class T>
void take_columns(const Context& context, Strided<const T> from, const std::vector<index>& columns, Strided<T> to, index rows) {
  const index count = static_cast<index>(columns.size());
  for_rows(context, rows, count, [&](index i) {
    for (index k = 0; k < count; ++k) to.row(i)[k] = from.row(i)[columns[static_cast<std::size_t>(k)]];
  });
}

// The transpose of take_columns: to[i, columns[k]] = from[i, k], and 0 in the other columns.
template <class T>
void put_columns(const Context& context, Strided<const T> from, const std::vector<index>& columns, Strided<T> to, index rows, index cols) {
  const index count = static_cast<index>(columns.size());
  for_rows(context, rows, cols, [&](index i) {
    std::fill_n(to.row(i), cols, T(0));
    for (index k = 0; k < count; ++k) to.row(i)[columns[static_cast<std::size_t>(k)]] = from.row(i)[k];
  });
}

}  // namespace densekit
