#include "train/plan.h"

#include <algorithm>
#include <stdexcept>

#include "train/names.h"

namespace densekit {
namespace {

constexpr index segment_unit = 16;  // elements: segments begin on cache lines
// Of all segments together, in elements: far below what an index of 64 bits can count; one of 32 bits is checked where it is added to.
constexpr std::int64_t most_elements = std::int64_t{1} << 40;

class Builder {
 public:
  Builder(const Spec& spec, Plan& plan) : spec_(spec), plan_(plan) {}

  void build(bool fuse) {
    if (spec_.inputs < 1) fail("a network needs at least one input, got " + std::to_string(spec_.inputs));
    buffer(spec_.inputs);
    int last = 0;
    for (const LayerSpec& layer : spec_.layers) last = add_layer(layer, last, true);
    plan_.output = plan_.scores = last;
    if (spec_.loss && spec_.loss->link) unlink();
    if (fuse) merge_elementwise();
    save_slopes();
    if (fuse) share_block_moments();
    place_gradients();
    place_inference();
    plan_.widest = *std::max_element(plan_.widths.begin(), plan_.widths.end());
  }

 private:
  [[noreturn]] static void fail(const std::string& message) { throw std::invalid_argument(message); }
  std::string here() const { return "layer '" + plan_.layers.back().name + "'"; }
  int buffer(index width) {
    plan_.widths.push_back(width);
    return static_cast<int>(plan_.widths.size()) - 1;
  }
  index width(int number) const { return plan_.widths[static_cast<std::size_t>(number)]; }

  int segment(std::vector<Segment>& all, index& count, Segment s) {
    s.size = 1;
    for (const index length : s.shape)
      if (length < 0 || __builtin_mul_overflow(s.size, length, &s.size)) fail(here() + ": " + s.name + " has an impossible shape");
    s.offset = count;
    const index whole = s.size / segment_unit + (s.size % segment_unit > 0);
    if (index padded = 0;
        __builtin_mul_overflow(whole, segment_unit, &padded) || __builtin_add_overflow(count, padded, &count) || count > most_elements)
      fail(here() + ": " + s.name + " is too large");
    all.push_back(std::move(s));
    return static_cast<int>(all.size()) - 1;
  }
  int parameter(Segment s) { return segment(plan_.parameters, plan_.parameter_count, std::move(s)); }
  int statistic(Segment s) { return segment(plan_.statistics, plan_.statistic_count, std::move(s)); }

  PlanOp& emit(PlanOp op) {
    op.inputs = width(op.input);
    op.output = buffer(op.outputs);
    plan_.ops.push_back(std::move(op));
    return plan_.ops.back();
  }
  PlanOp start(Action action, int layer, int input, index outputs) {
    return {.action = action,
            .layer = layer,
            .input = input,
            .output = -1,
            .inputs = width(input),
            .outputs = outputs,
            .trainable = trainable(layer)};
  }

  bool trainable(int layer) const { return plan_.layers[static_cast<std::size_t>(layer)].trainable; }

  int add_layer(const LayerSpec& spec, int input, bool around) {
    const int layer = static_cast<int>(plan_.layers.size());
    plan_.layers.push_back({&spec, spec.name, layer, 0, around && spec.trainable});
    const int output = layer_ops(spec, layer, input);
    plan_.layers[static_cast<std::size_t>(layer)].output = output;
    return output;
  }

