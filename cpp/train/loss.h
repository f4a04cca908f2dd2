// The loss of a batch: what its rows weigh, and what the kind computes.
#pragma once
#include <vector>

#include "densekit/network_class.h"
#include "train/workspace.h"

namespace densekit {

// What the batch counts in the mean over an epoch: the sum of its weights, or its rows.
template <class T> double batch_weight(const Loss& loss, const BatchTargets<T>& targets, index rows);

// The sum of the weights of the rows that count.
template <class T> double sum_of_weights(const Loss& loss, const BatchTargets<T>& targets, index rows);

// What the sum over the rows is divided by.
template <class T> double divisor_of(const Loss& loss, const BatchTargets<T>& targets, index rows);

// Loss of scores (rows, cols), and its gradient into `gradient` (rows, cols), which may be scores.
template <class T> double batch_loss(const Context& context, const Loss& loss, const std::vector<HostLoss>& hosts, const T* scores,
                                     const BatchTargets<T>& targets, index rows, index cols, T* gradient, Workspace<T>& workspace);

std::optional<std::int64_t> ignored_label(const LossKind& kind);  // rows with it weigh nothing
index target_width(const LossKind& kind, index cols);             // columns of the values for `cols` scores; std::invalid_argument

}  // namespace densekit
