// y = scale x + offset, two fixed numbers.
#pragma once
#include "ops/penalties.h"
#include "train/builder.h"
#include "train/step.h"

namespace densekit {

struct RescalingOperation : NoParameters, NoScratch, KeepsNothing {
  double scale, offset;
  static constexpr OperationTraits traits{.gradient_in_place = true, .takes_epilogue = false};

  template <class T> void forward(const Step<T>& s) const {
    const auto affine = s.context().template kernels<T>().normalization.affine;
    s.context().parallel_pieces(s.elements(), 0.5, [&](index at, index n, int) {
      affine(s.x() + at, n, 0, T(1), static_cast<T>(scale), static_cast<T>(offset), s.y() + at, Store::cached);
    });
  }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T*) const { scale_by(s.context(), dy, dx, s.elements(), scale); }
};

inline int emit(Builder& b, const Rescaling& layer, int input) {
  return b.emit(RescalingOperation{{}, {}, {}, layer.scale, layer.offset}, input, b.width(input));
}

}  // namespace densekit
