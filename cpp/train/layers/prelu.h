// y = x where x > 0, else alpha x, with a trained alpha for each column or one for all. He et al., ICCV 2015.
#pragma once
#include "ops/prelu.h"
#include "train/builder.h"
#include "train/step.h"

namespace densekit {

struct PReluOperation : KeepsNothing {
  int alpha;
  bool shared;
  static constexpr OperationTraits traits{.gradient_in_place = true, .takes_epilogue = false};
  Segments parameters() const { return {alpha}; }
  template <class T> static Bytes scratch_bytes(const Context&, const Wiring& w, index rows, Purpose purpose) {
    return purpose == Purpose::training ? prelu_backward_scratch_bytes(rows, w.outputs) : 0;
  }

  template <class T> void forward(const Step<T>& s) const {
    prelu(s.context(), s.x(), s.rows(), s.outputs(), s.parameter(alpha), shared, s.y());
  }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T* gradients) const {
    prelu_backward(s.context(), dy, s.x(), s.rows(), s.outputs(), s.parameter(alpha), shared, s.wants_dx ? dx : nullptr,
                   s.gradient(gradients, alpha), s.ws.scratch);
  }
};

inline int emit(Builder& b, const PRelu& layer, int input) {
  const index n = b.width(input);
  const int alpha = b.parameter({"alpha", {prelu_slopes(n, layer.shared)}, Constant{layer.init}, layer.alpha_penalty});
  return b.emit(PReluOperation{{}, alpha, layer.shared}, input, n);
}

}  // namespace densekit
