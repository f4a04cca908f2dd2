#include "ops/matmul.h"

#include <algorithm>
#include <type_traits>

#include "core/arena.h"
#include "core/float_state.h"
#include "ops/matmul_packed.h"
#include "ops/pieces.h"

namespace densekit {
namespace {

template <class T> constexpr bool is_float32 = std::is_same_v<T, float>;

constexpr double small_product = 524288;             // multiplications
double multiplications(index m, index n, index k) {  // they may overflow
  return static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
}

// piece_start in units of 64 rows where the moments of such blocks are wanted.
index row_start(index m, index pieces, index p, bool blocks) {
  return blocks ? std::min(m, moment_rows * piece_start(ceil_div(m, moment_rows), pieces, p)) : piece_start(m, pieces, p);
}

// Packing pays when each packed element is used often enough, and B does not stay in L2 as it lies. Columns of A that are
// contiguous (a transposed) are read a few elements at a time: there it pays sooner. Measured: docs/performance.md.
template <class T> bool goes_direct(const Context& context, index m, index n, index k, bool a_transposed) {
  if (context.road != Road::automatic) return context.road == Road::direct;
  const index few = context.kernels<T>().gemm.direct_rows;
  const double size = sizeof(T), rows = static_cast<double>(m), cols = static_cast<double>(n), depth = static_cast<double>(k);
  if (m <= few || k <= few || multiplications(m, n, k) <= small_product) return true;
  const double cached = m <= 2 * few ? 1024.0 * 1024.0 : 256.0 * 1024.0;
  return size * depth * cols <= cached && (!a_transposed || size * rows * cols <= 65536.0);
}
template <class T> bool is_transposed(View<T> a) { return a.row_stride == 1 && a.col_stride != 1; }

template <class T> struct Shape {
  const GemmKernels<T>& gemm;
  index m, n, k;
  index panels() const { return ceil_div(n, gemm.tile_width); }  // column panels, one tile wide
  index panel_cols(index panel) const { return std::min<index>(gemm.tile_width, n - panel * gemm.tile_width); }
};

// B is read where it lies, or, if its rows are not contiguous, from panels that were packed before; A always in place.
template <class T> void multiply_direct(const Context& context, View<T> a, View<T> b, T* c, const Epilogue<T>& epilogue, void* scratch) {
  const Kernels<T>& kernels = context.kernels<T>();
  const GemmKernels<T>& gemm = kernels.gemm;
  const Shape<T> shape{gemm, a.rows, b.cols, a.cols};
  const index m = shape.m, n = shape.n, k = shape.k, width = gemm.tile_width;
  const double nanoseconds = flops_time(m, n, k);
  T* packed = nullptr;
  if (b.col_stride != 1) {
    packed = static_cast<T*>(scratch);
    context.parallel(shape.panels(), nanoseconds / static_cast<double>(m), [&](index panel, int) {
      gemm.pack_b(k, shape.panel_cols(panel), b.at(0, panel * width), b.row_stride, b.col_stride, packed + panel * width * k);
    });
  }
  // A task is a strip of rows and a strip of column panels, about 32 rows by 8 panels.
  const bool blocks = epilogue.block_means;
  const index row_tasks = ceil_div(m, blocks ? moment_rows : 4 * gemm.direct_rows);
  const bool few_rows = m <= most_row_tile && !packed;
  const index col_tasks = ceil_div(shape.panels(), few_rows ? 16 : 8);
  context.parallel(row_tasks * col_tasks, nanoseconds, [&](index task, int worker) {
    const index first_row = row_start(m, row_tasks, task / col_tasks, blocks),
                end_row = row_start(m, row_tasks, task / col_tasks + 1, blocks);
    const index first_panel = piece_start(shape.panels(), col_tasks, task % col_tasks);
    const index end_panel = piece_start(shape.panels(), col_tasks, task % col_tasks + 1);
    const index tiles = few_rows ? 0 : ceil_div(end_row - first_row, gemm.direct_rows);
    const index col = first_panel * width, cols = std::min(n, end_panel * width) - col;
    if (few_rows) {
      for (index p = 0; p < k; p += k_block)
        gemm.row_tile(m, cols, std::min(k_block, k - p), a.at(0, p), a.row_stride, a.col_stride, b.at(p, col), b.row_stride, c + col, n,
                      p > 0);
      finish(kernels, epilogue, c, n, 0, col, m, cols);
    }
    for (index t = 0; t < tiles; ++t) {
      const index row = first_row + piece_start(end_row - first_row, tiles, t);
      const index rows = first_row + piece_start(end_row - first_row, tiles, t + 1) - row;
      for (index panel = first_panel; panel < end_panel; ++panel) {
        const T* panel_of_b = packed ? packed + panel * width * k : b.at(0, panel * width);
        const index b_depth = packed ? width : b.row_stride;
        for (index p = 0; p < k; p += k_block) {
          if (p % (256 * k_block) == 0 && p > 0 && context.stopped(worker)) return;  // a long sum over the rows of a batch
          gemm.direct_tile(rows, shape.panel_cols(panel), std::min(k_block, k - p), a.at(row, p), a.row_stride, a.col_stride,
                           panel_of_b + p * b_depth, b_depth, c + row * n + panel * width, n, p > 0);
        }
      }
      finish(kernels, epilogue, c, n, row, col, rows, cols);
    }
    if (blocks) block_moments(kernels, epilogue, c, n, first_row, end_row, col, cols);
  });
}

// Whether a product's operands are rounded. The shape decides, never what the elements are, so far as they can be rounded.
template <class T> bool may_round(const Context& context, index m, index n, index k) {
  if (!is_float32<T> || !context.bf16) return false;
  return m >= 16 && n >= 16 && k >= 16 && multiplications(m, n, k) >= small_product;
}

}  // namespace

template <class T> static Bytes direct_bytes(const Context& context, index n, index k) {
  const index width = context.kernels<T>().gemm.tile_width;
  return Carver::bytes<T>(ceil_div(n, width) * width, k);
}
template <class T> static Bytes packed_bytes(const Context& context, index m, index k) {
  return packed_bytes(context, Exact<T>{context.kernels<T>().gemm}, m, k);
}
template <class T> static Bytes rounded_bytes(const Context& context, index m, index n, index k) {
  return may_round<T>(context, m, n, k) ? packed_bytes(context, Rounded{*context.bf16}, m, k) : 0;
}
template <class T> Bytes matmul_scratch_bytes(const Context& context, index m, index n, index k) {
  Bytes most = rounded_bytes<T>(context, m, n, k);
  for (const bool a_transposed : {false, true})
    most = std::max(most, goes_direct<T>(context, m, n, k, a_transposed) ? direct_bytes<T>(context, n, k) : packed_bytes<T>(context, m, k));
  return most;
}
template <class T> Bytes matmul_most_scratch_bytes(const Context& context, index m, index n, index k) {
  return std::max({direct_bytes<T>(context, n, k), packed_bytes<T>(context, m, k),
                   rounded_bytes<T>(context, m, n, k)});  // one row goes direct, whatever B is
}

template <class T> void matmul(const Context& context, View<T> a, View<T> b, T* c, const Epilogue<T>& epilogue, void* scratch) {
  const index m = a.rows, n = b.cols, k = a.cols;
  if (m == 0 || n == 0) return;
  // Of larger products denormal numbers are zero: some processors take a hundred times as long for each of them.
  const WithFloatState state(multiplications(m, n, k) > small_product ? flushing(float_state()) : float_state());
  if constexpr (is_float32<T>) {
    const bool packable = (a.row_stride == 1 || a.col_stride == 1) && (b.row_stride == 1 || b.col_stride == 1);
    if (may_round<T>(context, m, n, k) && packable && multiply_packed(context, Rounded{*context.bf16}, a, b, c, epilogue, scratch)) return;
  }
  if (k == 0) {
    std::fill(c, c + m * n, T(0));
    finish(context.kernels<T>(), epilogue, c, n, 0, 0, m, n);
    if (epilogue.block_means) block_moments(context.kernels<T>(), epilogue, c, n, 0, m, 0, n);
  } else if (goes_direct<T>(context, m, n, k, is_transposed(a))) {
    multiply_direct(context, a, b, c, epilogue, scratch);
  } else {
    multiply_packed(context, Exact<T>{context.kernels<T>().gemm}, a, b, c, epilogue, scratch);
  }
}

#define INSTANTIATE(T)                                                              \
  template Bytes matmul_scratch_bytes<T>(const Context&, index, index, index);      \
  template Bytes matmul_most_scratch_bytes<T>(const Context&, index, index, index); \
  template void matmul<T>(const Context&, View<T>, View<T>, T*, const Epilogue<T>&, void*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
