// Training without epoch: gradients, an update of them, and the running statistics between.
#include <algorithm>

#include "ops/elementwise.h"
#include "train/arguments.h"
#include "train/call.h"
#include "train/network_impl.h"

namespace densekit {

template <class T> LossAndPenalty BasicNetwork<T>::loss_and_gradients(std::span<const T> x, AllTargets given, std::span<T> gradients,
                                                                      std::span<T> outputs, std::string* diverged_layer, bool (*stop)(),
                                                                      std::span<double> head_losses) {
  const index rows = rows_of(x, inputs(), "x");
  typename Impl::BatchOfHeads targets = impl_->checked_targets(given, rows);
  if (!head_losses.empty()) require_rows(head_losses, "head_losses", static_cast<index>(impl_->plan.heads.size()));
  require(rows > 0, "a gradient needs at least one row");
  require_rows(gradients, "gradients", parameter_count());
  if (outputs.data()) require_rows(outputs, "outputs", rows, this->outputs());
  require_there(outputs, "outputs");
  require_apart(gradients, "gradients", outputs, "outputs");
  const auto lock = impl_->alone();
  const Call call(stop, &impl_->spec);
  const Context& context = call.context;
  Workspace<T>& ws = impl_->workspace;
  ws.prepare(context, impl_->plan, rows, Purpose::training, impl_->target_memory(targets, false));
  ws.buffers[0] = const_cast<T*>(x.data());  // only read
  impl_->own_targets(targets, nullptr, rows, ws);
  const Run<T> r = impl_->run(context, rows, true);
  std::fill(gradients.begin(), gradients.end(), T(0));
  LossAndPenalty result;
  const bool finite = impl_->pass(r, targets, !outputs.empty(), gradients.data(), result);
  if (!outputs.empty()) copy(context, ws.buffer(impl_->plan.output), outputs.data(), rows * impl_->plan.outputs());
  if (!finite && diverged_layer) *diverged_layer = impl_->where_diverged(r, ws);
  check_interrupt(context);
  if (finite) impl_->pending.add(r, ws, impl_->statistics);
  Impl::read_losses(ws, head_losses);
  return result;
}

template <class T> double BasicNetwork<T>::apply_gradients(std::span<T> given, double lr, std::optional<double> weight) {
  const Spec& spec = impl_->spec;
  T* gradients = given.data();
  require(spec.optimizer.has_value(), "the network has no optimizer");
  require_rows(given, "gradients", parameter_count());
  checked_rate(lr);
  require(spec.penalty_per_weight == weight.has_value(), spec.penalty_per_weight
                                                             ? "penalties are divided by the weights of the batch: give their sum"
                                                             : "no penalty is divided by weights: give none");
  require(!weight || (std::isfinite(*weight) && *weight >= 0),
          [&] { return "the weight is " + std::to_string(*weight) + ", expected a sum of weights"; });
  const auto lock = impl_->alone();
  const Call call(nullptr, &spec);
  index end = 0;  // between segments there are zeros, and they stay
  for (const Segment& s : impl_->plan.parameters) {
    std::fill(gradients + end, gradients + s.offset, T(0));
    end = s.offset + s.size;
  }
  std::fill(gradients + end, gradients + impl_->plan.parameter_count, T(0));
  const Turns::Turn turn(impl_->changes);
  const double penalty = impl_->update.apply(call.context, impl_->parameters, gradients, impl_->states, lr,
                                             static_cast<double>(impl_->step + 1), weight.value_or(0));
  impl_->pending.take_over(impl_->statistics);
  ++impl_->step;
  return penalty;
}

template <class T> void BasicNetwork<T>::commit() {
  const auto lock = impl_->alone();
  const Turns::Turn turn(impl_->changes);
  impl_->pending.take_over(impl_->statistics);
  ++impl_->step;
}

template <class T> void BasicNetwork<T>::set_statistics(std::span<const T> x, bool (*stop)()) {
  const index rows = rows_of(x, inputs(), "x");
  require(rows > 0, "statistics need at least one row");
  const auto lock = impl_->alone();
  const Call call(stop, &impl_->spec);
  const Context& context = call.context;
  Workspace<T>& ws = impl_->workspace;
  ws.prepare(context, impl_->plan, rows, Purpose::training);
  ws.buffers[0] = const_cast<T*>(x.data());  // only read
  const Run<T> r = impl_->run(context, rows, true);
  densekit::forward(r, ws, impl_->all());
  check_interrupt(context);
  const Turns::Turn turn(impl_->changes);
  replace_statistics(r, ws, impl_->statistics);
  impl_->pending.drop();
}

template <class T> bool BasicNetwork<T>::pending(std::span<T> statistics) const {
  require_rows(statistics, "statistics", statistic_count());
  return impl_->pending.read(impl_->statistics, statistics.data());
}
template <class T> void BasicNetwork<T>::set_pending(std::span<const T> statistics) {
  require_rows(statistics, "statistics", statistic_count());
  impl_->pending.write(impl_->statistics, statistics.data());
}
template <class T> void BasicNetwork<T>::drop_pending() { impl_->pending.drop(); }

#define INSTANTIATE(T)                                                                                                                  \
  template LossAndPenalty BasicNetwork<T>::loss_and_gradients(std::span<const T>, AllTargets, std::span<T>, std::span<T>, std::string*, \
                                                              bool (*)(), std::span<double>);                                           \
  template double BasicNetwork<T>::apply_gradients(std::span<T>, double, std::optional<double>);                                        \
  template void BasicNetwork<T>::commit();                                                                                              \
  template void BasicNetwork<T>::set_statistics(std::span<const T>, bool (*)());                                                        \
  template bool BasicNetwork<T>::pending(std::span<T>) const;                                                                           \
  template void BasicNetwork<T>::set_pending(std::span<const T>);                                                                       \
  template void BasicNetwork<T>::drop_pending();
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
