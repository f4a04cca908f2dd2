// y = x where x > 0, else alpha x, with a trained alpha for each column or one for all. He et al., ICCV 2015.
#pragma once
#include "core/arena.h"
#include "core/context.h"

namespace densekit {

// The number of alphas: 1 if shared, else cols.
constexpr index prelu_slopes(index cols, bool shared) { return shared ? 1 : cols; }

// x (rows, cols); y may be x.
template <class T> void prelu(const Context& context, const T* x, index rows, index cols, const T* alpha, bool shared, T* y);

// dx = dy where x > 0, else alpha dy, and dalpha = the sum of dy x where x > 0 is false, by column or over all of them.
// dx may be dy; either may be null.
Bytes prelu_backward_scratch_bytes(index rows, index cols);
template <class T> void prelu_backward(const Context& context, const T* dy, const T* x, index rows, index cols, const T* alpha, bool shared,
                                       T* dx, T* dalpha, void* scratch);

}  // namespace densekit
