// Losses with their gradients. Elements are computed in blocks of 4,096, whose sums are added in order.
#pragma once
#include "core/arena.h"
#include "core/context.h"
#include "ops/softmax.h"

namespace densekit {

// Bytes of scratch for a loss of n elements.
Bytes loss_scratch_bytes(index n);

// pred, target, gradient (rows, cols): one loss an element; gradient may be pred. sample_weight (rows) or null.
// Returns the weighted sum, or for Reduction::mean that divided by the sum of the weights times cols.
// losses (rows, cols) or null receives the weighted losses. a, b: the functor's parameters (kernels/losses.h).
template <class T> double pointwise_loss(const Context& context, PointwiseLoss kind, const T* pred, const T* target,
                                         const double* sample_weight, Reduction reduction, double a, double b, T* losses, T* gradient,
                                         index rows, index cols, void* scratch);

// The root of the weighted sum of squares, or for Reduction::mean of their mean.
template <class T> double root_mean_square(const Context& context, const T* pred, const T* target, const double* sample_weight,
                                           Reduction reduction, T* gradient, index rows, index cols, void* scratch);

// pred, gradient (rows, 2 cols): cols locations, then cols logarithms of scales; target, losses (rows, cols).
// constant is added to each loss.
template <class T> double density_loss(const Context& context, DensityLoss kind, const T* pred, const T* target,
                                       const double* sample_weight, Reduction reduction, double constant, T* losses, T* gradient,
                                       index rows, index cols, void* scratch);

// Losses of rows, as softmax_cross_entropy: losses (rows) receives the weighted losses, the divisor is returned.
template <class T> double nll(const Context& context, const T* log_p, const CrossEntropyTargets<T>& targets, Reduction reduction,
                              double* losses, T* gradient, index rows, index cols);
template <class T> double multiclass_hinge(const Context& context, const T* scores, const CrossEntropyTargets<T>& targets, double margin,
                                           Reduction reduction, double* losses, T* gradient, index rows, index cols);
template <class T> double kl_divergence(const Context& context, const T* pred, const CrossEntropyTargets<T>& targets, bool log_input,
                                        Reduction reduction, double* losses, T* gradient, index rows, index cols);

}  // namespace densekit
