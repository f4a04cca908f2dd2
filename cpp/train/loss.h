// The loss of a batch by its spec: which operation, with which weights.
#pragma once
#include <vector>

#include "densekit/network_class.h"
#include "train/workspace.h"

namespace densekit {

// What the batch counts in the mean over an epoch: the sum of its weights, or its rows.
template <class T> double batch_weight(const LossSpec& spec, const BatchTargets<T>& targets, index rows);

// The sum of the weights of the rows that count.
template <class T> double sum_of_weights(const LossSpec& spec, const BatchTargets<T>& targets, index rows);

// Loss of scores (rows, cols), and its gradient into `gradient` (rows, cols), which may be scores.
template <class T> double batch_loss(const Context& context, const LossSpec& spec, const std::vector<HostLoss>& hosts, const T* scores,
                                     const BatchTargets<T>& targets, index rows, index cols, T* gradient, Workspace<T>& workspace);

bool takes_labels(const LossSpec& spec);               // labels are allowed
bool takes_values(const LossSpec& spec);               // values are allowed
index target_width(const LossSpec& spec, index cols);  // columns of the values for `cols` scores; std::invalid_argument

}  // namespace densekit
