// What a network is, in plain structs: the same words, defaults and meaning as docs/network.md, which defines them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace densekit {

using index = std::ptrdiff_t;

struct PenaltySpec {
  double l1 = 0, l2 = 0;
  bool proximal = true;
};

struct InitializerSpec {
  std::string kind = "variance_scaling";  // by default Glorot's uniform
  double value = 0;                       // constant
  double low = 0, high = 0;               // uniform
  double mean = 0, std = 1;               // normal, truncated_normal
  double scale = 1, gain = 1;             // variance_scaling, orthogonal
  std::string mode = "fan_avg", distribution = "uniform";
};

struct HostParameterSpec {
  std::string name;
  std::vector<index> shape;
};

struct LayerSpec {
  std::string kind{}, name{};
  bool trainable = true;
  // dense, activation
  index units = 0;
  bool bias = true;
  std::string activation = "identity";
  double parameter = 0;
  InitializerSpec kernel_initializer{}, bias_initializer{.kind = "zeros"};
  PenaltySpec kernel_penalty{}, bias_penalty{};
  // batch_norm, layer_norm
  double eps = 1e-5, stats_decay = 0.9, initial_variance = 1;
  bool unbiased = false, scale = true, center = true;
  // dropout, gaussian_noise
  double rate = 0, std = 0;
  std::string mode = "inverted";
  // residual
  std::vector<LayerSpec> layers{};
  // host
  int host = 0;
  index outputs = 0;
  std::vector<HostParameterSpec> parameters{};
};

struct LossSpec {
  std::string kind{};
  std::string reduction = "mean";
  double factor = 1;
  bool link = false;
  double label_smoothing = 0;
  std::optional<std::int64_t> ignore_index{};
  bool from_logits = true;                       // binary_cross_entropy
  double delta = 1, quantile = 0.5, margin = 1;  // huber, pinball, hinges
  bool log_input = true, full = false;
  int host = 0;
};

struct OptimizerSpec {
  std::string kind{};
  double lr = 1e-3, weight_decay = 0;
  bool maximize = false;
  std::string compat = "torch";
  double momentum = 0.9, dampening = 0;
  double beta1 = 0.9, beta2 = 0.999, rho = 0.9, eps = 1e-8, momentum_decay = 4e-3, initial = 0;
};

struct Spec {
  index inputs = 0;
  std::uint64_t seed = 0;
  std::vector<LayerSpec> layers{};
  std::optional<LossSpec> loss{};
  std::optional<OptimizerSpec> optimizer{};
  std::optional<double> clip_norm{}, clip_value{};
  bool penalty_per_weight = false;
  bool fuse = true;
  std::string dtype = "float32";
  std::string precision = "highest";  // of the products of float32 in training; "high", "medium": docs/network.md
};

// The spec as the text of a JSON object, and back. std::invalid_argument says what is wrong, and where.
std::string to_json(const Spec& spec);
Spec spec_from_json(const std::string& text);

}  // namespace densekit
