// Vector norms of rows, and singular values.
#pragma once
#include "core/arena.h"
#include "core/context.h"
#include "core/view.h"

namespace densekit {

// norms[i] = (sum over row i of abs(x)^p)^(1/p); p = infinity: the largest, -infinity: the smallest, 0: how many are not 0.
// x (rows, cols) contiguous. Nothing overflows or underflows on the way. p is not NaN.
template <class T> Bytes vector_norms_scratch_bytes(index rows, index cols);
template <class T> void vector_norms(const Context& context, const T* x, index rows, index cols, double p, double* norms, void* scratch);

// values (min(rows, cols)): the singular values of a, in no order, in float64, by one-sided Jacobi rotations; elements are
// finite. With r = min(rows, cols) and l = max(rows, cols), a sweep costs about 6 r^2 l operations and 6 to 12 sweeps are
// needed. false if they did not converge, which takes more than 60.
Bytes singular_values_scratch_bytes(index rows, index cols);
template <class T> bool singular_values(const Context& context, View<T> a, double* values, void* scratch);

}  // namespace densekit