  int layer_ops(const LayerSpec& spec, int layer, int input) {
    const index n = width(input);
    const std::string& kind = spec.kind;
    const auto zeros = InitializerSpec{.kind = "zeros"}, ones = InitializerSpec{.kind = "ones"};
    if (kind == "dense") {
      if (spec.units < 1) fail(here() + ": units must be at least 1, got " + std::to_string(spec.units));
      PlanOp op = start(Action::dense, layer, input, spec.units);
      const double in = static_cast<double>(n), out = static_cast<double>(spec.units);
      op.kernel =
          parameter({spec.name, "kernel", {n, spec.units}, 0, 0, trainable(layer), spec.kernel_penalty, spec.kernel_initializer, in, out});
      if (spec.bias)
        op.bias = parameter({spec.name, "bias", {spec.units}, 0, 0, trainable(layer), spec.bias_penalty, spec.bias_initializer, in, out});
      return activation(spec, layer, emit(op).output);
    }
    if (kind == "activation") return activation(spec, layer, input);
    if (kind == "batch_norm" || kind == "layer_norm") {
      PlanOp op = start(kind == "batch_norm" ? Action::batch_norm : Action::layer_norm, layer, input, n);
      if (spec.scale) op.gamma = parameter({spec.name, "gamma", {n}, 0, 0, trainable(layer), {}, ones});
      if (spec.center) op.beta = parameter({spec.name, "beta", {n}, 0, 0, trainable(layer), {}, zeros});
      if (op.action == Action::batch_norm) {
        plan_.has_batch_norm = true;
        op.mean = statistic({spec.name, "mean", {n}, 0, 0, false, {}, zeros});
        op.variance = statistic({spec.name, "variance", {n}, 0, 0, false, {}, {.kind = "constant", .value = spec.initial_variance}});
      }
      return emit(op).output;
    }
    if (kind == "dropout") return emit(start(Action::dropout, layer, input, n)).output;
    if (kind == "gaussian_noise") return emit(start(Action::noise, layer, input, n)).output;
    if (kind == "residual") {
      int last = input;
      for (const LayerSpec& inner : spec.layers) last = add_layer(inner, last, trainable(layer));
      if (width(last) != n)
        fail("layer '" + spec.name + "': a residual block keeps the width, but " + std::to_string(n) + " go in and " +
             std::to_string(width(last)) + " come out");
      PlanOp op = start(Action::add, layer, input, n);
      op.second = last;
      return emit(op).output;
    }
    if (kind == "host") {
      if (spec.outputs < 1) fail(here() + ": outputs must be at least 1, got " + std::to_string(spec.outputs));
      PlanOp op = start(Action::host, layer, input, spec.outputs);
      op.host = spec.host;
      for (const HostParameterSpec& p : spec.parameters)
        op.host_parameters.push_back(parameter({spec.name, p.name, p.shape, 0, 0, trainable(layer), {}, {.kind = "given"}}));
      return emit(op).output;
    }
    fail(here() + ": unknown kind '" + kind + "'");
  }

  // Its own operation, or none for the identity.
  int activation(const LayerSpec& spec, int layer, int input) {
    if (spec.activation == "identity") return input;
    PlanOp op = start(Action::activation, layer, input, width(input));
    op.parameter = spec.parameter;
    if (spec.activation == "softmax") op.action = Action::softmax;
    else if (spec.activation == "log_softmax") op.action = Action::log_softmax;
    else op.activation = activation_named(spec.activation);
    return emit(op).output;
  }

  // The loss takes what goes into the last operation, which must be the activation that belongs to it.
  void unlink() {
    const std::string wanted = spec_.loss->kind == "softmax_cross_entropy" ? "softmax" : "sigmoid";
    const bool fits =
        !plan_.ops.empty() && plan_.ops.back().output == plan_.output &&
        (wanted == "softmax" ? plan_.ops.back().action == Action::softmax
                             : plan_.ops.back().action == Action::activation && plan_.ops.back().activation == Activation::sigmoid);
    if (!fits) fail("the loss " + spec_.loss->kind + " is linked with " + wanted + ", which is not what the last layer ends in");
    PlanOp& last = plan_.ops.back();
    if (last.action == Action::softmax && last.parameter != 1) {  // the loss takes what is divided by the temperature
      PlanOp scale = last;
      scale.action = Action::scale;
      scale.parameter = 1 / last.parameter;
      scale.output = last.input = buffer(last.inputs);
      last.parameter = 1;
      plan_.ops.insert(plan_.ops.end() - 1, scale);
    }
    plan_.scores = plan_.ops.back().input;
  }

  int consumers(int number) const {
    int count = number == plan_.scores || number == plan_.output;
    for (const PlanOp& op : plan_.ops) count += (op.input == number) + (op.second == number);
    return count;
  }

  // Activations and dropout join the operation before them if nobody else reads what it puts out.
  void merge_elementwise() {
    std::vector<PlanOp> merged;
    for (const PlanOp& op : plan_.ops) {
      PlanOp* before = merged.empty() ? nullptr : &merged.back();
      const bool takes = before && before->output == op.input && consumers(op.input) == 1 && before->dropout < 0 &&
                         (before->action == Action::dense || before->action == Action::batch_norm || before->action == Action::layer_norm);
      if (takes && op.action == Action::activation && before->activation == Activation::identity) {
        before->activation = op.activation;
        before->parameter = op.parameter;
        before->output = op.output;
      } else if (takes && op.action == Action::dropout) {
        before->dropout = op.layer;
        before->output = op.output;
      } else {
        merged.push_back(op);
      }
    }
    plan_.ops = std::move(merged);
  }

