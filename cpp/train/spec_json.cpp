// The spec as JSON. fields() below names each field once; a Writer and a Reader walk it.
#include <algorithm>
#include <limits>
#include <stdexcept>
#include <type_traits>

#include "densekit/spec.h"
#include "train/json.h"
#include "train/validate.h"

namespace densekit {
namespace {

template <class T> constexpr bool is_list = false;
template <class T> constexpr bool is_list<std::vector<T>> = true;
template <class T> constexpr bool is_optional = false;
template <class T> constexpr bool is_optional<std::optional<T>> = true;

template <class S, class T> constexpr bool is = std::is_same_v<std::remove_const_t<S>, T>;

template <class IO, class S> void fields(IO& io, S& s) {
  if constexpr (is<S, PenaltySpec>) {
    io("l1", s.l1), io("l2", s.l2), io("proximal", s.proximal);
  } else if constexpr (is<S, InitializerSpec>) {
    io("kind", s.kind);
    if (s.kind == "constant") io("value", s.value);
    if (s.kind == "uniform") io("low", s.low), io("high", s.high);
    if (s.kind == "normal" || s.kind == "truncated_normal") io("mean", s.mean), io("std", s.std);
    if (s.kind == "variance_scaling") io("scale", s.scale), io("mode", s.mode), io("distribution", s.distribution);
    if (s.kind == "orthogonal") io("gain", s.gain);
  } else if constexpr (is<S, HostParameterSpec>) {
    io("name", s.name), io("shape", s.shape);
  } else if constexpr (is<S, LayerSpec>) {
    io("kind", s.kind), io("name", s.name), io("trainable", s.trainable);
    if (s.kind == "dense") io("units", s.units), io("bias", s.bias);
    if (s.kind == "dense" || s.kind == "activation") io("activation", s.activation), io("parameter", s.parameter);
    if (s.kind == "dense") {
      io("kernel_initializer", s.kernel_initializer), io("bias_initializer", s.bias_initializer);
      io("kernel_penalty", s.kernel_penalty), io("bias_penalty", s.bias_penalty);
    }
    if (s.kind == "batch_norm") io("eps", s.eps), io("stats_decay", s.stats_decay), io("unbiased", s.unbiased);
    if (s.kind == "layer_norm") io("eps", s.eps);
    if (s.kind == "batch_norm" || s.kind == "layer_norm") io("scale", s.scale), io("center", s.center);
    if (s.kind == "batch_norm") io("initial_variance", s.initial_variance);
    if (s.kind == "dropout") io("rate", s.rate), io("mode", s.mode);
    if (s.kind == "gaussian_noise") io("std", s.std);
    if (s.kind == "residual") io("layers", s.layers);
    if (s.kind == "host") io("index", s.host), io("outputs", s.outputs), io("parameters", s.parameters);
  } else if constexpr (is<S, LossSpec>) {
    io("kind", s.kind), io("reduction", s.reduction), io("factor", s.factor), io("link", s.link);
    const auto one_of = [&](std::initializer_list<const char*> kinds) {
      return std::any_of(kinds.begin(), kinds.end(), [&](const char* kind) { return s.kind == kind; });
    };
    if (s.kind == "binary_cross_entropy") io("from_logits", s.from_logits);
    if (one_of({"softmax_cross_entropy", "binary_cross_entropy"})) io("label_smoothing", s.label_smoothing);
    if (one_of({"softmax_cross_entropy", "nll"})) io("ignore_index", s.ignore_index);
    if (s.kind == "huber") io("delta", s.delta);
    if (s.kind == "pinball") io("quantile", s.quantile);
    if (one_of({"poisson_nll", "kl_divergence"})) io("log_input", s.log_input);
    if (one_of({"poisson_nll", "gamma_nll", "gaussian_nll", "laplace_nll"})) io("full", s.full);
    if (one_of({"hinge", "multiclass_hinge"})) io("margin", s.margin);
    if (s.kind == "host") io("index", s.host);
  } else if constexpr (is<S, OptimizerSpec>) {
    io("kind", s.kind), io("lr", s.lr), io("weight_decay", s.weight_decay), io("maximize", s.maximize), io("compat", s.compat);
    if (s.kind == "momentum" || s.kind == "nesterov") io("momentum", s.momentum);
    if (s.kind == "momentum") io("dampening", s.dampening);
    if (s.kind == "rmsprop" || s.kind == "adadelta") io("rho", s.rho);
    const bool adams = s.kind == "adam" || s.kind == "adamax" || s.kind == "nadam";
    if (adams || s.kind == "lion") io("beta1", s.beta1), io("beta2", s.beta2);
    if (adams || s.kind == "rmsprop" || s.kind == "adagrad" || s.kind == "adadelta") io("eps", s.eps);
    if (s.kind == "nadam") io("momentum_decay", s.momentum_decay);
    if (s.kind == "adagrad") io("initial", s.initial);
  } else {
    static_assert(is<S, Spec>);
    io("dtype", s.dtype), io("seed", s.seed), io("inputs", s.inputs), io("layers", s.layers), io("loss", s.loss);
    io("optimizer", s.optimizer), io("clip_norm", s.clip_norm), io("clip_value", s.clip_value);
    io("penalty_per_weight", s.penalty_per_weight), io("fuse", s.fuse), io("precision", s.precision);
  }
}

template <class S> json::Value written(const S& source);

struct Writer {
  json::Object object;
  template <class S> void operator()(const char* key, const S& source) { object.emplace_back(key, written(source)); }
};

template <class S> json::Value written(const S& source) {
  if constexpr (is_optional<S>) {
    if (source) return written(*source);
    return {nullptr};
  } else if constexpr (is_list<S>) {
    json::Array items;
    for (const auto& item : source) items.push_back(written(item));
    return {std::move(items)};
  } else if constexpr (is<S, bool> || is<S, double> || is<S, std::uint64_t> || is<S, std::string>) {
    return {source};
  } else if constexpr (std::is_integral_v<S>) {
    if (source >= 0) return {static_cast<std::uint64_t>(source)};
    return {static_cast<std::int64_t>(source)};
  } else {
    Writer writer;
    fields(writer, source);
    return {std::move(writer.object)};
  }
}

[[noreturn]] void fail(const std::string& path, const std::string& what) { throw std::invalid_argument("spec: " + path + " " + what); }
[[noreturn]] void unexpected(const std::string& path, const char* expected, const json::Value& value) {
  fail(path, std::string("must be ") + expected + ", got " + json::describe(value));
}

template <class T> T whole(const std::string& path, const json::Value& value) {
  if (const auto* natural = value.as<std::uint64_t>()) {
    if (*natural <= static_cast<std::uint64_t>(std::numeric_limits<T>::max())) return static_cast<T>(*natural);
    fail(path, "is " + std::to_string(*natural) + ", which is too large");
  }
  if (const auto* negative = value.as<std::int64_t>()) {
    if (std::is_signed_v<T> && *negative >= static_cast<std::int64_t>(std::numeric_limits<T>::min())) return static_cast<T>(*negative);
    fail(path, "is " + std::to_string(*negative) + ", which is too small");
  }
  unexpected(path, "a whole number", value);
}

// Reads the members that fields() asks for; finish() refuses those that it did not ask for.
class Reader {
 public:
  Reader(const json::Value& value, std::string path) : value_(value), path_(std::move(path)) {
    if (!value.as<json::Object>()) unexpected(path_.empty() ? "the spec" : path_, "an object", value);
  }

