// A network: its memory, and its calls.
#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include "train/call.h"
#include "train/gather.h"
#include "train/initialize.h"
#include "train/network_impl.h"

namespace densekit {
namespace {

// Messages are only put together where they are needed.
template <class Text> void require(bool condition, const Text& message) {
  if (condition) return;
  if constexpr (std::is_invocable_v<Text>) throw std::invalid_argument(message());
  else throw std::invalid_argument(message);
}

// Rows of a prediction that go through the network together: at most 4 MiB of float32 a layer. The weights are packed once for
// all of them, which for a quarter of the rows took 3 % longer.
index rows_at_once(const Plan& plan) { return std::clamp<index>(1048576 / std::max<index>(plan.widest, 1), 64, 2048); }

void collect_names(const std::vector<LayerSpec>& layers, std::set<std::string>& names) {
  for (const LayerSpec& layer : layers) {
    if (!layer.name.empty()) names.insert(layer.name);
    collect_names(layer.layers, names);
  }
}
// Layers without a name are called by their kind: dense, dense_1, dense_2, …
void name_layers(std::vector<LayerSpec>& layers, std::set<std::string>& names) {
  for (LayerSpec& layer : layers) {
    for (int number = 0; layer.name.empty(); ++number) {
      std::string name = layer.kind;
      if (number) name.append("_").append(std::to_string(number));
      if (names.insert(name).second) layer.name = name;
    }
    name_layers(layer.layers, names);
  }
}
Spec named(Spec spec) {
  std::set<std::string> names;
  collect_names(spec.layers, names);
  name_layers(spec.layers, names);
  return spec;
}

std::vector<SegmentInfo> info(const std::vector<Segment>& segments) {
  std::vector<SegmentInfo> all;
  for (const Segment& s : segments) all.push_back({s.layer, s.name, s.shape, s.offset, s.trainable});
  return all;
}

}  // namespace

template <class T> BasicNetwork<T>::Impl::Impl(const Spec& given, std::vector<HostLayer> layers, std::vector<HostLoss> losses)
    : spec(named(given)),
      hosts(std::move(layers)),
      host_losses(std::move(losses)),
      plan(make_plan(spec, spec.fuse)),
      unfused(make_plan(spec, false)),
      update(spec, plan),
      pending(plan) {
  const int slots = spec.optimizer ? optimizer_slots[static_cast<int>(update_rule(*spec.optimizer))] : 0;
  arenas = std::vector<Arena>(static_cast<std::size_t>(3 + slots));
  const auto zeros = [&](std::size_t which, index count) {
    const std::size_t bytes = static_cast<std::size_t>(Carver::bytes<T>(std::max<index>(count, 1)));
    T* data = static_cast<T*>(arenas[which].reserve(bytes));
    std::fill_n(data, bytes / sizeof(T), T(0));
    return data;
  };
  parameters = zeros(0, plan.parameter_count);
  gradients = zeros(1, plan.parameter_count);
  statistics = zeros(2, plan.statistic_count);
  for (int k = 0; k < slots; ++k) states.push_back(zeros(static_cast<std::size_t>(3 + k), plan.parameter_count));
  for (std::size_t i = 0; i < plan.parameters.size(); ++i) {
    const Segment& s = plan.parameters[i];
    initialize(s.initializer, spec.seed, static_cast<index>(i), s.shape, s.fan_in, s.fan_out, parameters + s.offset);
    if (spec.optimizer && spec.optimizer->kind == "adagrad" && slots > 0)
      std::fill_n(states[0] + s.offset, s.size, static_cast<T>(spec.optimizer->initial));
  }
  for (const Segment& s : plan.statistics)
    std::fill_n(statistics + s.offset, s.size, static_cast<T>(s.initializer.kind == "constant" ? s.initializer.value : 0));
  if (spec.loss) target_width(*spec.loss, plan.widths[static_cast<std::size_t>(plan.scores)]);
}

template <class T>
double BasicNetwork<T>::Impl::forward_and_loss(const Run<T>& r, Workspace<T>& ws, const Targets<T>& targets, bool through_link) const {
  densekit::forward(r, ws, through_link ? all() : scored());
  const index cols = plan.widths[static_cast<std::size_t>(plan.scores)];
  return batch_loss(r.context, *spec.loss, host_losses, ws.buffer(plan.scores), targets, r.rows, cols, ws.slot(0), ws);
}

template <class T> std::string BasicNetwork<T>::Impl::where_diverged(const Run<T>& r, const Workspace<T>& ws) const {
  const T* x = ws.buffer(0);
  if (!std::all_of(x, x + r.rows * plan.inputs(), [](T value) { return std::isfinite(value); })) return "input";
  // Once more without fusion, so that each layer's output is there to look at.
  const Borrowed separate(*this);
  separate->prepare(r.context, unfused, r.rows, Purpose::training);
  separate->buffers[0] = ws.buffer(0);
  const Run<T> again = run_of(unfused, r.context, r.rows, true);
  const int end = static_cast<int>(unfused.ops.size()) - (unfused.scores != unfused.output);
  densekit::forward(again, *separate, end);
  const std::string layer = first_not_finite(again, *separate, end);
  return layer.empty() ? "loss" : layer;
}

template <class T> void BasicNetwork<T>::Impl::check_targets(const Targets<T>& targets, index rows) const {
  require(spec.loss.has_value(), "the network has no loss");
  const LossSpec& loss = *spec.loss;
  const index cols = plan.widths[static_cast<std::size_t>(plan.scores)];
  if (targets.labels) {
    require(takes_labels(loss), "the loss " + loss.kind + " takes targets of floats, not labels");
    if (loss.kind == "host") return;
    for (index i = 0; i < rows; ++i) {
      const std::int64_t label = targets.labels[i];
      require((label >= 0 && label < cols) || (loss.ignore_index && label == *loss.ignore_index), [&] {
        return "label " + std::to_string(label) + " of row " + std::to_string(i) + " is not in [0, " + std::to_string(cols) + ")";
      });
    }
  } else {
    require(targets.values != nullptr, "the loss needs targets");
    require(takes_values(loss), "the loss " + loss.kind + " takes labels (whole numbers)");
    require(loss.kind == "host" || targets.width == target_width(loss, cols),
            "targets have " + std::to_string(targets.width) + " columns, expected " + std::to_string(target_width(loss, cols)));
  }
}

template <class T> std::unique_lock<std::mutex> BasicNetwork<T>::Impl::alone() {
  std::unique_lock<std::mutex> lock(training, std::try_to_lock);
  if (!lock) throw std::runtime_error("this network is being trained by another call; wait for it, or train a copy");
  return lock;
}

template <class T>
bool BasicNetwork<T>::Impl::pass(const Run<T>& r, const Targets<T>& targets, bool through_link, T* to, LossAndPenalty& result) {
  result.weight = batch_weight(*spec.loss, targets, r.rows);
  result.loss = forward_and_loss(r, workspace, targets, through_link);
  check_interrupt(r.context);  // what was abandoned says nothing about the loss
  if (!std::isfinite(result.loss)) return false;
  densekit::backward(r, workspace, scored(), plan.first_trained, false, to);
  return true;
}

template <class T> bool BasicNetwork<T>::Impl::train(const Context& context, index rows, const Targets<T>& targets, double lr,
                                                     bool through_link, LossAndPenalty& result) {
  const Run<T> r = run(context, rows, true);
  if (!pass(r, targets, through_link, gradients, result)) {
    result.penalty = update.penalty(context, parameters, sum_of_weights(*spec.loss, targets, rows));
    return false;
  }
  Context whole = context;  // an update is not left half done
  whole.interrupt = nullptr;
  result.penalty =
      update.apply(whole, parameters, gradients, states, lr, static_cast<double>(step + 1), sum_of_weights(*spec.loss, targets, rows));
  commit_statistics(r, workspace, statistics);
  ++step;
  return true;
}

template <class T> BasicNetwork<T>::BasicNetwork(const Spec& spec, std::vector<HostLayer> layers, std::vector<HostLoss> losses)
    : impl_(std::make_unique<Impl>(spec, std::move(layers), std::move(losses))) {}
template <class T> BasicNetwork<T>::~BasicNetwork() = default;
template <class T> BasicNetwork<T>::BasicNetwork(BasicNetwork&&) noexcept = default;
template <class T> BasicNetwork<T>& BasicNetwork<T>::operator=(BasicNetwork&&) noexcept = default;

template <class T> const Spec& BasicNetwork<T>::spec() const { return impl_->spec; }
template <class T> index BasicNetwork<T>::inputs() const { return impl_->plan.inputs(); }
template <class T> index BasicNetwork<T>::outputs() const { return impl_->plan.outputs(); }
template <class T> index BasicNetwork<T>::scores() const { return impl_->plan.widths[static_cast<std::size_t>(impl_->plan.scores)]; }
template <class T> index BasicNetwork<T>::parameter_count() const { return impl_->plan.parameter_count; }
template <class T> index BasicNetwork<T>::statistic_count() const { return impl_->plan.statistic_count; }
template <class T> T* BasicNetwork<T>::parameters() { return impl_->parameters; }
template <class T> T* BasicNetwork<T>::gradients() { return impl_->gradients; }
template <class T> T* BasicNetwork<T>::statistics() { return impl_->statistics; }
template <class T> std::vector<T*> BasicNetwork<T>::states() { return impl_->states; }
template <class T> std::vector<SegmentInfo> BasicNetwork<T>::parameter_segments() const { return info(impl_->plan.parameters); }
template <class T> std::vector<SegmentInfo> BasicNetwork<T>::statistic_segments() const { return info(impl_->plan.statistics); }
template <class T> std::uint64_t BasicNetwork<T>::step() const { return impl_->step; }
template <class T> void BasicNetwork<T>::set_step(std::uint64_t step) { impl_->step = step; }

template <class T> void BasicNetwork<T>::predict(const T* x, index rows, T* y) const { forward(x, rows, y, false); }

template <class T> void BasicNetwork<T>::Impl::forward(const T* x, index rows, T* y, Mode mode, bool (*stop)()) const {
  if (rows == 0) return;
  const bool training = mode != Mode::inference;
  const Call call(stop, mode == Mode::tracked ? &spec : nullptr);
  const Context& context = call.context;
  const Borrowed ws(*this);
  const index most = training ? rows : std::min(rows, rows_at_once(plan));
  ws->prepare(context, plan, most, training ? Purpose::training : Purpose::inference);
  if (plan.ops.empty()) std::copy_n(x, rows * plan.inputs(), y);
  for (index row = 0; row < rows && !plan.ops.empty(); row += most) {
    const Run<T> r = run(context, std::min(most, rows - row), training);
    ws->buffers[0] = const_cast<T*>(x) + row * plan.inputs();  // only read
    ws->buffers[static_cast<std::size_t>(plan.output)] = y + row * plan.outputs();
    densekit::forward(r, *ws, all());
    if (mode == Mode::tracked) pending.add(r, *ws, statistics);
  }
}
template <class T> void BasicNetwork<T>::forward(const T* x, index rows, T* y, bool training, bool (*stop)()) const {
  impl_->forward(x, rows, y, training ? Mode::training : Mode::inference, stop);
}
template <class T> void BasicNetwork<T>::training_forward(const T* x, index rows, T* y, bool (*stop)()) {
  impl_->forward(x, rows, y, Mode::tracked, stop);
}

static int layer_number(const Plan& plan, const std::string& name) {
  std::string all;
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    if (plan.layers[i].name == name) return static_cast<int>(i);
    all += (i ? ", " : "") + plan.layers[i].name;
  }
  throw std::invalid_argument("no layer is named '" + name + "'; there are: " + all);
}

