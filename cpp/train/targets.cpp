// From the rows and targets of a caller to those of a batch: all that becomes an address is checked here, and copied.
#include <algorithm>

#include "ops/labels.h"
#include "train/arguments.h"
#include "train/gather.h"
#include "train/network_impl.h"

namespace densekit {

template <class T> BatchTargets<T> BasicNetwork<T>::Impl::checked_targets(const Targets<T>& given, index rows) const {
  require(spec.loss.has_value(), "the network has no loss");
  const LossKind& loss = spec.loss->is;
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
    const index expected = callback ? given.width : target_width(loss, scores());
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
  return targets;
}

template <class T> BatchTargets<T> BasicNetwork<T>::Impl::with_labels(BatchTargets<T> targets, const std::int64_t* order, index rows,
                                                                      std::int64_t* own) const {
  if (!targets.labels) return targets;
  // Python's losses say themselves which labels there are.
  const Classes classes =
      std::holds_alternative<CallbackLoss>(spec.loss->is) ? Classes::any() : Classes{scores(), ignored_label(spec.loss->is)};
  take_labels(targets.labels, order, rows, classes, own);
  targets.labels = own;
  return targets;
}

template <class T> BatchTargets<T> BasicNetwork<T>::Impl::gather(const Context& context, const Table2D& x, const BatchTargets<T>& targets,
                                                                 const std::int64_t* order, index first, index rows,
                                                                 Workspace<T>& ws) const {
  take_order(order + first, first, rows, x.rows, ws.order);
  BatchTargets<T> batch = with_labels(targets, ws.order, rows, ws.labels);
  gather_rows(context, x, ws.order, rows, ws.buffer(0));
  if (batch.values) {
    for (index i = 0; i < rows; ++i)
      std::copy_n(targets.values + ws.order[i] * targets.width, targets.width, ws.targets + i * targets.width);
    batch.values = ws.targets;
  }
  if (targets.weights) {
    for (index i = 0; i < rows; ++i) ws.weights_of_batch[i] = targets.weights[ws.order[i]];
    batch.weights = ws.weights_of_batch;
  }
  return batch;
}

#define INSTANTIATE(T)                                                                                                                \
  template BatchTargets<T> BasicNetwork<T>::Impl::checked_targets(const Targets<T>&, index) const;                                    \
  template BatchTargets<T> BasicNetwork<T>::Impl::with_labels(BatchTargets<T>, const std::int64_t*, index, std::int64_t*) const;      \
  template BatchTargets<T> BasicNetwork<T>::Impl::gather(const Context&, const Table2D&, const BatchTargets<T>&, const std::int64_t*, \
                                                         index, index, Workspace<T>&) const;
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
