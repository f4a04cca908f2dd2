// The kinds of optimizers, with PyTorch's defaults. What each computes: docs/network.md, "Optimizer".
#pragma once
#include <array>

#include "densekit/record.h"

namespace densekit {

// Whose conventions: where PyTorch, Keras, scikit-learn and "Deep Learning from Scratch" differ.
enum class Compat : int { torch, keras, sklearn, dlfs };
constexpr auto words(Compat) { return std::array<std::string_view, 4>{"torch", "keras", "sklearn", "dlfs"}; }

struct Sgd {
  static constexpr double usual_lr = 1e-2;
  static constexpr auto kind() { return record("sgd"); }
};
struct Momentum {
  double momentum = 0.9, dampening = 0;
  static constexpr double usual_lr = 1e-2;
  static constexpr auto kind() {
    return record("momentum", field("momentum", &Momentum::momentum, unit_interval),
                  field("dampening", &Momentum::dampening, unit_interval));
  }
};
struct Nesterov {
  double momentum = 0.9;
  static constexpr double usual_lr = 1e-2;
  static constexpr auto kind() { return record("nesterov", field("momentum", &Nesterov::momentum, unit_interval)); }
};
struct RmsProp {
  double rho = 0.99, eps = 1e-8;
  bool centered = false;  // about the running mean of the gradients
  double momentum = 0;
  static constexpr double usual_lr = 1e-2;
  static constexpr auto kind() {
    return record("rmsprop", field("rho", &RmsProp::rho, unit_interval), field("eps", &RmsProp::eps, at_least(0)),
                  field("centered", &RmsProp::centered, {}, 2), field("momentum", &RmsProp::momentum, unit_interval, 2));
  }
};
struct Adagrad {
  double eps = 1e-10, initial = 0;  // initial: the state at the start
  static constexpr double usual_lr = 1e-2;
  static constexpr auto kind() {
    return record("adagrad", field("eps", &Adagrad::eps, at_least(0)), field("initial", &Adagrad::initial, at_least(0)));
  }
};
struct Adadelta {
  double rho = 0.9, eps = 1e-6;
  static constexpr double usual_lr = 1;
  static constexpr auto kind() {
    return record("adadelta", field("rho", &Adadelta::rho, unit_interval), field("eps", &Adadelta::eps, at_least(0)));
  }
};
struct Adam {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  bool amsgrad = false;  // divides by the largest second moment so far. Reddi et al., ICLR 2018
  static constexpr double usual_lr = 1e-3;
  static constexpr auto kind() {
    return record("adam", field("beta1", &Adam::beta1, half_open_unit), field("beta2", &Adam::beta2, half_open_unit),
                  field("eps", &Adam::eps, at_least(0)), field("amsgrad", &Adam::amsgrad, {}, 2));
  }
};
struct Adamax {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  static constexpr double usual_lr = 2e-3;
  static constexpr auto kind() {
    return record("adamax", field("beta1", &Adamax::beta1, half_open_unit), field("beta2", &Adamax::beta2, half_open_unit),
                  field("eps", &Adamax::eps, at_least(0)));
  }
};
struct Nadam {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8, momentum_decay = 4e-3;
  static constexpr double usual_lr = 2e-3;
  static constexpr auto kind() {
    return record("nadam", field("beta1", &Nadam::beta1, half_open_unit), field("beta2", &Nadam::beta2, half_open_unit),
                  field("eps", &Nadam::eps, at_least(0)), field("momentum_decay", &Nadam::momentum_decay, at_least(0)));
  }
};
struct Lion {
  double beta1 = 0.9, beta2 = 0.99;
  static constexpr double usual_lr = 1e-4;
  static constexpr auto kind() {
    return record("lion", field("beta1", &Lion::beta1, half_open_unit), field("beta2", &Lion::beta2, half_open_unit));
  }
};

struct Yogi {  // Zaheer et al., NeurIPS 2018; initial: both states at the start
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-3, initial = 1e-6;
  static constexpr double usual_lr = 1e-2;
  static constexpr auto kind() {
    return record("yogi", field("beta1", &Yogi::beta1, half_open_unit), field("beta2", &Yogi::beta2, half_open_unit),
                  field("eps", &Yogi::eps, at_least(0)), field("initial", &Yogi::initial, at_least(0)));
  }
};

using OptimizerKind = std::variant<Sgd, Momentum, Nesterov, RmsProp, Adagrad, Adadelta, Adam, Adamax, Nadam, Lion, Yogi>;

// A kind of optimizer with what all have: optimizer = Adam{}, or Optimizer(Adam{.beta2 = 0.99}, 3e-3).
struct Optimizer {
  OptimizerKind is = Adam{};
  double lr = Adam::usual_lr, weight_decay = 0;
  bool maximize = false;
  Compat compat = Compat::torch;
  bool decay_biases = false;  // weight_decay of all parameters, not of kernels alone
  Optimizer() = default;
  template <class K>
    requires is_one_of<K, OptimizerKind>
  Optimizer(K kind, double rate = K::usual_lr, double decay = 0) : is(kind), lr(rate), weight_decay(decay) {}
};

}  // namespace densekit
