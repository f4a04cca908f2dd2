#include "ops/distances.h"

#include <algorithm>

#include "core/arena.h"
#include "ops/matmul.h"
#include "ops/pieces.h"

namespace densekit {
namespace {

constexpr index expanded_from = 32;  // columns; below, the differences cost less than the product saves

bool goes_expanded(Metric metric, index depth, bool precise) { return metric == Metric::l2 && depth >= expanded_from && !precise; }

template <class T>
void expanded(const Context& context, const T* x, const T* y, index rows, index cols, index depth, T* out, void* scratch) {
  const Kernels<T>& kernels = context.kernels<T>();
  Carver carver(scratch);
  double* xx = carver.take<double>(rows);
  double* yy = carver.take<double>(cols);
  const auto squares = [&](const T* a, index n, double* result) {
    constexpr index per_task = 64;
    context.parallel(ceil_div(n, per_task), 0.3 * static_cast<double>(n * depth), [&](index task, int) {
      for (index i = task * per_task; i < std::min(n, (task + 1) * per_task); ++i) result[i] = kernels.norm.squares(a + i * depth, depth);
    });
  };
  squares(x, rows, xx);
  squares(y, cols, yy);
  matmul(context, View<T>{x, rows, depth, depth, 1}, View<T>{y, depth, cols, 1, depth}, out, {}, carver.take<char>(0));
  // A task may have to compute every pair again: it asks after some milliseconds of that.
  const index block = std::max<index>(1, (index{1} << 22) / depth);
  context.parallel(rows, static_cast<double>(rows * cols), [&](index i, int worker) {
    for (index j = 0; j < cols && !(j > 0 && context.stopped(worker)); j += block)
      kernels.distance.from_products(x + i * depth, xx[i], y + j * depth, yy + j, std::min(block, cols - j), depth, out + i * cols + j);
  });
}

// y is packed once; a task is a strip of rows of x against a block of y of about 128 KiB, which stays in L2.
template <class T> void from_differences(const Context& context, const T* x, const T* y, index rows, index cols, index depth, Metric metric,
                                         double p, T* out, void* scratch) {
  const DistanceKernels<T>& kernels = context.kernels<T>().distance;
  const index width = kernels.tile_cols, panels = ceil_div(cols, width), strip = 32;
  const index panels_per_block = std::max<index>(1, 16384 / (width * std::max<index>(1, depth)));
  const auto panel_cols = [=](index panel) { return std::min(width, cols - panel * width); };
  const double work = static_cast<double>(rows * cols) * static_cast<double>(depth);
  double* packed = static_cast<double*>(scratch);
  context.parallel(panels, static_cast<double>(cols * depth), [&](index panel, int) {
    kernels.pack(panel_cols(panel), depth, y + panel * width * depth, packed + panel * width * depth);
  });
  const index blocks = ceil_div(panels, panels_per_block);
  context.parallel(ceil_div(rows, strip) * blocks, (metric == Metric::lp ? 6 : 0.2) * work, [&](index task, int worker) {
    const index first = task / blocks * strip, last = std::min(rows, first + strip);
    const index first_panel = task % blocks * panels_per_block, last_panel = std::min(panels, first_panel + panels_per_block);
    for (index i = first; i < last; i += kernels.tile_rows)
      for (index panel = first_panel; panel < last_panel; ++panel) {
        if (depth > 4096 && context.stopped(worker)) return;  // a tile of long rows takes milliseconds
        kernels.tile[static_cast<int>(metric)](std::min<index>(kernels.tile_rows, last - i), panel_cols(panel), depth, x + i * depth,
                                               packed + panel * width * depth, p, out + i * cols + panel * width, cols);
      }
  });
}

}  // namespace

template <class T> Bytes distances_scratch_bytes(const Context& context, index rows, index cols, index depth, Metric metric, bool precise) {
  if (goes_expanded(metric, depth, precise))
    return Carver::bytes<double>(rows) + Carver::bytes<double>(cols) + matmul_scratch_bytes<T>(context, rows, cols, depth);
  const index width = context.kernels<T>().distance.tile_cols;
  return Carver::bytes<double>(ceil_div(cols, width) * width, depth);
}

template <class T> void distances(const Context& context, const T* x, const T* y, index rows, index cols, index depth, Metric metric,
                                  double p, bool precise, T* out, void* scratch) {
  if (rows == 0 || cols == 0) return;
  if (goes_expanded(metric, depth, precise)) expanded(context, x, y, rows, cols, depth, out, scratch);
  else from_differences(context, x, y, rows, cols, depth, metric, p, out, scratch);
}

#define INSTANTIATE(T)                                                                          \
  template Bytes distances_scratch_bytes<T>(const Context&, index, index, index, Metric, bool); \
  template void distances<T>(const Context&, const T*, const T*, index, index, index, Metric, double, bool, T*, void*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
