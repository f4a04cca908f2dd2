// From the rows and targets of a caller to those of a batch: all that becomes an address is checked here, and copied.
#include <algorithm>
#include <cmath>

#include "ops/labels.h"
#include "train/arguments.h"
#include "train/network_impl.h"

namespace densekit {

template <class T> static BatchTargets<T> checked(const Targets<T>& given, const PlanHead& head, index rows) {
  const LossKind& loss = head.loss->is;
  const LossTraits traits = traits_of(loss);
  const bool callback = std::holds_alternative<CallbackLoss>(loss);
  BatchTargets<T> targets;
  if (given.labels.data()) {
    require(traits.labels, [&] { return "the loss " + std::string(kind_name(loss)) + " takes targets of floats, not labels"; });
    require(!given.values.data(), "give either labels or values, not both");
    require_rows(given.labels, "labels", rows);
    targets.labels = given.labels.data();
  } else {
    require_there(given.labels, "labels");
    require(given.values.data() || rows == 0, "the loss needs targets");
    require(traits.values, [&] { return "the loss " + std::string(kind_name(loss)) + " takes labels (whole numbers)"; });
    const index expected = callback ? given.width : target_width(loss, head.columns);
    targets.width = given.width == 0 ? expected : given.width;
    require(targets.width == expected && targets.width >= 0, [&] {
      return "targets have " + std::to_string(given.width) + " columns, expected " + std::to_string(std::max<index>(expected, 0));
    });
    require_rows(given.values, "values", rows, targets.width);
    targets.values = given.values.data();
  }
  if (given.weights.data()) {
    require_rows(given.weights, "weights", rows);
    targets.weights = given.weights.data();
  } else {
    require_there(given.weights, "weights");
  }
  if (given.element_weights.data()) {
    require(!traits.of_rows && !callback, [&] {
      return "the loss " + std::string(kind_name(loss)) + " is one of rows: it takes a weight for each row, not for each element";
    });
    require_rows(given.element_weights, "element_weights", rows, targets.width);
    targets.element_weights = given.element_weights.data();
  } else {
    require_there(given.element_weights, "element_weights");
  }
  require(std::isfinite(given.divisor) && given.divisor >= 0,
          [&] { return "the divisor is " + std::to_string(given.divisor) + ", expected a positive number, or 0 for none"; });
  require(given.divisor == 0 || !(callback || std::holds_alternative<RootMeanSquaredError>(loss)),
          [&] { return "the loss " + std::string(kind_name(loss)) + " takes no divisor: it is no sum over rows"; });
  targets.divisor = given.divisor;
  return targets;
}

template <class T> PerHead<BatchTargets<T>> BasicNetwork<T>::Impl::checked_targets(AllTargets given, index rows) const {
  require(!plan.heads.empty(), "the network has no loss");
  require(given.size() == plan.heads.size(), [&] {
    return "there are targets of " + std::to_string(given.size()) + " heads, but the network has " + std::to_string(plan.heads.size());
  });
  PerHead<BatchTargets<T>> all(given.size());
  for (std::size_t h = 0; h < given.size(); ++h) all[h] = checked(given[h], plan.heads[h], rows);
  return all;
}

template <class T> static bool masks(const PlanHead& head, const BatchTargets<T>& targets) {
  return head.loss->missing == Missing::mask && targets.values;
}

template <class T>
typename Workspace<T>::AllTargetMemory BasicNetwork<T>::Impl::target_memory(const PerHead<BatchTargets<T>>& targets, bool gathered) const {
  typename Workspace<T>::AllTargetMemory all(targets.size());
  for (std::size_t h = 0; h < targets.size(); ++h) {
    const bool weighed = targets[h].element_weights || masks(plan.heads[h], targets[h]);
    if (targets[h].values && (gathered || weighed)) all[h].width = targets[h].width;
    if (weighed) all[h].elements = targets[h].width, all[h].packed = traits_of(plan.heads[h].loss->is).outputs > 1;
  }
  return all;
}

// Labels from 0 to the columns of the head. Python's losses say themselves which there are.
static Classes classes_of(const PlanHead& head) {
  if (std::holds_alternative<CallbackLoss>(head.loss->is)) return Classes::any();
  return {head.columns, ignored_label(head.loss->is)};
}

// The weight of each element: its own times that of its row, 0 where the target is missing, which becomes a number.
template <class T>
static void weigh_elements(BatchTargets<T>& targets, bool mask, index rows, const typename Workspace<T>::OwnTargets& own) {
  const index width = targets.width;
  if (mask && targets.values != own.values) std::copy_n(targets.values, rows * width, own.values), targets.values = own.values;
  for (index i = 0; i < rows; ++i) {
    const double of_row = targets.weights ? targets.weights[i] : 1;
    for (index e = i * width; e < (i + 1) * width; ++e) {
      const bool missing = mask && std::isnan(own.values[e]);
      if (missing) own.values[e] = 1, ++targets.missing;
      own.element_weights[e] = missing ? 0 : of_row * (targets.element_weights ? targets.element_weights[e] : 1);
    }
  }
  targets.weights = nullptr;
  targets.element_weights = own.element_weights;
}

template <class T>
void BasicNetwork<T>::Impl::own_targets(PerHead<BatchTargets<T>>& all, const std::int64_t* order, index rows, Workspace<T>& ws) const {
  for (std::size_t h = 0; h < all.size(); ++h) {
    BatchTargets<T>& targets = all[h];
    const typename Workspace<T>::OwnTargets& own = ws.heads[h];
    const auto rows_of = [&](const auto* from, index width, auto* to) {
      for (index i = 0; i < rows; ++i) std::copy_n(from + order[i] * width, width, to + i * width);
      return to;
    };
    if (targets.labels) {
      take_labels(targets.labels, order, rows, classes_of(plan.heads[h]), own.labels);
      targets.labels = own.labels;
    }
    if (order && targets.values) targets.values = rows_of(targets.values, targets.width, own.values);
    if (order && targets.weights) targets.weights = rows_of(targets.weights, 1, own.weights);
    if (order && targets.element_weights) targets.element_weights = rows_of(targets.element_weights, targets.width, own.element_weights);
    const bool mask = masks(plan.heads[h], targets);
    if (mask || targets.element_weights) weigh_elements(targets, mask, rows, own);
  }
}

template <class T>
void BasicNetwork<T>::Impl::require_labels(const PerHead<BatchTargets<T>>& targets, index rows, std::int64_t* own) const {
  for (std::size_t h = 0; h < targets.size(); ++h)
    if (targets[h].labels) take_labels(targets[h].labels, nullptr, rows, classes_of(plan.heads[h]), own);
}

template <class T> PerHead<BatchTargets<T>> BasicNetwork<T>::Impl::gather(const Table2D& x, const PerHead<BatchTargets<T>>& targets,
                                                                          const std::int64_t* order, index first, index rows,
                                                                          Workspace<T>& ws) const {
  take_order(order + first, first, rows, x.rows, ws.order);
  PerHead<BatchTargets<T>> batch = targets;
  own_targets(batch, ws.order, rows, ws);
  return batch;
}

#define INSTANTIATE(T)                                                                                                                  \
  template PerHead<BatchTargets<T>> BasicNetwork<T>::Impl::checked_targets(AllTargets, index) const;                                    \
  template Workspace<T>::AllTargetMemory BasicNetwork<T>::Impl::target_memory(const PerHead<BatchTargets<T>>&, bool) const;             \
  template void BasicNetwork<T>::Impl::own_targets(PerHead<BatchTargets<T>>&, const std::int64_t*, index, Workspace<T>&) const;         \
  template void BasicNetwork<T>::Impl::require_labels(const PerHead<BatchTargets<T>>&, index, std::int64_t*) const;                     \
  template PerHead<BatchTargets<T>> BasicNetwork<T>::Impl::gather(const Table2D&, const PerHead<BatchTargets<T>>&, const std::int64_t*, \
                                                                  index, index, Workspace<T>&) const;
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