template <class T> index BasicNetwork<T>::hidden_width(const std::string& layer) const {
  const Plan& plan = impl_->unfused;
  return plan.widths[static_cast<std::size_t>(plan.layers[static_cast<std::size_t>(layer_number(plan, layer))].output)];
}

template <class T>
void BasicNetwork<T>::hidden(const T* x, index rows, const std::string& layer, T* y, bool training, bool (*stop)()) const {
  if (rows == 0) return;
  const Plan& plan = impl_->unfused;
  const int target = plan.layers[static_cast<std::size_t>(layer_number(plan, layer))].output;
  int end = 0;
  while (target != 0 && plan.ops[static_cast<std::size_t>(end)].output != target) ++end;
  const index width = plan.widths[static_cast<std::size_t>(target)];
  if (target == 0) {
    std::copy_n(x, rows * width, y);
    return;
  }
  const Call call(stop);
  const Context& context = call.context;
  const typename Impl::Borrowed ws(*impl_);
  const index most = training ? rows : std::min(rows, rows_at_once(plan));
  ws->prepare(context, plan, most, Purpose::training);
  for (index row = 0; row < rows; row += most) {
    const index count = std::min(most, rows - row);
    ws->buffers[0] = const_cast<T*>(x) + row * plan.inputs();
    densekit::forward(impl_->run_of(plan, context, count, training), *ws, end + 1);
    std::copy_n(ws->buffer(target), count * width, y + row * width);
  }
}

