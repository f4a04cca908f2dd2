// y = activation(x kernel + bias).
#pragma once
#include "ops/dense.h"
#include "train/layers/activation.h"

namespace densekit {

struct DenseOperation {
  int kernel, bias = -1;
  bool block_moments = false;  // it makes those of the batch norm behind it

  static constexpr OperationTraits traits{.gradient_in_place = false, .takes_epilogue = true};
  Segments parameters() const { return {kernel, bias}; }
  static KeptLengths kept(const Wiring&, index) { return {}; }
  template <class T> static Bytes scratch_bytes(const Context& context, const Wiring& w, index rows, Purpose purpose) {
    const Bytes forward = matmul_most_scratch_bytes<T>(context, rows, w.outputs, w.inputs);
    if (purpose == Purpose::inference) return forward;
    return std::max({forward, matmul_most_scratch_bytes<T>(context, rows, w.inputs, w.outputs),
                     matmul_most_scratch_bytes<T>(context, w.inputs, w.outputs, rows), column_sums_scratch_bytes(rows, w.outputs)});
  }

  template <class T> static View<T> rows_of(const T* data, index rows, index cols) { return {data, rows, cols, cols, 1}; }
  template <class T> void forward(const Step<T>& s) const {
    const auto dropout = s.merged_dropout();
    Epilogue<T> e = s.epilogue(dropout);
    e.bias = s.parameter(bias);
    if (block_moments && s.run.training) e.block_means = s.ws.block_means, e.block_squares = s.ws.block_squares;
    matmul(s.context(), rows_of(s.x(), s.rows(), s.inputs()), rows_of(s.parameter(kernel), s.inputs(), s.outputs()), s.y(), e,
           s.ws.scratch);
  }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T* gradients) const {
    dense_backward(s.context(), dy, rows_of(s.x(), s.rows(), s.inputs()), rows_of(s.parameter(kernel), s.inputs(), s.outputs()),
                   {s.wants_dx ? dx : nullptr, s.gradient(gradients, kernel), s.gradient(gradients, bias)}, s.ws.scratch);
  }
};

inline int emit(Builder& b, const Dense& d, int input) {
  const index in = b.width(input);
  const double fan_in = static_cast<double>(in), fan_out = static_cast<double>(d.units);
  DenseOperation op{b.parameter({"kernel", {in, d.units}, d.kernel_initializer, d.kernel_penalty, true, fan_in, fan_out})};
  if (d.bias) op.bias = b.parameter({"bias", {d.units}, d.bias_initializer, d.bias_penalty, false, fan_in, fan_out});
  return emit_activation(b, d.activation, b.emit(op, input, d.units));
}

}  // namespace densekit
