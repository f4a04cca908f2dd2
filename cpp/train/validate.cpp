#include "train/validate.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <stdexcept>
#include <string_view>

#include "train/json.h"

namespace densekit {
namespace {

using Names = std::span<const std::string_view>;

#define ACTIVATION(name, functor, saves) #name,
constexpr std::string_view activations[] = {
#include "kernels/activations.def"
    "softmax", "log_softmax"};
#undef ACTIVATION
constexpr std::string_view layer_kinds[] = {"dense",   "activation",     "batch_norm", "layer_norm",
                                            "dropout", "gaussian_noise", "residual",   "host"};
constexpr std::string_view initializers[] = {"zeros",      "ones", "constant", "uniform", "normal", "truncated_normal", "variance_scaling",
                                             "orthogonal", "given"};
constexpr std::string_view losses[] = {"softmax_cross_entropy",
                                       "nll",
                                       "binary_cross_entropy",
                                       "mse",
                                       "mae",
                                       "log_cosh",
                                       "rmse",
                                       "huber",
                                       "pinball",
                                       "poisson_nll",
                                       "gamma_nll",
                                       "gaussian_nll",
                                       "laplace_nll",
                                       "hinge",
                                       "multiclass_hinge",
                                       "kl_divergence",
                                       "host"};
constexpr std::string_view optimizers[] = {"sgd",      "momentum", "nesterov", "rmsprop", "adagrad",
                                           "adadelta", "adam",     "adamax",   "nadam",   "lion"};

// All arrays of a network together stay far below what an index can count.
constexpr std::int64_t most_elements = std::int64_t{1} << 48;

[[noreturn]] void fail(const std::string& path, const std::string& what) { throw std::invalid_argument("spec: " + path + " " + what); }

std::string number_text(double x) { return std::isnan(x) ? "nan" : std::isinf(x) ? (x < 0 ? "-inf" : "inf") : json::text({x}); }

// One level of the spec: its path, and the checks that name a field below it.
struct At {
  std::string path;

  std::string field(const char* name) const { return path.empty() ? name : path + "." + name; }

  void finite(const char* name, double x) const {
    if (!std::isfinite(x)) fail(field(name), "must be a finite number, got " + number_text(x));
  }
  void not_negative(const char* name, double x) const {
    if (!(std::isfinite(x) && x >= 0)) fail(field(name), "must be a finite number of at least 0, got " + number_text(x));
  }
  void positive(const char* name, double x) const {
    if (!(std::isfinite(x) && x > 0)) fail(field(name), "must be a finite number above 0, got " + number_text(x));
  }
  void in_unit(const char* name, double x) const {
    if (!(x >= 0 && x <= 1)) fail(field(name), "must be in [0, 1], got " + number_text(x));
  }
  void below_one(const char* name, double x) const {
    if (!(x >= 0 && x < 1)) fail(field(name), "must be in [0, 1), got " + number_text(x));
  }
  void one_of(const char* name, const std::string& value, Names names) const {
    if (std::find(names.begin(), names.end(), value) != names.end()) return;
    std::string list;
    for (const std::string_view known : names) (list += list.empty() ? "" : ", ") += known;
    fail(field(name), "is " + json::text({value}) + ", which is none of " + list);
  }
  void one_of(const char* name, const std::string& value, std::initializer_list<std::string_view> names) const {
    one_of(name, value, Names(names.begin(), names.size()));
  }
  void count(const char* name, index n) const {
    if (n < 1 || n > most_elements) fail(field(name), "must be a whole number from 1 to 2^48, got " + std::to_string(n));
  }
  void not_negative(const char* name, int n) const {
    if (n < 0) fail(field(name), "must be at least 0, got " + std::to_string(n));
  }
};

void check(const At& at, const PenaltySpec& penalty) {
  at.not_negative("l1", penalty.l1);
  at.not_negative("l2", penalty.l2);
}

void check(const At& at, const InitializerSpec& init, bool matrix) {
  validate_kind(at.path, init);
  if (init.kind == "constant") at.finite("value", init.value);
  if (init.kind == "uniform") {
    at.finite("low", init.low);
    at.finite("high", init.high);
    if (init.low > init.high) fail(at.field("low"), "is " + number_text(init.low) + ", above high, which is " + number_text(init.high));
    if (std::isinf(init.high - init.low)) fail(at.field("low"), "and high are further apart than a double can say");
  }
  if (init.kind == "normal" || init.kind == "truncated_normal") {
    at.finite("mean", init.mean);
    at.not_negative("std", init.std);
  }
  if (init.kind == "variance_scaling") {
    at.not_negative("scale", init.scale);
    at.one_of("mode", init.mode, {"fan_in", "fan_out", "fan_avg"});
    at.one_of("distribution", init.distribution, {"uniform", "normal", "truncated_normal"});
  }
  if (init.kind == "orthogonal") {
    at.finite("gain", init.gain);
    if (!matrix) fail(at.field("kind"), "is \"orthogonal\", which needs a matrix");
  }
}

void check(const At& at, const LossSpec& loss) {
  validate_kind(at.path, loss);
  at.one_of("reduction", loss.reduction, {"mean", "count", "sum"});
  at.finite("factor", loss.factor);
  at.in_unit("label_smoothing", loss.label_smoothing);
  at.positive("delta", loss.delta);
  if (!(loss.quantile > 0 && loss.quantile < 1)) fail(at.field("quantile"), "must be in (0, 1), got " + number_text(loss.quantile));
  at.not_negative("margin", loss.margin);
  at.not_negative("index", loss.host);
}

void check(const At& at, const OptimizerSpec& o) {
  validate_kind(at.path, o);
  at.not_negative("lr", o.lr);
  at.not_negative("weight_decay", o.weight_decay);
  at.one_of("compat", o.compat, {"torch", "keras", "sklearn", "dlfs"});
  at.in_unit("momentum", o.momentum);
  at.in_unit("dampening", o.dampening);
  at.below_one("beta1", o.beta1);
  at.below_one("beta2", o.beta2);
  at.in_unit("rho", o.rho);
  at.not_negative("eps", o.eps);
  at.not_negative("momentum_decay", o.momentum_decay);
  at.not_negative("initial", o.initial);
}

class Network {
 public:
  // Returns the width behind the last layer.
  index layers(const At& at, const std::vector<LayerSpec>& list, index width, int depth) {
    for (std::size_t i = 0; i < list.size(); ++i)
      width = layer({at.field("layers") + "[" + std::to_string(i) + "]"}, list[i], width, depth);
    return width;
  }

