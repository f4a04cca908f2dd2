// A network as a flat list of operations over numbered buffers. Backward is the list reversed.
#pragma once
#include <string>
#include <vector>

#include "densekit/spec.h"
#include "ops/activations.h"
#include "ops/dropout.h"

namespace densekit {

// A named array inside the flat parameters (or statistics).
struct Segment {
  std::string layer, name;
  std::vector<index> shape;
  index offset = 0, size = 0;
  bool trainable = true;
  PenaltySpec penalty{};
  InitializerSpec initializer{};
  double fan_in = 1, fan_out = 1;
  bool decays() const { return shape.size() == 2; }  // by decoupled weight decay
};

enum class Action { dense, activation, scale, softmax, log_softmax, batch_norm, layer_norm, dropout, noise, add, host };

// output (rows, outputs) from input (rows, inputs), buffers by number; parameters and statistics are segments by number, -1: none.
struct PlanOp {
  Action action;
  int layer;  // index into Plan::layers
  int input, output;
  int second = -1;  // add: what is added to the input
  index inputs, outputs;
  int kernel = -1, bias = -1, gamma = -1, beta = -1, mean = -1, variance = -1;
  bool trainable = true;
  // Done to each finished element (ops/epilogue.h).
  Activation activation = Activation::identity;
  double parameter = 0;        // of the activation; a temperature; the factor of scale
  int dropout = -1;            // index into Plan::layers of the dropout merged into this operation
  int saved = -1;              // a buffer for what the slope is computed from; -1: the output has it
  bool block_moments = false;  // dense: for the batch norm that follows; batch_norm: the dense before it made them
  // host
  int host = 0;
  std::vector<int> host_parameters{};
  // How the gradient of the input is made: written where the gradient of the output was, or elsewhere, or added.
  int gradient_slot = -1;  // of the output
  int input_slot = -1;     // of the input; -1: not wanted
  int work_slot = -1;      // where it is computed first when it has to be added
};

struct PlanLayer {
  const LayerSpec* spec;  // inside the Spec of the network
  std::string name;
  int number;      // depth first: the layer of the random streams
  int output;      // the buffer with what the layer puts out
  bool trainable;  // it and the blocks around it
};

struct Plan {
  std::vector<PlanLayer> layers;
  std::vector<PlanOp> ops;
  std::vector<Segment> parameters, statistics;
  index parameter_count = 0, statistic_count = 0;
  std::vector<index> widths;  // of the buffers; buffer 0 is the input of the network
  index widest = 0;
  int output = 0;                   // the buffer of the network's output,
  int scores = 0;                   // and what the loss takes: the same, or what goes into the linked activation
  int first_trained = 0;            // operations before it need no backward pass
  int slots = 0;                    // of gradients, each as wide as the widest buffer
  std::vector<int> inference_slot;  // for each buffer but the input, when nothing is kept for a backward pass
  int inference_slots = 0;
  bool has_batch_norm = false;

  index inputs() const { return widths.front(); }
  index outputs() const { return widths[static_cast<std::size_t>(output)]; }
  const LayerSpec& spec_of(const PlanOp& op) const { return *layers[static_cast<std::size_t>(op.layer)].spec; }
};

// The spec must outlive the plan. std::invalid_argument if it does not fit together.
Plan make_plan(const Spec& spec, bool fuse);

}  // namespace densekit
