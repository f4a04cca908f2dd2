// A network as a flat list of operations over numbered buffers. Backward is the list reversed.
#pragma once
#include <string>
#include <vector>

#include "train/builder.h"
#include "train/operations.h"

namespace densekit {

// What a loss takes: a buffer with scores, and what becomes of them.
struct PlanHead {
  std::string name;   // "" of the only one
  const Loss* loss;   // inside the Spec of the network
  double weight;      // in the sum of the losses
  int scores;         // the buffer: that of the output, or what goes into the linked activation
  index columns;      // of it
  int gradient_slot;  // where the gradient of the loss goes
};

struct Plan {
  std::vector<PlanLayer> layers;
  std::vector<Operation> ops;
  std::vector<Segment> parameters, statistics;
  index parameter_count = 0, statistic_count = 0;
  std::vector<index> widths;  // of the buffers: the size of a row; buffer 0 is the input of the network
  index widest = 0;
  RowShape output_shape;
  int output = 0;  // the buffer of the network's output
  std::vector<PlanHead> heads;
  int scored = 0;                   // operations that the heads need; those after it make the output of their scores
  int first_trained = 0;            // operations before it need no backward pass
  int slots = 0;                    // of gradients, each as wide as the widest buffer
  std::vector<int> inference_slot;  // for each buffer but the input, when nothing is kept for a backward pass
  int inference_slots = 0;
  bool needs_two_rows = false;  // in training: batch norm

  index inputs() const { return widths.front(); }
  index outputs() const { return widths[static_cast<std::size_t>(output)]; }
};

// The spec must outlive the plan. std::invalid_argument if it does not fit together.
Plan make_plan(const Spec& spec, bool fuse);

// std::invalid_argument if the layers of the spec do not follow one another, or have more parameters than there can be.
void require_layers_fit(const Spec& spec);

template <class O> int Builder::emit(O operation, int input, index outputs, int second) {
  Operation all{};
  all.input = buffer_of(input), all.second = second < 0 ? -1 : buffer_of(second);
  all.inputs = width(input), all.outputs = outputs, all.repeat = shape(input).repeat();
  all.is = std::move(operation);
  RowShape of_output = shape(input);
  of_output.axes.back() = outputs;
  return add_operation(std::move(all), std::move(of_output));
}
template <class O> void Builder::emit_into(O operation, int input, int output) {
  Operation all{};
  all.input = buffer_of(input);
  all.inputs = width(input), all.outputs = width(output), all.repeat = shape(input).repeat();
  all.is = std::move(operation);
  append(std::move(all), buffer_of(output));
}
template <class O> int Builder::emit_of_rows(O operation, int input, RowShape outputs) {
  Operation all{};
  all.input = buffer_of(input);
  all.inputs = shape(input).size(), all.outputs = outputs.size();
  all.is = std::move(operation);
  return add_operation(std::move(all), std::move(outputs));
}

}  // namespace densekit
