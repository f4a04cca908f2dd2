#include "ops/noise.h"

#include "bindings/arrays.h"

namespace densekit::bindings {

template <class T> static void gaussian_noise(const Contiguous<T>& x, Contiguous<T>& y, double std, bool training, std::uint64_t seed,
                                              std::uint64_t step, std::uint32_t layer, std::uint64_t first) {
  require_same_size(x, "x", y, "y");
  require(std >= 0, "std must not be negative");
  const index n = x.size();
  require(first <= most_noise_elements && static_cast<std::uint64_t>(n) <= most_noise_elements - first,
          "element numbers must be below 2^34");
  const T* in = input(x, "x");
  T* out = output(y, "y");
  interruptible([&](const Context& context) { densekit::gaussian_noise(context, {std, training, seed, step, layer}, first, in, out, n); });
}

void bind_noise(py::module_& m) {
  DENSEKIT_DEF(m, "gaussian_noise", gaussian_noise, py::arg("x").noconvert(), py::arg("y").noconvert(), py::arg("std"), py::arg("training"),
               py::arg("seed"), py::arg("step"), py::arg("layer"), py::arg("first"));
}

}  // namespace densekit::bindings
