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

int Builder::value(int buffer, RowShape shape) {
  values_.push_back({buffer, std::move(shape)});
  return static_cast<int>(values_.size()) - 1;
}
int Builder::reshaped(int old, RowShape wanted) { return wanted == shape(old) ? old : value(buffer_of(old), std::move(wanted)); }
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
void Builder::needs_two_rows(int input) { plan_.needs_two_rows = plan_.needs_two_rows || shape(input).repeat() == 1; }

RowShape Builder::checked(RowShape shape) const {
  if (!element_count.has(static_cast<double>(shape.size())))
    fail("", "makes rows of shape " + shape.text() + ", which are more than 2^48 numbers");
  return shape;
}
void Builder::append(Operation op, int output) {
  op.layer = here_.layer, op.trainable = here_.trainable;
  op.output = output;
  plan_.ops.push_back(std::move(op));
}
int Builder::shared(RowShape shape) {
  const index size = checked(shape).size();
  return value(buffer(size), std::move(shape));
}
int Builder::add_operation(Operation op, RowShape outputs) {
  const int made = shared(std::move(outputs));
  append(std::move(op), buffer_of(made));
  return made;
}

int Builder::add_layer(const Layer& layer, const std::string& path, int input) {
  const Here outside = here_;
  const int number = static_cast<int>(plan_.layers.size());
  here_ = {path, number, outside.trainable && layer.trainable};
  plan_.layers.push_back({&layer, layer.name, number, 0, {}, here_.trainable});
  const int output = std::visit([&](const auto& kind) { return densekit::emit(*this, kind, input); }, layer.is);
  plan_.layers[static_cast<std::size_t>(number)].output = buffer_of(output);
  plan_.layers[static_cast<std::size_t>(number)].shape = shape(output);
  here_ = outside;
  return output;
}
static std::string path_inside(const std::string& path, std::size_t i) {
  return (path.empty() ? "" : path + ".") + "layers[" + std::to_string(i) + "]";
}
int Builder::block(const std::vector<Layer>& layers, int input) {
  for (std::size_t i = 0; i < layers.size(); ++i) input = add_layer(layers[i], path_inside(here_.path, i), input);
  return input;
}
const std::vector<int>& Builder::branches(const std::vector<Layer>& layers, int input) {
  std::vector<int> ends;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    int end = add_layer(layers[i], path_inside(here_.path, i), input);
    const auto same = [&](int other) { return buffer_of(other) == buffer_of(end); };
    if (std::any_of(ends.begin(), ends.end(), same)) {  // each has a gradient of its own
      const int own = shared(shape(end));
      emit_into(PlaceOperation{{}, {}, {}, 0}, end, own);
      end = own;
    }
    ends.push_back(end);
  }
  branches_ = std::move(ends);
  return branches_;
}

void Builder::layers() {
  const index inputs = spec_.inputs.size();
  if (inputs < 1) throw std::invalid_argument("a network needs at least one input, got " + std::to_string(inputs));
  const int last = block(spec_.layers, value(buffer(inputs), spec_.inputs));
  plan_.output = buffer_of(last);
  plan_.output_shape = shape(last);
  add_heads(last);
}

void Builder::build(bool fuse) {
  layers();
  for (PlanHead& head : plan_.heads)
    if (head.loss->link) unlink(head);
  if (fuse) merge_elementwise();
  put_scores_first();
  save_slopes();
  if (fuse) share_block_moments();
  mark_trained();
  place_gradients();
  place_inference();
  plan_.widest = *std::max_element(plan_.widths.begin(), plan_.widths.end());
}