template <class T>
LossAndPenalty BasicNetwork<T>::loss(const T* x, index rows, const Targets<T>& targets, bool training, T* outputs, bool (*stop)()) const {
  impl_->check_targets(targets, rows);
  const Call call(stop);
  const Context& context = call.context;
  const typename Impl::Borrowed ws(*impl_);
  ws->prepare(context, impl_->plan, std::max<index>(rows, 1), Purpose::training);
  ws->buffers[0] = const_cast<T*>(x);
  LossAndPenalty result{.weight = batch_weight(*impl_->spec.loss, targets, rows)};
  if (rows > 0) result.loss = impl_->forward_and_loss(impl_->run(context, rows, training), *ws, targets, outputs != nullptr);
  if (outputs) std::copy_n(ws->buffer(impl_->plan.output), rows * impl_->plan.outputs(), outputs);
  Update<T> update(impl_->spec, impl_->plan);  // sums of its own: another call may be training
  result.penalty = update.penalty(context, impl_->parameters, sum_of_weights(*impl_->spec.loss, targets, rows));
  check_interrupt(context);
  return result;
}

template <class T>
LossAndPenalty BasicNetwork<T>::gradient(const T* x, index rows, const Targets<T>& targets, bool training, bool track, bool (*stop)()) {
  impl_->check_targets(targets, rows);
  require(rows > 0, "a gradient needs at least one row");
  const auto lock = impl_->alone();
  const Call call(stop, &impl_->spec);
  const Context& context = call.context;
  Workspace<T>& ws = impl_->workspace;
  ws.prepare(context, impl_->plan, rows, Purpose::training);
  ws.buffers[0] = const_cast<T*>(x);
  const Run<T> r = impl_->run(context, rows, training);
  LossAndPenalty result{.weight = batch_weight(*impl_->spec.loss, targets, rows)};
  result.loss = impl_->forward_and_loss(r, ws, targets, false);
  densekit::backward(r, ws, impl_->scored(), impl_->plan.first_trained, false, impl_->gradients);
  result.penalty =
      impl_->update.add_penalties(context, impl_->parameters, impl_->gradients, sum_of_weights(*impl_->spec.loss, targets, rows));
  check_interrupt(context);
  if (track) impl_->pending.add(r, ws, impl_->statistics);
  return result;
}