 private:
  void take(const At& at, std::int64_t elements) {
    elements_ += elements;
    if (elements_ > most_elements) fail(at.path, "has more parameters, with the layers before it, than the 2^48 that a network may have");
  }

  index layer(const At& at, const LayerSpec& s, index inputs, int depth) {
    validate_kind(at.path, s);
    if (s.name.empty()) fail(at.field("name"), "must not be empty");
    if (!names_.insert(s.name).second) fail(at.field("name"), "is " + json::text({s.name}) + ", as another layer's: names must differ");
    if (s.kind == "dense") {
      at.count("units", s.units);
      if (s.units > most_elements / (std::int64_t{inputs} + 1)) take(at, most_elements + 1);
      take(at, (std::int64_t{inputs} + 1) * s.units);
      check({at.field("kernel_initializer")}, s.kernel_initializer, true);
      check({at.field("bias_initializer")}, s.bias_initializer, false);
      check({at.field("kernel_penalty")}, s.kernel_penalty);
      check({at.field("bias_penalty")}, s.bias_penalty);
    }
    if (s.kind == "dense" || s.kind == "activation") {
      at.one_of("activation", s.activation, activations);
      if (s.activation == "softmax" || s.activation == "log_softmax") at.positive("parameter", s.parameter);
      else at.finite("parameter", s.parameter);
    }
    if (s.kind == "batch_norm" || s.kind == "layer_norm") {
      take(at, 4 * std::min<std::int64_t>(inputs, most_elements));
      at.not_negative("eps", s.eps);
      at.in_unit("stats_decay", s.stats_decay);
      at.not_negative("initial_variance", s.initial_variance);
    }
    if (s.kind == "dropout") {
      at.in_unit("rate", s.rate);
      at.one_of("mode", s.mode, {"inverted", "classic"});
    }
    if (s.kind == "gaussian_noise") at.not_negative("std", s.std);
    if (s.kind == "residual") {
      // Each level of nesting is two levels of JSON.
      if (depth == 24) fail(at.path, "lies inside more than 24 residual blocks");
      const index width = layers(at, s.layers, inputs, depth + 1);
      if (width != inputs)
        fail(at.path, "is a residual block that makes " + std::to_string(width) + " outputs of " + std::to_string(inputs) +
                          " inputs; it must keep the width");
    }
    if (s.kind == "host") {
      at.not_negative("index", s.host);
      at.count("outputs", s.outputs);
      host_parameters(at, s.parameters);
    }
    return outputs_of(s, inputs);
  }

  void host_parameters(const At& at, const std::vector<HostParameterSpec>& list) {
    std::set<std::string> names;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const At here{at.field("parameters") + "[" + std::to_string(i) + "]"};
      if (list[i].name.empty()) fail(here.field("name"), "must not be empty");
      if (!names.insert(list[i].name).second) fail(here.field("name"), "is " + json::text({list[i].name}) + ", as another parameter's");
      std::int64_t elements = 1;
      for (const index length : list[i].shape) {
        if (length < 0) fail(here.field("shape"), "has a negative length, " + std::to_string(length));
        if (length > 0 && elements > most_elements / length) take(at, most_elements + 1);
        elements *= length;
      }
      take(at, elements);
    }
  }

  std::set<std::string> names_;
  std::int64_t elements_ = 0;
};

}  // namespace

index outputs_of(const LayerSpec& layer, index inputs) {
  return layer.kind == "dense" ? layer.units : layer.kind == "host" ? layer.outputs : inputs;
}

void validate_kind(const std::string& path, const LayerSpec& layer) { At{path}.one_of("kind", layer.kind, layer_kinds); }
void validate_kind(const std::string& path, const InitializerSpec& init) { At{path}.one_of("kind", init.kind, initializers); }
void validate_kind(const std::string& path, const LossSpec& loss) { At{path}.one_of("kind", loss.kind, losses); }
void validate_kind(const std::string& path, const OptimizerSpec& optimizer) { At{path}.one_of("kind", optimizer.kind, optimizers); }

void validate(const Spec& spec) {
  const At top{""};
  top.one_of("dtype", spec.dtype, {"float32", "float64"});
  top.one_of("precision", spec.precision, {"highest", "high", "medium"});
  top.count("inputs", spec.inputs);
  Network().layers(top, spec.layers, spec.inputs, 0);
  if (spec.loss) check({"loss"}, *spec.loss);
  if (spec.optimizer) check({"optimizer"}, *spec.optimizer);
  if (spec.clip_norm) top.positive("clip_norm", *spec.clip_norm);
  if (spec.clip_value) top.positive("clip_value", *spec.clip_value);
}

}  // namespace densekit