  // Slopes are computed from z or y. The output has y unless dropout came after; relu's sign survives that.
  void save_slopes() {
    for (PlanOp& op : plan_.ops) {
      if (op.activation == Activation::identity) continue;
      if (op.action == Action::activation) {
        if (saves_input(op.activation)) op.saved = op.input;
      } else if (saves_input(op.activation) || (op.dropout >= 0 && op.activation != Activation::relu)) {
        op.saved = buffer(op.outputs);
      }
    }
  }

  void share_block_moments() {
    for (std::size_t i = 1; i < plan_.ops.size(); ++i) {
      PlanOp &norm = plan_.ops[i], &before = plan_.ops[i - 1];
      if (norm.action == Action::batch_norm && norm.trainable && norm.outputs > 1 && before.action == Action::dense &&
          before.output == norm.input)
        norm.block_moments = before.block_moments = true;
    }
  }

  // Walks backward and gives every gradient a slot, as few as will do. An elementwise operation writes the gradient of its
  // input over that of its output; a second reader of a buffer adds to what the first one wrote.
  void place_gradients() {
    std::vector<int> slot_of(plan_.widths.size(), -1), free;
    const auto take = [&] {
      if (free.empty()) return plan_.slots++;
      const int slot = free.back();
      free.pop_back();
      return slot;
    };
    plan_.first_trained = static_cast<int>(plan_.ops.size());
    for (int i = static_cast<int>(plan_.ops.size()) - 1; i >= 0; --i) {
      const PlanOp& op = plan_.ops[static_cast<std::size_t>(i)];
      if (op.trainable && (op.kernel >= 0 || op.bias >= 0 || op.gamma >= 0 || op.beta >= 0 || !op.host_parameters.empty()))
        plan_.first_trained = i;
    }
    slot_of[static_cast<std::size_t>(plan_.output)] = take();
    for (int i = static_cast<int>(plan_.ops.size()) - 1; i >= 0; --i) {
      PlanOp& op = plan_.ops[static_cast<std::size_t>(i)];
      int& out = slot_of[static_cast<std::size_t>(op.output)];
      if (op.output == plan_.output && plan_.scores != plan_.output && i == static_cast<int>(plan_.ops.size()) - 1) {
        // Linked: the loss writes the gradient of the scores; a pullback goes through the activation, in place.
        op.gradient_slot = op.input_slot = out;
        slot_of[static_cast<std::size_t>(op.input)] = out;
        continue;
      }
      op.gradient_slot = out;
      const bool in_place = op.action != Action::dense && op.action != Action::host;
      int& in = slot_of[static_cast<std::size_t>(op.input)];
      if (op.action == Action::add) {
        int& block = slot_of[static_cast<std::size_t>(op.second)];
        if (op.second == op.input) fail("a residual block needs at least one layer");
        block = out;  // the gradient of the sum is that of both
        if (in < 0) op.input_slot = in = take();
        else op.input_slot = in, op.work_slot = out;
        continue;
      }
      if (in >= 0) {  // somebody wrote it already
        op.input_slot = in;
        op.work_slot = in_place ? out : take();
        free.push_back(op.work_slot);
        if (!in_place) free.push_back(out);
      } else if (in_place) {
        op.input_slot = in = out;
      } else {
        op.input_slot = in = take();
        free.push_back(out);
      }
    }
  }

  void place_inference() {
    std::vector<int> last_use(plan_.widths.size(), -1), free;
    for (int i = 0; i < static_cast<int>(plan_.ops.size()); ++i) {
      const PlanOp& op = plan_.ops[static_cast<std::size_t>(i)];
      last_use[static_cast<std::size_t>(op.input)] = i;
      if (op.second >= 0) last_use[static_cast<std::size_t>(op.second)] = i;
    }
    last_use[static_cast<std::size_t>(plan_.output)] = last_use[static_cast<std::size_t>(plan_.scores)] =
        static_cast<int>(plan_.ops.size());
    plan_.inference_slot.assign(plan_.widths.size(), -1);
    for (int i = 0; i < static_cast<int>(plan_.ops.size()); ++i) {
      const PlanOp& op = plan_.ops[static_cast<std::size_t>(i)];
      int slot = plan_.inference_slots;
      if (free.empty()) ++plan_.inference_slots;
      else slot = free.back(), free.pop_back();
      plan_.inference_slot[static_cast<std::size_t>(op.output)] = slot;
      for (const int read : {op.input, op.second})
        if (read > 0 && last_use[static_cast<std::size_t>(read)] == i) free.push_back(plan_.inference_slot[static_cast<std::size_t>(read)]);
    }
  }

  const Spec& spec_;
  Plan& plan_;
};

}  // namespace

Plan make_plan(const Spec& spec, bool fuse) {
  Plan plan;
  Builder(spec, plan).build(fuse);
  return plan;
}

}  // namespace densekit
