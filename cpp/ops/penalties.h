// Penalties on weights, soft thresholding, clipping by value and by norm.
#pragma once
#include "core/arena.h"
#include "core/context.h"

namespace densekit {

// l1 sum |w| + l2/2 sum w^2, and its gradient l1 sign(w) + l2 w, which may be w. A term that a penalty does not have is
// left out, not multiplied by zero. Sums: partials of 4,096 elements in float64, added in order.
enum class PenaltyKind { l1, l2, elastic_net };
Bytes penalty_scratch_bytes(index n);
template <class T>
double penalty(const Context& context, PenaltyKind kind, const T* w, T* gradient, index n, double l1, double l2, void* scratch);

template <class T> void soft_threshold(const Context& context, const T* w, T* y, index n, double threshold);
template <class T> void clip(const Context& context, const T* x, T* y, index n, double low, double high);

// The sum over (factor x)^2, summed as above.
Bytes sum_of_squares_scratch_bytes(index n);
template <class T> double sum_of_squares(const Context& context, const T* x, index n, double factor, void* scratch);
// y = factor x, the product in float64; y may be x.
template <class T> void scale_by(const Context& context, const T* x, T* y, index n, double factor);

}  // namespace densekit
