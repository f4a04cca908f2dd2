// y = x + block(x).
#pragma once
#include "ops/elementwise.h"
#include "train/builder.h"
#include "train/step.h"

namespace densekit {

struct AddOperation : NoParameters, NoScratch, KeepsNothing {
  static constexpr OperationTraits traits{.gradient_in_place = true, .takes_epilogue = false};

  template <class T> void forward(const Step<T>& s) const { add(s.context(), s.x(), s.ws.buffer(s.wiring.second), s.y(), s.elements()); }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T*) const {
    if (dx != dy) copy(s.context(), dy, dx, s.elements());
  }
};

inline int emit(Builder& b, const Residual& layer, int input) {
  const int last = b.block(layer.layers, input);
  const RowShape from = b.shape(input), to = b.shape(last);
  if (from.plain() && to.plain() && from != to)
    b.fail("", "is a residual block that makes " + std::to_string(to.size()) + " outputs of " + std::to_string(from.size()) +
                   " inputs; it must keep the width");
  if (from != to)
    b.fail("", "is a residual block that makes rows of shape " + to.text() + " of " + from.text() + "; it must keep the shape");
  return b.emit(AddOperation{}, input, b.width(input), last);
}

}  // namespace densekit