void Builder::add_heads(int last) {
  if (spec_.loss) return add_head("", *spec_.loss, 1, last);
  if (spec_.heads.empty()) return;
  const Parallel* parallel = spec_.layers.empty() ? nullptr : std::get_if<Parallel>(&spec_.layers.back().is);
  if (!parallel) throw std::invalid_argument("spec: heads are losses of branches, so the last layer must be of kind parallel");
  const std::size_t count = parallel->layers.size();
  if (spec_.heads.size() != count)
    throw std::invalid_argument("spec: heads has " + std::to_string(spec_.heads.size()) + " entries, but the last layer has " +
                                std::to_string(count) + " branches");
  for (std::size_t i = 0; i < count; ++i) {
    const Head& head = spec_.heads[i];
    if (head.name != parallel->layers[i].name)
      throw std::invalid_argument("spec: heads[" + std::to_string(i) + "].name is \"" + head.name + "\", expected \"" +
                                  parallel->layers[i].name + "\", as that branch is called");
    add_head(head.name, head.loss, head.weight, branches_[i]);
  }
}

void Builder::add_head(std::string name, const Loss& loss, double weight, int value) {
  const LossTraits traits = traits_of(loss.is);
  if (!shape(value).plain() && !std::holds_alternative<CallbackLoss>(loss.is) && (traits.of_rows || traits.outputs > 1))
    throw std::invalid_argument("the loss " + std::string(kind_name(loss.is)) + " takes rows of scores, but the network puts out rows of " +
                                "shape " + shape(value).text() + ": put a Flatten before the last dense layer");
  plan_.heads.push_back({std::move(name), &loss, weight, buffer_of(value), shape(value).size(), -1});
}

// The loss takes what goes into the operation that makes its scores, which must be the activation that belongs to it.
void Builder::unlink(PlanHead& head) {
  const Activation wanted = traits_of(head.loss->is).link;
  const auto made = std::find_if(plan_.ops.begin(), plan_.ops.end(), [&](const Operation& op) { return op.output == head.scores; });
  Operation* last = made == plan_.ops.end() ? nullptr : &*made;
  const ActivationOperation* elementwise = last ? as<ActivationOperation>(*last) : nullptr;
  SoftmaxOperation* softmax = last ? as<SoftmaxOperation>(*last) : nullptr;
  const bool fits = wanted == Activation::softmax ? softmax != nullptr
                                                  : wanted != Activation::identity && elementwise && elementwise->function.name == wanted;
  if (!fits)
    throw std::invalid_argument("the loss " + std::string(kind_name(head.loss->is)) + " is linked with " + std::string(word(wanted)) +
                                ", which is not what " + (head.name.empty() ? "the last layer" : "the branch '" + head.name + "'") +
                                " ends in");
  const auto reads = [&](const Operation& op) { return op.input == head.scores && !as<PlaceOperation>(op); };
  if (std::any_of(plan_.ops.begin(), plan_.ops.end(), reads))
    throw std::invalid_argument("the loss " + std::string(kind_name(head.loss->is)) +
                                " is linked with an activation that other layers read");
  if (softmax && softmax->temperature != 1) {  // the loss takes what is divided by the temperature
    Operation scale = *last;
    scale.is = ScaleOperation{{}, {}, {}, 1 / softmax->temperature};
    scale.output = last->input = buffer(plan_.widths[static_cast<std::size_t>(last->input)]);
    softmax->temperature = 1;
    head.scores = scale.output;
    plan_.ops.insert(made, scale);
  } else {
    head.scores = last->input;
  }
}

// Operations that no loss needs come last: linked activations, and putting branches side by side.
void Builder::put_scores_first() {
  std::vector<bool> needed(plan_.widths.size(), plan_.heads.empty());
  for (const PlanHead& head : plan_.heads) needed[static_cast<std::size_t>(head.scores)] = true;
  for (auto op = plan_.ops.rbegin(); op != plan_.ops.rend(); ++op) {
    if (!needed[static_cast<std::size_t>(op->output)]) continue;
    needed[static_cast<std::size_t>(op->input)] = true;
    if (op->second >= 0) needed[static_cast<std::size_t>(op->second)] = true;
  }
  const auto rest = std::stable_partition(plan_.ops.begin(), plan_.ops.end(),
                                          [&](const Operation& op) { return needed[static_cast<std::size_t>(op.output)]; });
  plan_.scored = static_cast<int>(rest - plan_.ops.begin());
}

