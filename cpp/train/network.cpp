// A network: its memory, and its calls.
#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

#include "core/read_once.h"
#include "ops/elementwise.h"
#include "ops/labels.h"
#include "train/arguments.h"
#include "train/call.h"
#include "train/gather.h"
#include "train/initialize.h"
#include "train/network_impl.h"
#include "train/ranges.h"
#include "train/records.h"
#include "train/validate.h"

namespace densekit {
namespace {

// Rows of a prediction that go through the network together: at most 4 MiB of float32 a layer. The weights are packed once for
// all of them, which for a quarter of the rows took 3 % longer.
index rows_at_once(const Plan& plan) { return std::clamp<index>(1048576 / std::max<index>(plan.widest, 1), 64, 2048); }

void collect_names(const std::vector<Layer>& layers, std::set<std::string>& names) {
  for (const Layer& layer : layers) {
    if (!layer.name.empty()) names.insert(layer.name);
    if (const auto* inside = layers_inside(layer)) collect_names(*inside, names);
  }
}
// Layers without a name are called by their kind: dense, dense_1, dense_2, …
void name_layers(std::vector<Layer>& layers, std::set<std::string>& names) {
  for (Layer& layer : layers) {
    for (int number = 0; layer.name.empty(); ++number) {
      std::string name(kind_name(layer.is));
      if (number) name.append("_").append(std::to_string(number));
      if (names.insert(name).second) layer.name = name;
    }
    if (auto* inside = layers_inside(layer)) name_layers(*inside, names);
  }
}
// The spec with all names, checked.
template <class T> Spec checked(Spec spec) {
  std::set<std::string> names;
  collect_names(spec.layers, names);
  name_layers(spec.layers, names);
  validate(spec);
  require(spec.dtype == dtype_of<T>, [&] {
    return "spec: dtype is \"" + std::string(word(spec.dtype)) + "\", but this network is of " + std::string(word(dtype_of<T>));
  });
  return spec;
}

// Everything in another language that the spec names must be there.
void require_hosts(const Plan& plan, const std::vector<HostLayer>& given) {
  for (const PlanLayer& layer : plan.layers) {
    const CallbackLayer* callback = std::get_if<CallbackLayer>(&layer.spec->is);
    if (!callback) continue;
    const std::size_t number = static_cast<std::size_t>(callback->index);
    require(number < given.size() && given[number].forward && given[number].backward, [&] {
      return "layer '" + layer.name + "' is number " + std::to_string(number) +
             " of the layers in another language, which is not among the " + std::to_string(given.size()) +
             " given, or has no forward or backward";
    });
  }
}
void require_host(const Loss& loss, const std::vector<HostLoss>& given) {
  const CallbackLoss* callback = std::get_if<CallbackLoss>(&loss.is);
  if (!callback) return;
  const std::size_t number = static_cast<std::size_t>(callback->index);
  require(number < given.size() && given[number].call, [&] {
    return "the loss is number " + std::to_string(number) + " of the losses in another language, which is not among the " +
           std::to_string(given.size()) + " given, or cannot be called";
  });
}

// What body gives. A row or a label that it refuses in the middle of an epoch comes too late for the updates before it: the error
// says how many there were.
template <class F> auto numbered(const F& body, index updates, std::uint64_t step) {
  try {
    return body();
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(std::string(error.what()) + "; found after " + std::to_string(updates) +
                                (updates == 1 ? " update" : " updates") + " of this epoch, at step " + std::to_string(step));
  }
}

std::vector<SegmentInfo> info(const std::vector<Segment>& segments) {
  std::vector<SegmentInfo> all;
  for (const Segment& s : segments) all.push_back({s.layer, s.name, s.shape, s.offset, s.trainable});
  return all;
}

}  // namespace

template <class T>
BasicNetwork<T>::Impl::Impl(const Spec& given, std::vector<HostLayer> layers, std::vector<HostLoss> losses, bool (*stop)())
    : spec(checked<T>(given)),
      hosts(std::move(layers)),
      host_losses(std::move(losses)),
      plan(make_plan(spec, spec.fuse)),
      unfused(make_plan(spec, false)),
      update(spec, plan),
      pending(plan) {
  require_hosts(plan, hosts);
  for (const PlanHead& head : plan.heads) require_host(*head.loss, host_losses);
  const int slots = spec.optimizer ? slots_of(spec.optimizer->is) : 0;
  Interrupt interrupt(stop);
  Context context = current_context();
  if (stop) context.interrupt = &interrupt;
  arenas = std::vector<Arena>(static_cast<std::size_t>(3 + slots));
  const auto zeros = [&](std::size_t which, index count) {
    const Bytes bytes = Carver::bytes<T>(std::max<index>(count, 1));
    T* data = static_cast<T*>(arenas[which].reserve(bytes));
    constexpr std::size_t some = (std::size_t{1} << 20) / sizeof(T);  // touching new memory takes its time
    const std::size_t elements = static_cast<std::size_t>(bytes) / sizeof(T);
    for (std::size_t i = 0; i < elements; i += some) {
      check_interrupt(context);
      std::fill_n(data + i, std::min(some, elements - i), T(0));
    }
    return data;
  };
  parameters = zeros(0, plan.parameter_count);
  gradients = zeros(1, plan.parameter_count);
  statistics = zeros(2, plan.statistic_count);
  for (int k = 0; k < slots; ++k) states.push_back(zeros(static_cast<std::size_t>(3 + k), plan.parameter_count));
  for (std::size_t i = 0; i < plan.parameters.size(); ++i) {
    const Segment& s = plan.parameters[i];
    initialize(context, s.initializer, spec.seed, static_cast<index>(i), s.shape, s.fan_in, s.fan_out, parameters + s.offset);
    check_interrupt(context);
    for (T* state : states) std::fill_n(state + s.offset, s.size, static_cast<T>(first_state(spec.optimizer->is)));
  }
  for (const Segment& s : plan.statistics)
    initialize(context, s.initializer, spec.seed, 0, s.shape, s.fan_in, s.fan_out, statistics + s.offset);
  for (const PlanHead& head : plan.heads) target_width(head.loss->is, head.columns);
}

template <class T>
double BasicNetwork<T>::Impl::forward_and_loss(const Run<T>& r, Workspace<T>& ws, const BatchOfHeads& targets, bool through_link) const {
  densekit::forward(r, ws, through_link ? all() : plan.scored);
  double total = 0;
  for (std::size_t h = 0; h < plan.heads.size(); ++h) {
    const PlanHead& head = plan.heads[h];
    T* gradient = ws.slot(head.gradient_slot);
    const double loss =
        batch_loss(r.context, *head.loss, host_losses, ws.buffer(head.scores), targets[h], r.rows, head.columns, gradient, ws);
    if (head.weight != 1) scale_by(r.context, gradient, gradient, r.rows * head.columns, head.weight);
    ws.heads[h].loss = loss;
    total += head.weight * loss;
  }
  return total;
}

template <class T> double BasicNetwork<T>::Impl::weight_of(const BatchOfHeads& targets, index rows, Workspace<T>& ws) const {
  double sum = 0;
  for (std::size_t h = 0; h < plan.heads.size(); ++h) sum += ws.heads[h].weight = batch_weight(*plan.heads[h].loss, targets[h], rows);
  return sum;
}
template <class T> double BasicNetwork<T>::Impl::sum_of_weights(const BatchOfHeads& targets, index rows) const {
  double sum = 0;
  for (std::size_t h = 0; h < plan.heads.size(); ++h) sum += densekit::sum_of_weights(*plan.heads[h].loss, targets[h], rows);
  return sum;
}
template <class T> void BasicNetwork<T>::Impl::read_losses(const Workspace<T>& ws, std::span<double> head_losses) {
  for (std::size_t h = 0; h < head_losses.size(); ++h) head_losses[h] = ws.heads[h].loss;
}

template <class T> std::string BasicNetwork<T>::Impl::where_diverged(const Run<T>& r, const Workspace<T>& ws) const {
  const T* x = ws.buffer(0);
  if (!std::all_of(x, x + r.rows * plan.inputs(), [](T value) { return std::isfinite(value); })) return "input";
  // Once more without fusion, so that each layer's output is there to look at.
  const Borrowed separate(*this);
  separate->prepare(r.context, unfused, r.rows, Purpose::training);
  separate->buffers[0] = ws.buffer(0);
  Run<T> again = run_of(unfused, r.context, r.rows, true);
  again.first_row = r.first_row;
  densekit::forward(again, *separate, unfused.scored);
  const std::string layer = first_not_finite(again, *separate, unfused.scored);
  return layer.empty() ? "loss" : layer;
}

template <class T> std::unique_lock<std::mutex> BasicNetwork<T>::Impl::alone() {
  std::unique_lock<std::mutex> lock(training, std::try_to_lock);
  if (!lock) throw std::runtime_error("this network is being trained by another call; wait for it, or train a copy");
  return lock;
}

template <class T>
bool BasicNetwork<T>::Impl::pass(const Run<T>& r, const BatchOfHeads& targets, bool through_link, T* to, LossAndPenalty& result) {
  result.weight = weight_of(targets, r.rows, workspace);
  result.loss = forward_and_loss(r, workspace, targets, through_link);
  check_interrupt(r.context);  // what was abandoned says nothing about the loss
  if (!std::isfinite(result.loss)) return false;
  densekit::backward(r, workspace, plan.scored, plan.first_trained, false, to);
  return true;
}

template <class T> bool BasicNetwork<T>::Impl::train(const Context& context, index rows, const BatchOfHeads& targets, double lr,
                                                     bool through_link, LossAndPenalty& result) {
  const Run<T> r = run(context, rows, true);
  if (!pass(r, targets, through_link, gradients, result)) {
    result.penalty = update.penalty(context, parameters, sum_of_weights(targets, rows));
    return false;
  }
  Context whole = context;  // an update is not left half done
  whole.interrupt = nullptr;
  const Turns::Turn turn(changes);
  result.penalty = update.apply(whole, parameters, gradients, states, lr, static_cast<double>(step + 1), sum_of_weights(targets, rows));
  commit_statistics(r, workspace, statistics);
  ++step;
  return true;
}

template <class T> void BasicNetwork<T>::Impl::read_rows(const Context& context, const Table2D& x, index first, index rows) {
  gather_rows(context, x, workspace.order + first, rows, workspace.buffer(0));
}
template <class T> void BasicNetwork<T>::Impl::write_outputs(index first, index rows, std::span<T> outputs) const {
  const T* made = workspace.buffer(plan.output);
  const index width = plan.outputs();
  for (index i = 0; i < rows; ++i) std::copy_n(made + i * width, width, outputs.data() + workspace.order[first + i] * width);
}

template <class T>
BasicNetwork<T>::BasicNetwork(const Spec& spec, std::vector<HostLayer> layers, std::vector<HostLoss> losses, bool (*stop)())
    : impl_(std::make_shared<Impl>(spec, std::move(layers), std::move(losses), stop)) {}
template <class T> BasicNetwork<T>::~BasicNetwork() = default;
template <class T> BasicNetwork<T>::BasicNetwork(BasicNetwork&&) noexcept = default;
template <class T> BasicNetwork<T>& BasicNetwork<T>::operator=(BasicNetwork&&) noexcept = default;

template <class T> typename BasicNetwork<T>::Impl& BasicNetwork<T>::Owned::operator*() const {
  require(impl_ != nullptr, "this network was moved from: it can be assigned to or destroyed, and nothing else");
  return *impl_;
}

template <class T> const Spec& BasicNetwork<T>::spec() const { return impl_->spec; }
template <class T> index BasicNetwork<T>::inputs() const { return impl_->plan.inputs(); }
template <class T> index BasicNetwork<T>::outputs() const { return impl_->plan.outputs(); }
template <class T> index BasicNetwork<T>::scores() const {
  index columns = 0;
  for (const PlanHead& head : impl_->plan.heads) columns += head.columns;
  return impl_->plan.heads.empty() ? outputs() : columns;
}
template <class T> index BasicNetwork<T>::parameter_count() const { return impl_->plan.parameter_count; }
template <class T> index BasicNetwork<T>::statistic_count() const { return impl_->plan.statistic_count; }
template <class T> std::span<T> BasicNetwork<T>::parameters() { return whole(impl_->parameters, parameter_count()); }
template <class T> std::span<const T> BasicNetwork<T>::parameters() const { return whole(impl_->parameters, parameter_count()); }
template <class T> std::span<T> BasicNetwork<T>::gradients() { return whole(impl_->gradients, parameter_count()); }
template <class T> std::span<T> BasicNetwork<T>::statistics() { return whole(impl_->statistics, statistic_count()); }
template <class T> std::span<const T> BasicNetwork<T>::statistics() const { return whole(impl_->statistics, statistic_count()); }
template <class T> std::vector<std::span<T>> BasicNetwork<T>::states() {
  std::vector<std::span<T>> all;
  for (T* state : impl_->states) all.push_back(whole(state, parameter_count()));
  return all;
}
template <class T> std::vector<SegmentInfo> BasicNetwork<T>::parameter_segments() const { return info(impl_->plan.parameters); }
template <class T> std::vector<SegmentInfo> BasicNetwork<T>::statistic_segments() const { return info(impl_->plan.statistics); }
template <class T> std::uint64_t BasicNetwork<T>::step() const { return impl_->step; }
template <class T> void BasicNetwork<T>::set_step(std::uint64_t step) { impl_->step = step; }

template <class T> std::uint64_t BasicNetwork<T>::snapshot(T* parameters, T* statistics, const std::vector<T*>& states) const {
  const Impl& from = *impl_;
  const Turns::Turn turn(from.changes);
  std::copy_n(from.parameters, from.plan.parameter_count, parameters);
  std::copy_n(from.statistics, from.plan.statistic_count, statistics);
  for (std::size_t i = 0; i < states.size(); ++i) std::copy_n(from.states[i], from.plan.parameter_count, states[i]);
  return from.step;
}

template <class T> void BasicNetwork<T>::predict(std::span<const T> x, std::span<T> y) const { forward(x, y, false); }
template <class T> std::vector<T> BasicNetwork<T>::predict(std::span<const T> x) const {
  const index rows = rows_of(x, inputs(), "x");
  std::vector<T> y(static_cast<std::size_t>(rows) * static_cast<std::size_t>(outputs()));
  forward(x, y, false);
  return y;
}

template <class T> void BasicNetwork<T>::Impl::forward(std::span<const T> given, std::span<T> result, Mode mode, bool (*stop)()) const {
  const T* x = given.data();
  T* y = result.data();
  const index rows = rows_of(given, plan.inputs(), "x");
  require_rows(result, "y", rows, plan.outputs());
  require_apart(given, "x", result, "y");
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
template <class T> void BasicNetwork<T>::forward(std::span<const T> x, std::span<T> y, bool training, bool (*stop)()) const {
  impl_->forward(x, y, training ? Mode::training : Mode::inference, stop);
}
template <class T> void BasicNetwork<T>::training_forward(std::span<const T> x, std::span<T> y, bool (*stop)()) {
  impl_->forward(x, y, Mode::tracked, stop);
}

static void require_heads(std::span<double> head_losses, const Plan& plan) {
  if (!head_losses.empty()) require_rows(head_losses, "head_losses", static_cast<index>(plan.heads.size()));
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
void BasicNetwork<T>::hidden(std::span<const T> given, const std::string& layer, std::span<T> result, bool training, bool (*stop)()) const {
  const T* x = given.data();
  T* y = result.data();
  const index rows = rows_of(given, inputs(), "x");
  require_rows(result, "y", rows, hidden_width(layer));
  require_apart(given, "x", result, "y");
  if (rows == 0) return;
  const Plan& plan = impl_->unfused;
  const int target = plan.layers[static_cast<std::size_t>(layer_number(plan, layer))].output;
  int end = static_cast<int>(plan.ops.size()) - 1;  // the last that writes it
  while (target != 0 && plan.ops[static_cast<std::size_t>(end)].output != target) --end;
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
    copy(context, ws->buffer(target), y + row * width, count * width);
    check_interrupt(context);
  }
}

template <class T> LossAndPenalty BasicNetwork<T>::loss(std::span<const T> x, AllTargets given, bool training, std::span<T> outputs,
                                                        bool (*stop)(), std::span<double> head_losses) const {
  const index rows = rows_of(x, inputs(), "x");
  typename Impl::BatchOfHeads targets = impl_->checked_targets(given, rows);
  require_heads(head_losses, impl_->plan);
  if (outputs.data()) require_rows(outputs, "outputs", rows, this->outputs());
  require_there(outputs, "outputs");
  require_apart(x, "x", outputs, "outputs");
  const Call call(stop);
  const Context& context = call.context;
  const typename Impl::Borrowed ws(*impl_);
  ws->prepare(context, impl_->plan, std::max<index>(rows, 1), Purpose::training, impl_->target_memory(targets, false));
  ws->buffers[0] = const_cast<T*>(x.data());  // only read
  impl_->own_targets(targets, nullptr, rows, *ws);
  LossAndPenalty result{.weight = impl_->weight_of(targets, rows, *ws)};
  if (rows > 0) result.loss = impl_->forward_and_loss(impl_->run(context, rows, training), *ws, targets, outputs.data() != nullptr);
  if (!outputs.empty()) copy(context, ws->buffer(impl_->plan.output), outputs.data(), rows * impl_->plan.outputs());
  Update<T> update(impl_->spec, impl_->plan);  // sums of its own: another call may be training
  result.penalty = update.penalty(context, impl_->parameters, impl_->sum_of_weights(targets, rows));
  check_interrupt(context);
  Impl::read_losses(*ws, head_losses);
  return result;
}

template <class T> LossAndPenalty BasicNetwork<T>::gradient(std::span<const T> x, AllTargets given, bool training, bool track,
                                                            bool (*stop)(), std::span<double> head_losses) {
  const index rows = rows_of(x, inputs(), "x");
  typename Impl::BatchOfHeads targets = impl_->checked_targets(given, rows);
  require_heads(head_losses, impl_->plan);
  require(rows > 0, "a gradient needs at least one row");
  const auto lock = impl_->alone();
  const Call call(stop, &impl_->spec);
  const Context& context = call.context;
  Workspace<T>& ws = impl_->workspace;
  ws.prepare(context, impl_->plan, rows, Purpose::training, impl_->target_memory(targets, false));
  ws.buffers[0] = const_cast<T*>(x.data());
  impl_->own_targets(targets, nullptr, rows, ws);
  const Run<T> r = impl_->run(context, rows, training);
  LossAndPenalty result{.weight = impl_->weight_of(targets, rows, ws)};
  result.loss = impl_->forward_and_loss(r, ws, targets, false);
  densekit::backward(r, ws, impl_->plan.scored, impl_->plan.first_trained, false, impl_->gradients);
  result.penalty = impl_->update.add_penalties(context, impl_->parameters, impl_->gradients, impl_->sum_of_weights(targets, rows));
  check_interrupt(context);
  if (track) impl_->pending.add(r, ws, impl_->statistics);
  Impl::read_losses(ws, head_losses);
  return result;
}

template <class T> LossAndPenalty BasicNetwork<T>::step_on(std::span<const T> x, AllTargets given, double lr, std::string* diverged,
                                                           bool (*stop)(), std::span<double> head_losses) {
  require(impl_->spec.optimizer.has_value(), "the network has no optimizer");
  const index rows = rows_of(x, inputs(), "x");
  typename Impl::BatchOfHeads targets = impl_->checked_targets(given, rows);
  require_heads(head_losses, impl_->plan);
  require(rows > 0, "a step needs at least one row");
  checked_rate(lr);
  const auto lock = impl_->alone();
  const Call call(stop, &impl_->spec);
  const Context& context = call.context;
  Workspace<T>& ws = impl_->workspace;
  ws.prepare(context, impl_->plan, rows, Purpose::training, impl_->target_memory(targets, false));
  ws.buffers[0] = const_cast<T*>(x.data());
  impl_->own_targets(targets, nullptr, rows, ws);
  impl_->pending.drop();
  LossAndPenalty result;
  if (!impl_->train(context, rows, targets, lr, false, result) && diverged)
    *diverged = impl_->where_diverged(impl_->run(context, rows, true), ws);
  Impl::read_losses(ws, head_losses);
  return result;
}

template <class T> index BasicNetwork<T>::steps_of_epoch(index count, index batch_size, bool drop_last, bool needs_two_rows) {
  require(count >= 0, [&] { return "the number of rows must be at least 0, got " + std::to_string(count); });
  require(batch_size >= 1, [&] { return "batch_size must be at least 1, got " + std::to_string(batch_size); });
  const index whole = count / batch_size, rest = count % batch_size;
  return whole + (rest > 0 && !drop_last && !(needs_two_rows && rest == 1 && whole > 0));
}
template <class T> index BasicNetwork<T>::steps_of_epoch(index count, index batch_size, bool drop_last) const {
  return steps_of_epoch(count, batch_size, drop_last, impl_->plan.needs_two_rows);
}

template <class T>
EpochResult BasicNetwork<T>::epoch(const Table2D& x, AllTargets given, std::span<const std::int64_t> order, const EpochOptions& o) {
  const Spec& spec = impl_->spec;
  const Plan& plan = impl_->plan;
  require(spec.optimizer.has_value(), "the network has no optimizer");
  require(x.rows >= 0, [&] { return "x has " + std::to_string(x.rows) + " rows"; });
  require(x.cols == plan.inputs(),
          [&] { return "x has " + std::to_string(x.cols) + " columns, expected " + std::to_string(plan.inputs()); });
  require(x.data || x.rows == 0, "x is a null pointer");
  require(x.type == Table2D::Type::float32 || x.type == Table2D::Type::float64 || x.type == Table2D::Type::uint8,
          "x is of no type that there is");
  const typename Impl::BatchOfHeads targets = impl_->checked_targets(given, x.rows);
  require_there(order, "order");
  require(o.accumulate >= 1 && o.accumulate <= std::max<index>(o.batch_size, 1), [&] {
    return "accumulate is " + std::to_string(o.accumulate) + ", expected 1 to the batch size, " + std::to_string(o.batch_size);
  });
  for (const PlanHead& head : plan.heads)
    require(o.accumulate == 1 ||
                !(std::holds_alternative<CallbackLoss>(head.loss->is) || std::holds_alternative<RootMeanSquaredError>(head.loss->is)),
            [&] { return "accumulate needs losses that are sums over rows, which " + std::string(kind_name(head.loss->is)) + " is not"; });
  const index count = static_cast<index>(order.size());
  const index steps = steps_of_epoch(count, o.batch_size, o.drop_last);
  if (o.lr.data()) require_rows(o.lr, "lr", steps);
  require_there(o.lr, "lr");
  if (o.outputs.data()) require_rows(o.outputs, "outputs", x.rows, plan.outputs());
  require_there(o.outputs, "outputs");
  const auto lock = impl_->alone();
  const Call call(o.stop, &impl_->spec);
  const Context& context = call.context;
  Workspace<T>& ws = impl_->workspace;
  const index most = std::max<index>(1, std::min(count, std::min(count, o.batch_size) + (plan.needs_two_rows && !o.drop_last)));
  ws.prepare(context, plan, Ranges(most, o.accumulate, plan.needs_two_rows).most_rows(), Purpose::training,
             impl_->target_memory(targets, true), most);
  impl_->pending.drop();
  EpochResult result;
  const std::size_t heads = plan.heads.size();
  std::vector<double> sums(heads), weights(heads);  // over the batches, of each head
  double weight = 0;
  for (index s = 0; s < steps; ++s) {
    const index begin = s * o.batch_size;
    const index rows = s + 1 < steps || o.drop_last ? o.batch_size : count - begin;
    double lr = spec.optimizer->lr;
    const typename Impl::BatchOfHeads batch = numbered(
        [&] {
          // By updates done: one that is left out takes no rate.
          if (o.lr.data()) lr = checked_rate(read_once(&o.lr[static_cast<std::size_t>(result.steps)]));
          return impl_->gather(x, targets, order.data(), begin, rows, ws);
        },
        result.steps, impl_->step);
    LossAndPenalty one;
    std::optional<Run<T>> failed;
    bool trained;
    if (o.accumulate > 1) {
      trained = impl_->train_in_ranges(context, x, batch, rows, o, lr, one, failed);
    } else {
      impl_->read_rows(context, x, 0, rows);
      trained = impl_->train(context, rows, batch, lr, o.outputs.data() != nullptr, one);
      if (!trained) failed.emplace(impl_->run(context, rows, true));
      if (o.outputs.data()) impl_->write_outputs(0, rows, o.outputs);
    }
    if (!trained && result.diverged_step < 0) {
      result.diverged_step = static_cast<std::int64_t>(impl_->step);
      result.diverged_layer = impl_->where_diverged(*failed, ws);
    }
    for (std::size_t h = 0; h < heads; ++h) {
      sums[h] += ws.heads[h].loss * ws.heads[h].weight;
      weights[h] += ws.heads[h].weight;
    }
    result.penalty += one.penalty * one.weight;
    weight += one.weight;
    result.steps += trained;
    if (!trained && o.stop_on_divergence) break;
  }
  for (std::size_t h = 0; h < heads; ++h) {
    result.head_losses.push_back(weights[h] > 0 ? sums[h] / weights[h] : 0);
    result.loss += plan.heads[h].weight * result.head_losses[h];
  }
  result.penalty = weight > 0 ? result.penalty / weight : 0;
  return result;
}

// Rows of spans, contiguous.
template <class T> static Table2D table_of(std::span<const T> x, index cols) {
  constexpr index size = sizeof(T);
  return {x.data(), size == 4 ? Table2D::Type::float32 : Table2D::Type::float64, rows_of(x, cols, "x"), cols, cols * size, size};
}
static std::vector<std::int64_t> wide(std::span<const int> numbers, const char* name) {
  require_there(numbers, name);
  return {numbers.begin(), numbers.end()};
}
static std::vector<std::int64_t> checked_order(std::span<const int> given, index rows) {
  std::vector<std::int64_t> order = wide(given, "order");
  take_order(order.data(), 0, static_cast<index>(order.size()), rows, order.data());
  return order;
}

template <class T>
EpochResult BasicNetwork<T>::epoch(std::span<const T> x, std::span<const int> labels, std::span<const int> order, index batch_size) {
  const Table2D table = table_of(x, inputs());
  std::vector<std::int64_t> own = wide(labels, "labels");
  const Targets<T> targets{.labels = own};
  impl_->require_labels(impl_->checked_targets({&targets, 1}, table.rows), table.rows, own.data());
  return epoch(table, targets, checked_order(order, table.rows), EpochOptions{.batch_size = batch_size});
}
template <class T>
EpochResult BasicNetwork<T>::epoch(std::span<const T> x, std::span<const T> values, std::span<const int> order, index batch_size) {
  const Table2D table = table_of(x, inputs());
  return epoch(table, Targets<T>{.values = values}, checked_order(order, table.rows), EpochOptions{.batch_size = batch_size});
}

template class BasicNetwork<float>;
template class BasicNetwork<double>;

}  // namespace densekit
