// In training each element is zero with the probability `rate`.
#pragma once
#include "ops/dropout.h"
#include "train/builder.h"
#include "train/step.h"

namespace densekit {

struct DropoutOperation : NoParameters, NoScratch, KeepsNothing {
  static constexpr OperationTraits traits{.gradient_in_place = true, .takes_epilogue = false};

  template <class T> void forward(const Step<T>& s) const {
    dropout(s.context(), s.dropout_of(s.wiring.layer), 0, s.x(), s.y(), s.elements());
  }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T*) const {
    dropout(s.context(), s.dropout_of(s.wiring.layer), 0, dy, dx, s.elements());
  }
};

inline int emit(Builder& b, const Dropout&, int input) { return b.emit(DropoutOperation{}, input, b.width(input)); }

}  // namespace densekit
