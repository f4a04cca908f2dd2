// One operation at work: where its rows, parameters and gradients are.
#pragma once
#include <optional>

#include "ops/epilogue.h"
#include "train/builder.h"
#include "train/run.h"
#include "train/workspace.h"

namespace densekit {

template <class T> struct Step {
  const Run<T>& run;
  Workspace<T>& ws;
  const Wiring& wiring;
  typename Workspace<T>::Kept& kept;
  bool wants_dx = true;  // in backward: whether the gradient of the input is used

  const Context& context() const { return run.context; }
  index rows() const { return run.rows * wiring.repeat; }
  index inputs() const { return wiring.inputs; }
  index outputs() const { return wiring.outputs; }
  index elements() const { return rows() * wiring.outputs; }
  // The number of the first element that the operation puts out, in the batch that the rows are a part of.
  std::uint64_t first_element() const {
    return static_cast<std::uint64_t>(run.first_row) * static_cast<std::uint64_t>(wiring.repeat * wiring.outputs);
  }
  const PlanLayer& layer() const { return run.plan.layers[static_cast<std::size_t>(wiring.layer)]; }
  const T* x() const { return ws.buffer(wiring.input); }
  T* y() const { return ws.buffer(wiring.output); }

  index offset(int segment) const { return run.plan.parameters[static_cast<std::size_t>(segment)].offset; }
  const T* parameter(int segment) const { return segment < 0 ? nullptr : run.parameters + offset(segment); }
  index statistic_offset(int segment) const { return run.plan.statistics[static_cast<std::size_t>(segment)].offset; }
  const T* statistic(int segment) const { return run.statistics + statistic_offset(segment); }
  // Where the gradient of a segment goes; null: it is not wanted.
  T* gradient(T* gradients, int segment) const { return segment < 0 || !wiring.trainable ? nullptr : gradients + offset(segment); }
  bool trains() const { return run.training && wiring.trainable; }

  DropoutDraw dropout_of(int number) const {
    const PlanLayer& from = run.plan.layers[static_cast<std::size_t>(number)];
    const Dropout& dropout = std::get<Dropout>(from.spec->is);
    return {.rate = dropout.rate,
            .mode = dropout.mode,
            .training = run.training,
            .seed = run.seed,
            .step = run.step,
            .layer = static_cast<std::uint32_t>(from.number),
            .origin = first_element()};
  }
  std::optional<DropoutPass<T>> merged_dropout() const {
    if (wiring.dropout < 0) return {};
    DropoutPass<T> pass(dropout_of(wiring.dropout));
    if (pass.changes_nothing()) return {};
    return pass;
  }
  // What the operation does to each finished element; dropout: merged_dropout(), which outlives it.
  Epilogue<T> epilogue(const std::optional<DropoutPass<T>>& dropout) const {
    return {.activation = wiring.activation.name,
            .parameter = static_cast<T>(wiring.activation.parameter),
            .saved = wiring.saved >= 0 ? ws.buffer(wiring.saved) : nullptr,  // null where nothing is kept for a backward pass
            .dropout = dropout ? &*dropout : nullptr};
  }
};

}  // namespace densekit