int Builder::readers(int number) const {
  int count = number == plan_.output;
  for (const PlanHead& head : plan_.heads) count += head.scores == number;
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
      op.saved = buffer(plan_.widths[static_cast<std::size_t>(op.output)]);
    }
  }
}

void Builder::share_block_moments() {
  for (std::size_t i = 1; i < plan_.ops.size(); ++i) {
    Operation &after = plan_.ops[i], &before = plan_.ops[i - 1];
    BatchNormOperation* norm = as<BatchNormOperation>(after);
    DenseOperation* dense = as<DenseOperation>(before);
    if (norm && dense && after.trainable && after.outputs > 1 && before.output == after.input && before.outputs == after.outputs)
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
  slot_of[static_cast<std::size_t>(plan_.output)] = take();
  std::vector<int> writers(plan_.widths.size());  // of each buffer that are still to come
  for (const Operation& op : plan_.ops) ++writers[static_cast<std::size_t>(op.output)];
  for (int i = static_cast<int>(plan_.ops.size()) - 1; i >= 0; --i) {
    Operation& op = plan_.ops[static_cast<std::size_t>(i)];
    int& out = slot_of[static_cast<std::size_t>(op.output)];
    const bool read = --writers[static_cast<std::size_t>(op.output)] == 0;  // by all that need the gradient of the output
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
      if (!in_place && read) free.push_back(out);
    } else if (in_place) {
      op.input_slot = in = out;
    } else {
      op.input_slot = in = take();
      if (read) free.push_back(out);
    }
  }
  for (PlanHead& head : plan_.heads) head.gradient_slot = slot_of[static_cast<std::size_t>(head.scores)];
}

// Whether a backward pass for the parameters needs the gradient of each operation's input.
void Builder::mark_trained() {
  std::vector<bool> trained(plan_.widths.size());  // whether a parameter that is trained has a part in the buffer
  plan_.first_trained = static_cast<int>(plan_.ops.size());
  for (int i = 0; i < static_cast<int>(plan_.ops.size()); ++i) {
    Operation& op = plan_.ops[static_cast<std::size_t>(i)];
    const Segments parameters = parameters_of(op);
    op.trains_itself = op.trainable && std::any_of(parameters.begin(), parameters.end(), [](int segment) { return segment >= 0; });
    op.input_is_trained = trained[static_cast<std::size_t>(op.input)];
    if (op.trains_itself) plan_.first_trained = std::min(plan_.first_trained, i);
    const bool second = op.second >= 0 && trained[static_cast<std::size_t>(op.second)];
    if (op.trains_itself || op.input_is_trained || second) trained[static_cast<std::size_t>(op.output)] = true;
  }
}

void Builder::place_inference() {
  std::vector<int> last_use(plan_.widths.size(), -1), free;
  for (int i = 0; i < static_cast<int>(plan_.ops.size()); ++i) {
    const Operation& op = plan_.ops[static_cast<std::size_t>(i)];
    last_use[static_cast<std::size_t>(op.input)] = i;
    if (op.second >= 0) last_use[static_cast<std::size_t>(op.second)] = i;
  }
  last_use[static_cast<std::size_t>(plan_.output)] = static_cast<int>(plan_.ops.size());
  for (const PlanHead& head : plan_.heads) last_use[static_cast<std::size_t>(head.scores)] = static_cast<int>(plan_.ops.size());
  plan_.inference_slot.assign(plan_.widths.size(), -1);
  for (int i = 0; i < static_cast<int>(plan_.ops.size()); ++i) {
    const Operation& op = plan_.ops[static_cast<std::size_t>(i)];
    if (int& slot = plan_.inference_slot[static_cast<std::size_t>(op.output)]; slot < 0) {
      slot = plan_.inference_slots;
      if (free.empty()) ++plan_.inference_slots;
      else slot = free.back(), free.pop_back();
    }
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