  template <class S> void operator()(const char* key, S& target) {
    known_.push_back(key);
    const json::Value* member = value_.find(key);
    if (!member) fail(path_of(key), "is missing");
    read(*member, path_of(key), target);
  }

  void finish() const {
    for (const auto& [key, value] : *value_.as<json::Object>()) {
      if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
      std::string list;
      for (const std::string& name : known_) list += (list.empty() ? "" : ", ") + name;
      fail(path_of(key), "is not a field that belongs here; these do: " + list);
    }
  }

 private:
  std::string path_of(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }

  template <class S> static void read(const json::Value& value, const std::string& path, S& target) {
    if constexpr (is_optional<S>) {
      if (value.as<std::nullptr_t>()) target.reset();
      else read(value, path, target.emplace());
    } else if constexpr (is_list<S>) {
      const json::Array* items = value.as<json::Array>();
      if (!items) unexpected(path, "an array", value);
      target.clear();
      for (const json::Value& item : *items) {
        const std::string place = path + "[" + std::to_string(target.size()) + "]";
        read(item, place, target.emplace_back());
      }
    } else if constexpr (is<S, bool>) {
      if (!value.as<bool>()) unexpected(path, "true or false", value);
      target = *value.as<bool>();
    } else if constexpr (is<S, std::string>) {
      if (!value.as<std::string>()) unexpected(path, "a string", value);
      target = *value.as<std::string>();
    } else if constexpr (is<S, double>) {
      if (const auto* natural = value.as<std::uint64_t>()) target = static_cast<double>(*natural);
      else if (const auto* negative = value.as<std::int64_t>()) target = static_cast<double>(*negative);
      else if (const double* real = value.as<double>()) target = *real;
      else unexpected(path, "a number", value);
    } else if constexpr (std::is_integral_v<S>) {
      target = whole<S>(path, value);
    } else {
      Reader reader(value, path);
      fields(reader, target);
      if constexpr (requires { target.kind; }) validate_kind(path, target);  // first: it says which other fields belong
      reader.finish();
    }
  }

  const json::Value& value_;
  std::string path_;
  std::vector<std::string> known_;
};

constexpr int version = 1;

}  // namespace

std::string to_json(const Spec& spec) {
  validate(spec);
  Writer writer;
  writer("version", version);
  fields(writer, spec);
  return json::text({std::move(writer.object)});
}

Spec spec_from_json(const std::string& text) {
  const json::Value value = json::parse(text);
  Spec spec;
  Reader reader(value, "");
  int found = 0;
  reader("version", found);
  if (found != version) fail("version", "is " + std::to_string(found) + "; this densekit reads version " + std::to_string(version));
  fields(reader, spec);
  reader.finish();
  validate(spec);
  return spec;
}

}  // namespace densekit
