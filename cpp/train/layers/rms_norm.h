// y = gamma x / sqrt(mean(x²) + eps), the mean over each row. Zhang and Sennrich, arXiv 1910.07467.
#pragma once
#include "ops/normalization.h"
#include "train/builder.h"
#include "train/step.h"

namespace densekit {

struct RmsNormOperation {
  double eps;
  int gamma;  // -1: none

  enum Kept { means, inverses };  // of the rows: zeros, 1 / sqrt(mean(x²) + eps)
  static constexpr OperationTraits traits{.gradient_in_place = true, .takes_epilogue = true};
  Segments parameters() const { return {gamma}; }
  static KeptLengths kept(const Wiring&, index rows) { return {rows, rows}; }
  template <class T> static Bytes scratch_bytes(const Context&, const Wiring& w, index rows, Purpose purpose) {
    return purpose == Purpose::training ? layer_norm_backward_scratch_bytes(rows, w.outputs) : 0;
  }

  template <class T> void forward(const Step<T>& s) const {
    const auto dropout = s.merged_dropout();
    rms_norm(s.context(), s.x(), s.rows(), s.outputs(), eps, s.parameter(gamma), s.kept.doubles[means], s.kept.doubles[inverses], s.y(),
             s.epilogue(dropout));
  }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T* gradients) const {
    layer_norm_backward(s.context(), dy, s.x(), s.rows(), s.outputs(), s.kept.doubles[means], s.kept.doubles[inverses], s.parameter(gamma),
                        {dx, s.ws.or_sink(s.gradient(gradients, gamma), 0), s.ws.or_sink(nullptr, 1)}, s.ws.scratch, false);
  }
};

inline int emit(Builder& b, const RmsNorm& layer, int input) {
  const index n = b.width(input);
  return b.emit(RmsNormOperation{layer.eps, layer.scale ? b.parameter({"gamma", {n}, Ones{}, layer.gamma_penalty}) : -1}, input, n);
}

}  // namespace densekit