template <class T> LossAndPenalty BasicNetwork<T>::step_on(const T* x, index rows, const Targets<T>& targets, double lr,
                                                           std::string* diverged, bool (*stop)()) {
  require(impl_->spec.optimizer.has_value(), "the network has no optimizer");
  impl_->check_targets(targets, rows);
  require(rows > 0, "a step needs at least one row");
  const auto lock = impl_->alone();
  const Call call(stop, &impl_->spec);
  const Context& context = call.context;
  Workspace<T>& ws = impl_->workspace;
  ws.prepare(context, impl_->plan, rows, Purpose::training);
  ws.buffers[0] = const_cast<T*>(x);
  impl_->pending.drop();
  LossAndPenalty result;
  if (!impl_->train(context, rows, targets, lr, false, result) && diverged)
    *diverged = impl_->where_diverged(impl_->run(context, rows, true), ws);
  return result;
}

template <class T> index BasicNetwork<T>::steps_of_epoch(index count, index batch_size, bool drop_last, bool has_batch_norm) {
  const index whole = count / batch_size, rest = count % batch_size;
  return whole + (rest > 0 && !drop_last && !(has_batch_norm && rest == 1 && whole > 0));
}
template <class T> index BasicNetwork<T>::steps_of_epoch(index count, index batch_size, bool drop_last) const {
  require(batch_size >= 1, "batch_size must be at least 1, got " + std::to_string(batch_size));
  return steps_of_epoch(count, batch_size, drop_last, impl_->plan.has_batch_norm);
}

