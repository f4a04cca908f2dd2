// Training without epoch: gradients, an update of them, and the running statistics between.
#include <algorithm>
#include <stdexcept>

#include "train/call.h"
#include "train/network_impl.h"

namespace densekit {

template <class T> LossAndPenalty BasicNetwork<T>::loss_and_gradients(const T* x, index rows, const Targets<T>& targets, T* gradients,
                                                                      T* outputs, std::string* diverged_layer, bool (*stop)()) {
  impl_->check_targets(targets, rows);
  if (rows < 1) throw std::invalid_argument("a gradient needs at least one row");
  const auto lock = impl_->alone();
  const Call call(stop, &impl_->spec);
  const Context& context = call.context;
  Workspace<T>& ws = impl_->workspace;
  ws.prepare(context, impl_->plan, rows, Purpose::training);
  ws.buffers[0] = const_cast<T*>(x);  // only read
  const Run<T> r = impl_->run(context, rows, true);
  std::fill_n(gradients, impl_->plan.parameter_count, T(0));
  LossAndPenalty result;
  const bool finite = impl_->pass(r, targets, outputs != nullptr, gradients, result);
  if (outputs) std::copy_n(ws.buffer(impl_->plan.output), rows * impl_->plan.outputs(), outputs);
  if (!finite && diverged_layer) *diverged_layer = impl_->where_diverged(r, ws);
  check_interrupt(context);
  if (finite) impl_->pending.add(r, ws, impl_->statistics);
  return result;
}

template <class T> double BasicNetwork<T>::apply_gradients(T* gradients, double lr, std::optional<double> weight) {
  const Spec& spec = impl_->spec;
  if (!spec.optimizer) throw std::invalid_argument("the network has no optimizer");
  if (spec.penalty_per_weight != weight.has_value())
    throw std::invalid_argument(spec.penalty_per_weight ? "penalties are divided by the weights of the batch: give their sum"
                                                        : "no penalty is divided by weights: give none");
  if (weight && !(*weight >= 0)) throw std::invalid_argument("the weight is " + std::to_string(*weight) + ", expected a sum of weights");
  const auto lock = impl_->alone();
  const Call call(nullptr, &spec);
  index end = 0;  // between segments there are zeros, and they stay
  for (const Segment& s : impl_->plan.parameters) {
    std::fill(gradients + end, gradients + s.offset, T(0));
    end = s.offset + s.size;
  }
  std::fill(gradients + end, gradients + impl_->plan.parameter_count, T(0));
  const double penalty = impl_->update.apply(call.context, impl_->parameters, gradients, impl_->states, lr,
                                             static_cast<double>(impl_->step + 1), weight.value_or(0));
  impl_->pending.take_over(impl_->statistics);
  ++impl_->step;
  return penalty;
}

template <class T> void BasicNetwork<T>::commit() {
  const auto lock = impl_->alone();
  impl_->pending.take_over(impl_->statistics);
  ++impl_->step;
}

template <class T> void BasicNetwork<T>::set_statistics(const T* x, index rows, bool (*stop)()) {
  if (rows < 1) throw std::invalid_argument("statistics need at least one row");
  const auto lock = impl_->alone();
  const Call call(stop, &impl_->spec);
  const Context& context = call.context;
  Workspace<T>& ws = impl_->workspace;
  ws.prepare(context, impl_->plan, rows, Purpose::training);
  ws.buffers[0] = const_cast<T*>(x);  // only read
  const Run<T> r = impl_->run(context, rows, true);
  densekit::forward(r, ws, impl_->all());
  check_interrupt(context);
  replace_statistics(r, ws, impl_->statistics);
  impl_->pending.drop();
}

template <class T> bool BasicNetwork<T>::pending(T* statistics) const { return impl_->pending.read(impl_->statistics, statistics); }
template <class T> void BasicNetwork<T>::set_pending(const T* statistics) {
  if (statistics) impl_->pending.write(impl_->statistics, statistics);
  else impl_->pending.drop();
}

#define INSTANTIATE(T)                                                                                                               \
  template LossAndPenalty BasicNetwork<T>::loss_and_gradients(const T*, index, const Targets<T>&, T*, T*, std::string*, bool (*)()); \
  template double BasicNetwork<T>::apply_gradients(T*, double, std::optional<double>);                                               \
  template void BasicNetwork<T>::commit();                                                                                           \
  template void BasicNetwork<T>::set_statistics(const T*, index, bool (*)());                                                        \
  template bool BasicNetwork<T>::pending(T*) const;                                                                                  \
  template void BasicNetwork<T>::set_pending(const T*);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
