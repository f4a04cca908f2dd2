#include "train/plan.h"

#include <algorithm>
#include <stdexcept>

namespace densekit {
namespace {

constexpr index segment_unit = 16;  // elements: segments begin on cache lines

template <class O> const O* as(const Operation& op) { return std::get_if<O>(&op.is); }
template <class O> O* as(Operation& op) { return std::get_if<O>(&op.is); }
OperationTraits traits_of(const Operation& op) {
  return std::visit([](const auto& kind) { return std::remove_cvref_t<decltype(kind)>::traits; }, op.is);
}
Segments parameters_of(const Operation& op) {
  return std::visit([](const auto& kind) { return kind.parameters(); }, op.is);
}

}  // namespace

void Builder::fail(const std::string& where, const std::string& what) const {
  throw std::invalid_argument("spec: " + here_.path + where + " " + what);
}

index Builder::width(int buffer) const { return plan_.widths[static_cast<std::size_t>(buffer)]; }
int Builder::buffer(index width) {
  plan_.widths.push_back(width);
  return static_cast<int>(plan_.widths.size()) - 1;
}

int Builder::segment(std::vector<Segment>& all, index& count, Segment s) {
  s.layer = plan_.layers[static_cast<std::size_t>(here_.layer)].name;
  s.trainable = s.trainable && here_.trainable;
  s.size = 1;
  index padded = 0;
  bool fits = true;
  for (const index length : s.shape) fits = fits && !__builtin_mul_overflow(s.size, length, &s.size);
  s.offset = count;
  const index whole = s.size / segment_unit + (s.size % segment_unit > 0);
  // An index of 32 bits can count less than 2^48.
  if (!fits || __builtin_mul_overflow(whole, segment_unit, &padded) || __builtin_add_overflow(count, padded, &count) ||
      std::int64_t{count} > most_elements)
    fail("", "has more parameters, with the layers before it, than the 2^48 that a network may have");
  all.push_back(std::move(s));
  return static_cast<int>(all.size()) - 1;
}
int Builder::parameter(ParameterOf p) {
  if (std::holds_alternative<Orthogonal>(p.initializer) && p.shape.size() != 2)
    fail(std::string(".") + p.name + "_initializer.kind", "is \"orthogonal\", which needs a matrix");
  Segment s{};
  s.name = p.name, s.shape = std::move(p.shape), s.initializer = p.initializer, s.penalty = p.penalty, s.decays = p.decays;
  s.fan_in = p.fan_in, s.fan_out = p.fan_out;
  return segment(plan_.parameters, plan_.parameter_count, std::move(s));
}
int Builder::statistic(const char* name, std::vector<index> shape, double initial, bool follows) {
  Segment s{};
  s.name = name, s.shape = std::move(shape), s.initializer = Constant{initial}, s.trainable = false;
  s.follows_batches = follows && here_.trainable;
  return segment(plan_.statistics, plan_.statistic_count, std::move(s));
}
void Builder::needs_two_rows() { plan_.needs_two_rows = true; }

int Builder::add_operation(Operation op) {
  op.output = buffer(op.outputs);
  plan_.ops.push_back(std::move(op));
  return plan_.ops.back().output;
}

int Builder::add_layer(const Layer& layer, const std::string& path, int input) {
  const Here outside = here_;
  const int number = static_cast<int>(plan_.layers.size());
  here_ = {path, number, outside.trainable && layer.trainable};
  plan_.layers.push_back({&layer, layer.name, number, 0, here_.trainable});
  const int output = std::visit([&](const auto& kind) { return densekit::emit(*this, kind, input); }, layer.is);
  plan_.layers[static_cast<std::size_t>(number)].output = output;
  here_ = outside;
  return output;
}
int Builder::block(const std::vector<Layer>& layers, int input) {
  for (std::size_t i = 0; i < layers.size(); ++i)
    input = add_layer(layers[i], (here_.path.empty() ? "" : here_.path + ".") + "layers[" + std::to_string(i) + "]", input);
  return input;
}

void Builder::layers() {
  if (spec_.inputs < 1) throw std::invalid_argument("a network needs at least one input, got " + std::to_string(spec_.inputs));
  plan_.output = plan_.scores = block(spec_.layers, buffer(spec_.inputs));
}

void Builder::build(bool fuse) {
  layers();
  if (spec_.loss && spec_.loss->link) unlink();
  if (fuse) merge_elementwise();
  save_slopes();
  if (fuse) share_block_moments();
  place_gradients();
  place_inference();
  plan_.widest = *std::max_element(plan_.widths.begin(), plan_.widths.end());
}

// The loss takes what goes into the last operation, which must be the activation that belongs to it.
void Builder::unlink() {
  const Activation wanted = traits_of(spec_.loss->is).link;
  Operation* last = plan_.ops.empty() || plan_.ops.back().output != plan_.output ? nullptr : &plan_.ops.back();
  const ActivationOperation* elementwise = last ? as<ActivationOperation>(*last) : nullptr;
  SoftmaxOperation* softmax = last ? as<SoftmaxOperation>(*last) : nullptr;
  const bool fits = wanted == Activation::softmax ? softmax != nullptr
                                                  : wanted != Activation::identity && elementwise && elementwise->function.name == wanted;
  if (!fits)
    throw std::invalid_argument("the loss " + std::string(kind_name(spec_.loss->is)) + " is linked with " + std::string(word(wanted)) +
                                ", which is not what the last layer ends in");
  if (softmax && softmax->temperature != 1) {  // the loss takes what is divided by the temperature
    Operation scale = *last;
    scale.is = ScaleOperation{{}, {}, {}, 1 / softmax->temperature};
    scale.output = last->input = buffer(last->inputs);
    softmax->temperature = 1;
    plan_.ops.insert(plan_.ops.end() - 1, scale);
  }
  plan_.scores = plan_.ops.back().input;
}

int Builder::readers(int number) const {
  int count = number == plan_.scores || number == plan_.output;
  for (const Operation& op : plan_.ops) count += (op.input == number) + (op.second == number);
  return count;
}

// Activations and dropout join the operation before them if nothing else reads what it puts out.
void Builder::merge_elementwise() {
  std::vector<Operation> merged;
  for (const Operation& op : plan_.ops) {
    Operation* before = merged.empty() ? nullptr : &merged.back();
    const bool takes =
        before && before->output == op.input && readers(op.input) == 1 && before->dropout < 0 && traits_of(*before).takes_epilogue;
    const ActivationOperation* activation = as<ActivationOperation>(op);
    if (takes && activation && before->activation.name == Activation::identity) {
      before->activation = activation->function;
      before->output = op.output;
    } else if (takes && as<DropoutOperation>(op)) {
      before->dropout = op.layer;
      before->output = op.output;
    } else {
      merged.push_back(op);
    }
  }
  plan_.ops = std::move(merged);
}

// Slopes are computed from z or y. The output has y unless dropout came after; relu's sign survives that.
void Builder::save_slopes() {
  for (Operation& op : plan_.ops) {
    if (const ActivationOperation* alone = as<ActivationOperation>(op)) {
      if (saves_input(alone->function.name)) op.saved = op.input;
    } else if (const Activation merged = op.activation.name;
               merged != Activation::identity && (saves_input(merged) || (op.dropout >= 0 && merged != Activation::relu))) {
      op.saved = buffer(op.outputs);
    }
  }
}

void Builder::share_block_moments() {
  for (std::size_t i = 1; i < plan_.ops.size(); ++i) {
    Operation &after = plan_.ops[i], &before = plan_.ops[i - 1];
    BatchNormOperation* norm = as<BatchNormOperation>(after);
    DenseOperation* dense = as<DenseOperation>(before);
    if (norm && dense && after.trainable && after.outputs > 1 && before.output == after.input)
      norm->block_moments = dense->block_moments = true;
  }
}

// Walks backward and gives every gradient a slot, as few as will do. An operation whose traits allow it writes the gradient of its
// input over that of its output; a second reader of a buffer adds to what the first one wrote.
void Builder::place_gradients() {
  std::vector<int> slot_of(plan_.widths.size(), -1), free;
  const auto take = [&] {
    if (free.empty()) return plan_.slots++;
    const int slot = free.back();
    free.pop_back();
    return slot;
  };
  plan_.first_trained = static_cast<int>(plan_.ops.size());
  for (int i = static_cast<int>(plan_.ops.size()) - 1; i >= 0; --i) {
    const Operation& op = plan_.ops[static_cast<std::size_t>(i)];
    const Segments parameters = parameters_of(op);
    if (op.trainable && std::any_of(parameters.begin(), parameters.end(), [](int segment) { return segment >= 0; }))
      plan_.first_trained = i;
  }
  slot_of[static_cast<std::size_t>(plan_.output)] = take();
  for (int i = static_cast<int>(plan_.ops.size()) - 1; i >= 0; --i) {
    Operation& op = plan_.ops[static_cast<std::size_t>(i)];
    int& out = slot_of[static_cast<std::size_t>(op.output)];
    if (op.output == plan_.output && plan_.scores != plan_.output && i == static_cast<int>(plan_.ops.size()) - 1) {
      // Linked: the loss writes the gradient of the scores; a pullback goes through the activation, in place.
      op.gradient_slot = op.input_slot = out;
      slot_of[static_cast<std::size_t>(op.input)] = out;
      continue;
    }
    op.gradient_slot = out;
    const bool in_place = traits_of(op).gradient_in_place;
    int& in = slot_of[static_cast<std::size_t>(op.input)];
    if (op.second >= 0) {
      if (op.second == op.input)
        throw std::invalid_argument("layer '" + plan_.layers[static_cast<std::size_t>(op.layer)].name +
                                    "': a residual block needs at least one layer");
      slot_of[static_cast<std::size_t>(op.second)] = out;  // the gradient of the sum is that of both
      if (in < 0) op.input_slot = in = take();
      else op.input_slot = in, op.work_slot = out;
      continue;
    }
    if (in >= 0) {  // another operation has written it
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

void Builder::place_inference() {
  std::vector<int> last_use(plan_.widths.size(), -1), free;
  for (int i = 0; i < static_cast<int>(plan_.ops.size()); ++i) {
    const Operation& op = plan_.ops[static_cast<std::size_t>(i)];
    last_use[static_cast<std::size_t>(op.input)] = i;
    if (op.second >= 0) last_use[static_cast<std::size_t>(op.second)] = i;
  }
  last_use[static_cast<std::size_t>(plan_.output)] = last_use[static_cast<std::size_t>(plan_.scores)] = static_cast<int>(plan_.ops.size());
  plan_.inference_slot.assign(plan_.widths.size(), -1);
  for (int i = 0; i < static_cast<int>(plan_.ops.size()); ++i) {
    const Operation& op = plan_.ops[static_cast<std::size_t>(i)];
    int slot = plan_.inference_slots;
    if (free.empty()) ++plan_.inference_slots;
    else slot = free.back(), free.pop_back();
    plan_.inference_slot[static_cast<std::size_t>(op.output)] = slot;
    for (const int read : {op.input, op.second})
      if (read > 0 && last_use[static_cast<std::size_t>(read)] == i) free.push_back(plan_.inference_slot[static_cast<std::size_t>(read)]);
  }
}

Plan make_plan(const Spec& spec, bool fuse) {
  Plan plan;
  Builder(spec, plan).build(fuse);
  return plan;
}

void require_layers_fit(const Spec& spec) {
  Plan plan;
  Builder(spec, plan).layers();
}

}  // namespace densekit
