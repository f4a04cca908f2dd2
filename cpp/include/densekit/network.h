// densekit for C++ programs: describe a network, train it, predict, save it. No Python.
//
//   densekit::Spec s{.inputs = 64, .seed = 0};
//   s.layers = {densekit::Dense{128, densekit::relu}, densekit::Dense{10}};
//   s.loss = densekit::SoftmaxCrossEntropy{};
//   s.optimizer = densekit::Adam{};
//   densekit::Network net(s);
//   for (int e = 0; e < 20; ++e) net.epoch(X, y, order);  // spans: X (rows, 64), y a label each, order row numbers
//   std::vector<float> scores = net.predict(X);           // (rows, 10)
//
// Every kind of layer (densekit/layers.h), loss (losses.h), optimizer (optimizers.h) and initializer (initializers.h) is a struct with
// its settings; what each computes: docs/network.md.
#pragma once
#include "densekit/network_class.h"
#include "densekit/threads.h"

namespace densekit {

using enum Activation;  // identity, relu, leaky_relu, …

}  // namespace densekit
