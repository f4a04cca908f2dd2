// y = x + std z in training, else x.
#pragma once
#include "ops/elementwise.h"
#include "ops/noise.h"
#include "train/builder.h"
#include "train/step.h"

namespace densekit {

struct NoiseOperation : NoParameters, NoScratch, KeepsNothing {
  double std;
  static constexpr OperationTraits traits{.gradient_in_place = true, .takes_epilogue = false};

  template <class T> void forward(const Step<T>& s) const {
    const Noise noise{.std = std,
                      .training = s.run.training,
                      .seed = s.run.seed,
                      .step = s.run.step,
                      .layer = static_cast<std::uint32_t>(s.layer().number)};
    gaussian_noise(s.context(), noise, s.first_element(), s.x(), s.y(), s.elements());
  }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T*) const {
    if (dx != dy) copy(s.context(), dy, dx, s.elements());
  }
};

inline int emit(Builder& b, const GaussianNoise& layer, int input) {
  return b.emit(NoiseOperation{{}, {}, {}, layer.std}, input, b.width(input));
}

}  // namespace densekit
