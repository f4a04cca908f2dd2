// Dropout (Srivastava et al., JMLR 15, 2014) with masks that are functions of (seed, step, layer, element).
#pragma once
#include "core/context.h"
#include "densekit/dropout_mode.h"

namespace densekit {

struct DropoutDraw {
  double rate;  // the probability of being dropped, in [0, 1]
  DropoutMode mode = DropoutMode::inverted;
  bool training = true;
  std::uint64_t seed = 0, step = 0;
  std::uint32_t layer = 0;
  std::uint64_t origin = 0;  // added to the number of each element: where these rows begin in a larger batch
};

// Dropout in numbers: what one element needs.
template <class T> struct DropoutPass {
  bool nothing_left, draws;  // zeros; a mask; neither: only the factor
  DropoutStream stream;
  T factor;
  std::uint64_t origin;

  explicit DropoutPass(const DropoutDraw& dropout);
  bool changes_nothing() const { return !nothing_left && !draws && factor == 1; }
  // y = what is left of x (n); element 0 is number `first`. y may be x.
  void apply(const Kernels<T>& kernels, std::uint64_t first, const T* x, T* y, index n) const;
};

// Elements are numbered from `first`; the last number must be below 2^34.
constexpr std::uint64_t most_dropout_elements = std::uint64_t{1} << 34;

// kept[i] = 1 or 0: its random word is at least round(rate 2^32), or not.
void dropout_mask(const Context& context, const DropoutDraw& dropout, std::uint64_t first, std::uint8_t* kept, index n);
// y = x kept times the factor of the mode; also the backward pass, with dy for x. y may be x. What is dropped is zero,
// even where x is not finite.
template <class T> void dropout(const Context& context, const DropoutDraw& dropout, std::uint64_t first, const T* x, T* y, index n);

}  // namespace densekit
