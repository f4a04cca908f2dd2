// densekit for C++ programs: describe a network, train it, predict, save it. No Python.
//
//   densekit::Spec s{.inputs = 64, .seed = 0};
//   s.layers = {densekit::dense(128, densekit::relu), densekit::dense(10)};
//   s.loss = densekit::softmax_cross_entropy;
//   s.optimizer = densekit::adam(1e-3);
//   densekit::Network net(s);
//   for (int e = 0; e < 20; ++e) net.epoch(X, y, order);  // spans: X (rows, 64), y a label each, order row numbers
//   std::vector<float> scores = net.predict(X);           // (rows, 10)
//
// What each word computes: docs/network.md.
#pragma once
#include <stdexcept>

#include "densekit/network_class.h"
#include "densekit/threads.h"

namespace densekit {

// Activations, by the names that a spec knows.
inline constexpr const char *identity = "identity", *relu = "relu", *leaky_relu = "leaky_relu", *elu = "elu", *selu = "selu",
                            *gelu = "gelu", *gelu_tanh = "gelu_tanh", *silu = "silu", *mish = "mish", *sigmoid = "sigmoid",
                            *hard_sigmoid = "hard_sigmoid", *tanh = "tanh", *softplus = "softplus", *softsign = "softsign",
                            *hard_swish = "hard_swish", *softmax = "softmax", *log_softmax = "log_softmax";

// A name as text; std::invalid_argument if it is a null pointer.
inline std::string name_text(const char* name) {
  if (!name) throw std::invalid_argument("the name of an activation, a loss or an optimizer is a null pointer");
  return name;
}

// The parameter that an activation has when none is given: a slope, an alpha, a temperature.
inline double usual_parameter(const std::string& activation) {
  if (activation == leaky_relu) return 0.01;
  return activation == elu || activation == softmax || activation == log_softmax ? 1 : 0;
}

// Layers. More settings are fields of what is returned.
inline LayerSpec dense(index units, const char* activation = identity) {
  LayerSpec layer{.kind = "dense"};
  layer.units = units;
  layer.activation = name_text(activation);
  layer.parameter = usual_parameter(layer.activation);
  return layer;
}
inline LayerSpec activation(const char* name) {
  LayerSpec layer{.kind = "activation"};
  layer.activation = name_text(name);
  layer.parameter = usual_parameter(layer.activation);
  return layer;
}
inline LayerSpec batch_norm(double eps = 1e-5, double stats_decay = 0.9) {
  LayerSpec layer{.kind = "batch_norm"};
  layer.eps = eps;
  layer.stats_decay = stats_decay;
  return layer;
}
inline LayerSpec layer_norm(double eps = 1e-5) {
  LayerSpec layer{.kind = "layer_norm"};
  layer.eps = eps;
  return layer;
}
inline LayerSpec dropout(double rate) {
  LayerSpec layer{.kind = "dropout"};
  layer.rate = rate;
  return layer;
}
inline LayerSpec gaussian_noise(double std) {
  LayerSpec layer{.kind = "gaussian_noise"};
  layer.std = std;
  return layer;
}
inline LayerSpec residual(std::vector<LayerSpec> layers) {
  LayerSpec layer{.kind = "residual"};
  layer.layers = std::move(layers);
  return layer;
}

// Losses. softmax_cross_entropy and binary_cross_entropy take logits.
inline LossSpec loss_named(const char* kind) { return LossSpec{.kind = name_text(kind)}; }
inline const LossSpec softmax_cross_entropy = loss_named("softmax_cross_entropy"),
                      binary_cross_entropy = loss_named("binary_cross_entropy"), mse = loss_named("mse"), mae = loss_named("mae"),
                      rmse = loss_named("rmse"), huber = loss_named("huber"), log_cosh = loss_named("log_cosh"),
                      poisson_nll = loss_named("poisson_nll"), gaussian_nll = loss_named("gaussian_nll");

// Optimizers, with PyTorch's defaults.
inline OptimizerSpec optimizer_named(const char* kind, double lr, double weight_decay) {
  OptimizerSpec optimizer{.kind = name_text(kind)};
  optimizer.lr = lr;
  optimizer.weight_decay = weight_decay;
  return optimizer;
}
inline OptimizerSpec sgd(double lr, double weight_decay = 0) { return optimizer_named("sgd", lr, weight_decay); }
inline OptimizerSpec momentum(double lr, double momentum = 0.9, double weight_decay = 0) {
  OptimizerSpec optimizer = optimizer_named("momentum", lr, weight_decay);
  optimizer.momentum = momentum;
  return optimizer;
}
inline OptimizerSpec adam(double lr = 1e-3, double weight_decay = 0) { return optimizer_named("adam", lr, weight_decay); }

}  // namespace densekit
