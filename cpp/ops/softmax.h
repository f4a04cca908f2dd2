// Softmax over the last axis, and its cross-entropy loss with the gradient.
#pragma once
#include <cstdint>

#include "core/arena.h"
#include "core/context.h"

namespace densekit {

// z, y (rows, cols) contiguous; y may be z. scale: the inverse of the temperature.
template <class T> void softmax(const Context& context, const T* z, T* y, index rows, index cols, T scale);
template <class T> Bytes log_softmax_scratch_bytes(const Context& context, index cols);
template <class T> void log_softmax(const Context& context, const T* z, T* y, index rows, index cols, T scale, void* scratch);
template <class T> void softmax_backward(const Context& context, const T* dy, const T* y, T* dz, index rows, index cols, T scale);
template <class T> void log_softmax_backward(const Context& context, const T* dy, const T* y, T* dz, index rows, index cols, T scale);

// Row i counts weight(i): sample_weight[i], times the weight of its class (for soft targets: the mean weight under
// them); zero if its label is ignore_index.
template <class T> struct CrossEntropyTargets {
  const std::int64_t* labels = nullptr;   // (rows), or
  const T* soft = nullptr;                // (rows, cols)
  const double* sample_weight = nullptr;  // (rows)
  const double* class_weight = nullptr;   // (cols)
  double smoothing = 0;
  bool ignores = false;
  std::int64_t ignore_index = 0;
};
enum class Reduction { none, sum, mean };  // mean: divided by the sum of the weights

// weights (rows): what each row counts. Returns their sum.
template <class T> double row_weights(const CrossEntropyTargets<T>& targets, double* weights, index rows, index cols);

// losses (rows): weighted losses of the rows, not divided. Returns the divisor (1 unless mean): the sum of the weights.
// dz (rows, cols) is the gradient of the reduced loss. Nobody else may write labels and losses meanwhile: labels are classes
// or ignored (see labels.h), and losses tell which rows are.
template <class T> double softmax_cross_entropy(const Context& context, const T* z, const CrossEntropyTargets<T>& targets,
                                                Reduction reduction, double* losses, T* dz, index rows, index cols);

}  // namespace densekit
