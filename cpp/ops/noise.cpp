#include "ops/noise.h"

#include <algorithm>

namespace densekit {

template <class T> void gaussian_noise(const Context& context, const Noise& noise, std::uint64_t first, const T* x, T* y, index n) {
  const auto low = [](std::uint64_t word) { return static_cast<std::uint32_t>(word); };
  const DropoutStream stream{{low(noise.seed), low(noise.seed >> 32)}, noise.layer, {low(noise.step), low(noise.step >> 32)}, 0};
  const T std = static_cast<T>(noise.std);
  const bool draws = noise.training && std > 0;
  context.parallel_pieces(n, draws ? 3 : 0.3, [&](index i, index length, int) {
    if (draws) context.kernels<T>().noise.gaussian(stream, first + static_cast<std::uint64_t>(i), x + i, y + i, length, std);
    else if (x != y) std::copy_n(x + i, length, y + i);
  });
}

template void gaussian_noise<float>(const Context&, const Noise&, std::uint64_t, const float*, float*, index);
template void gaussian_noise<double>(const Context&, const Noise&, std::uint64_t, const double*, double*, index);

}  // namespace densekit
