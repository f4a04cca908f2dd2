// Rows of a caller's table, in any order, as contiguous rows of T.
#pragma once
#include <cstring>

#include "core/context.h"
#include "densekit/network_class.h"

namespace densekit {

template <class T, class Source> void gather_row(const char* from, index cols, index stride, T* to) {
  for (index j = 0; j < cols; ++j) {
    Source value;  // may lie anywhere
    std::memcpy(&value, from + j * stride, sizeof value);
    to[j] = static_cast<T>(value);
  }
}

// Asks for the beginning of a row that is needed soon: where rows come in any order, the hardware does not foresee them.
constexpr index rows_ahead = 4;
inline void fetch_row(const char* row, index bytes) {
  for (index at = 0; at < bytes && at < 1024; at += 64) __builtin_prefetch(row + at);
}

// rows (count): which; null: 0, 1, 2, … to (count, table.cols).
template <class T> void gather_rows(const Context& context, const Table2D& table, const std::int64_t* rows, index count, T* to) {
  using Type = Table2D::Type;
  const bool same = (table.type == Type::float32) == (sizeof(T) == 4) && table.type != Type::uint8;
  const index bytes = table.cols * table.col_stride;
  const index per_task = std::max<index>(1, 16384 / std::max<index>(1, table.cols));
  context.parallel((count + per_task - 1) / per_task, 0.15 * static_cast<double>(count) * static_cast<double>(table.cols),
                   [&](index task, int) {
                     const index end = std::min(count, (task + 1) * per_task);
                     for (index i = task * per_task; i < end; ++i) {
                       if (rows && i + rows_ahead < end)
                         fetch_row(static_cast<const char*>(table.data) + rows[i + rows_ahead] * table.row_stride, bytes);
                       const char* from = static_cast<const char*>(table.data) + (rows ? rows[i] : i) * table.row_stride;
                       T* row = to + i * table.cols;
                       if (same && table.col_stride == static_cast<index>(sizeof(T)))
                         std::memcpy(row, from, static_cast<std::size_t>(table.cols) * sizeof(T));
                       else if (table.type == Type::float32) gather_row<T, float>(from, table.cols, table.col_stride, row);
                       else if (table.type == Type::float64) gather_row<T, double>(from, table.cols, table.col_stride, row);
                       else gather_row<T, std::uint8_t>(from, table.cols, table.col_stride, row);
                     }
                   });
}

}  // namespace densekit
