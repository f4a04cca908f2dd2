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
  const index width = b.width(input);
  const int last = b.block(layer.layers, input);
  if (b.width(last) != width)
    b.fail("", "is a residual block that makes " + std::to_string(b.width(last)) + " outputs of " + std::to_string(width) +
                   " inputs; it must keep the width");
  return b.emit(AddOperation{}, input, width, last);
}

}  // namespace densekit
