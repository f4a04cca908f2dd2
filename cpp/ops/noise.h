// Gaussian noise that is a function of (seed, step, layer, element).
#pragma once
#include "core/context.h"

namespace densekit {

struct Noise {
  double std;  // at least 0
  bool training = true;
  std::uint64_t seed = 0, step = 0;
  std::uint32_t layer = 0;
};

// Elements are numbered from `first`; the last number must be below 2^34.
constexpr std::uint64_t most_noise_elements = std::uint64_t{1} << 34;

// y = x + std z in training, else x (n); y may be x. Nothing is drawn for a std of 0.
template <class T> void gaussian_noise(const Context& context, const Noise& noise, std::uint64_t first, const T* x, T* y, index n);

}  // namespace densekit