template <class T> EpochResult BasicNetwork<T>::epoch(const Table2D& x, const Targets<T>& targets, const std::int64_t* order, index count,
                                                      const EpochOptions& o) {
  const Spec& spec = impl_->spec;
  const Plan& plan = impl_->plan;
  require(spec.optimizer.has_value(), "the network has no optimizer");
  require(x.cols == plan.inputs(), "x has " + std::to_string(x.cols) + " columns, expected " + std::to_string(plan.inputs()));
  impl_->check_targets(targets, x.rows);
  for (index i = 0; i < count; ++i)
    require(order[i] >= 0 && order[i] < x.rows, [&] {
      return "order[" + std::to_string(i) + "] is " + std::to_string(order[i]) + ", but there are " + std::to_string(x.rows) + " rows";
    });
  const index steps = steps_of_epoch(count, o.batch_size, o.drop_last);
  const auto lock = impl_->alone();
  const Call call(o.stop, &impl_->spec);
  const Context& context = call.context;
  Workspace<T>& ws = impl_->workspace;
  const index most = std::min(count, std::min(count, o.batch_size) + (plan.has_batch_norm && !o.drop_last));
  ws.prepare(context, plan, std::max<index>(most, 1), Purpose::training, targets.values ? targets.width : 0);
  impl_->pending.drop();
  EpochResult result;
  double weight = 0;
  for (index s = 0; s < steps; ++s) {
    const index begin = s * o.batch_size;
    const index rows = s + 1 < steps || o.drop_last ? o.batch_size : count - begin;
    const std::int64_t* batch = order + begin;
    gather_rows(context, x, batch, rows, ws.buffer(0));
    Targets<T> some{.width = targets.width};
    if (targets.labels) {
      for (index i = 0; i < rows; ++i) ws.labels[i] = targets.labels[batch[i]];
      some.labels = ws.labels;
    } else {
      for (index i = 0; i < rows; ++i)
        std::copy_n(targets.values + batch[i] * targets.width, targets.width, ws.targets + i * targets.width);
      some.values = ws.targets;
    }
    if (targets.weights) {
      for (index i = 0; i < rows; ++i) ws.weights_of_batch[i] = targets.weights[batch[i]];
      some.weights = ws.weights_of_batch;
    }
    LossAndPenalty one;
    const double lr = o.lr ? o.lr[s] : spec.optimizer->lr;
    const bool trained = impl_->train(context, rows, some, lr, o.outputs != nullptr, one);
    if (!trained && result.diverged_step < 0) {
      result.diverged_step = static_cast<std::int64_t>(impl_->step);
      result.diverged_layer = impl_->where_diverged(impl_->run(context, rows, true), ws);
    }
    if (o.outputs)
      for (index i = 0; i < rows; ++i)
        std::copy_n(ws.buffer(plan.output) + i * plan.outputs(), plan.outputs(), o.outputs + batch[i] * plan.outputs());
    result.loss += one.loss * one.weight;
    result.penalty += one.penalty * one.weight;
    weight += one.weight;
    result.steps += trained;
    if (!trained && o.stop_on_divergence) break;
  }
  result.loss = weight > 0 ? result.loss / weight : 0;
  result.penalty = weight > 0 ? result.penalty / weight : 0;
  return result;
}

template <class T> EpochResult BasicNetwork<T>::epoch(const T* x, const int* labels, const int* order, index count, index batch_size) {
  index rows = 0;
  std::vector<std::int64_t> wide_order(static_cast<std::size_t>(count));
  for (index i = 0; i < count; ++i) {
    require(order[i] >= 0, "order[" + std::to_string(i) + "] is negative");
    wide_order[static_cast<std::size_t>(i)] = order[i];
    rows = std::max<index>(rows, order[i] + 1);
  }
  const std::vector<std::int64_t> wide_labels(labels, labels + rows);
  const index size = sizeof(T), cols = inputs();
  const Table2D table{x, size == 4 ? Table2D::Type::float32 : Table2D::Type::float64, rows, cols, cols * size, size};
  return epoch(table, Targets<T>{.labels = wide_labels.data()}, wide_order.data(), count, EpochOptions{.batch_size = batch_size});
}

template class BasicNetwork<float>;
template class BasicNetwork<double>;

}  // namespace densekit
