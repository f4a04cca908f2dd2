// Minkowski distances between the rows of two matrices.
#pragma once
#include "core/arena.h"
#include "core/context.h"
#include "core/view.h"

namespace densekit {

template <class T> Bytes distances_scratch_bytes(const Context& context, index rows, index cols, index depth, Metric metric, bool precise);

// out (rows, cols) from x (rows, depth) and y (cols, depth), all contiguous, out apart from both; p > 0 is used by lp only.
// l2 with 32 columns or more, unless precise, goes by |x|^2 + |y|^2 - 2 <x, y> on the matrix product.
template <class T> void distances(const Context& context, const T* x, const T* y, index rows, index cols, index depth, Metric metric,
                                  double p, bool precise, T* out, void* scratch);

}  // namespace densekit
