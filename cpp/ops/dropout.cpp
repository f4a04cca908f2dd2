#include "ops/dropout.h"

#include <algorithm>
#include <cmath>

namespace densekit {
namespace {

std::uint64_t threshold(double rate) { return static_cast<std::uint64_t>(std::nearbyint(rate * 4294967296.0)); }

// For a threshold of 1 or more.
DropoutStream stream_of(const DropoutDraw& d) {
  const auto low = [](std::uint64_t word) { return static_cast<std::uint32_t>(word); };
  return {{low(d.seed), low(d.seed >> 32)}, d.layer, {low(d.step), low(d.step >> 32)}, low(threshold(d.rate) - 1)};
}

double factor_of(const DropoutDraw& d) {
  if (d.training) return d.mode == DropoutMode::inverted ? 1 / (1 - d.rate) : 1;
  return d.mode == DropoutMode::inverted ? 1 : 1 - d.rate;
}

}  // namespace

void dropout_mask(const Context& context, const DropoutDraw& d, std::uint64_t first, std::uint8_t* kept, index n) {
  const bool draws = threshold(d.rate) > 0;
  const DropoutStream stream = stream_of(d);
  context.parallel_pieces(n, 0.7, [&](index i, index length, int) {
    if (draws) context.kernels<float>().dropout.mask(stream, d.origin + first + static_cast<std::uint64_t>(i), kept + i, length);
    else std::fill_n(kept + i, length, std::uint8_t{1});
  });
}

template <class T> DropoutPass<T>::DropoutPass(const DropoutDraw& d)
    : nothing_left(d.rate == 1 && (d.training || d.mode == DropoutMode::classic)),
      draws(!nothing_left && d.training && threshold(d.rate) > 0),
      stream(stream_of(d)),
      factor(static_cast<T>(factor_of(d))),
      origin(d.origin) {}

template <class T> void DropoutPass<T>::apply(const Kernels<T>& kernels, std::uint64_t first, const T* x, T* y, index n) const {
  if (nothing_left) std::fill_n(y, n, T(0));
  else if (draws) kernels.dropout.dropout(stream, origin + first, x, y, n, factor);
  else kernels.dropout.scale(x, y, n, factor);
}

template <class T> void dropout(const Context& context, const DropoutDraw& d, std::uint64_t first, const T* x, T* y, index n) {
  const DropoutPass<T> pass(d);
  context.parallel_pieces(n, 0.7, [&](index i, index length, int) {
    pass.apply(context.kernels<T>(), first + static_cast<std::uint64_t>(i), x + i, y + i, length);
  });
}

template struct DropoutPass<float>;
template struct DropoutPass<double>;
template void dropout<float>(const Context&, const DropoutDraw&, std::uint64_t, const float*, float*, index);
template void dropout<double>(const Context&, const DropoutDraw&, std::uint64_t, const double*, double*, index);

}  // namespace densekit
