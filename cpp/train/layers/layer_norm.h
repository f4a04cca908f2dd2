// y = gamma (x - m) / sqrt(v + eps) + beta with the mean and the biased variance of each row.
#pragma once
#include "ops/normalization.h"
#include "train/builder.h"
#include "train/step.h"

namespace densekit {

struct LayerNormOperation {
  double eps;
  int gamma, beta;  // -1: none

  enum Kept { means, inverses };  // of the rows: the mean, 1 / sqrt(variance + eps)
  static constexpr OperationTraits traits{.gradient_in_place = true, .takes_epilogue = true};
  Segments parameters() const { return {gamma, beta}; }
  static KeptLengths kept(const Wiring&, index rows) { return {rows, rows}; }
  template <class T> static Bytes scratch_bytes(const Context&, const Wiring& w, index rows, Purpose purpose) {
    return purpose == Purpose::training ? layer_norm_backward_scratch_bytes(rows, w.outputs) : 0;
  }

  template <class T> void forward(const Step<T>& s) const {
    const auto dropout = s.merged_dropout();
    layer_norm(s.context(), s.x(), s.rows(), s.outputs(), eps, s.parameter(gamma), s.parameter(beta), s.kept.doubles[means],
               s.kept.doubles[inverses], s.y(), s.epilogue(dropout));
  }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T* gradients) const {
    layer_norm_backward(s.context(), dy, s.x(), s.rows(), s.outputs(), s.kept.doubles[means], s.kept.doubles[inverses], s.parameter(gamma),
                        {dx, s.ws.or_sink(s.gradient(gradients, gamma), 0), s.ws.or_sink(s.gradient(gradients, beta), 1)}, s.ws.scratch);
  }
};

inline int emit(Builder& b, const LayerNorm& layer, int input) {
  const index n = b.width(input);
  const int gamma = layer.scale ? b.parameter({"gamma", {n}, Ones{}, layer.gamma_penalty}) : -1;
  const int beta = layer.center ? b.parameter({"beta", {n}, Zeros{}, layer.beta_penalty}) : -1;
  return b.emit(LayerNormOperation{layer.eps, gamma, beta}, input, n);
}

}  // namespace densekit
