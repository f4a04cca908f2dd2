// Dropout and the generator behind it.
#include "ops/dropout.h"

#include <array>

#include "bindings/arrays.h"

namespace densekit::bindings {

static DropoutDraw description(double rate, DropoutMode mode, bool training, std::uint64_t seed, std::uint64_t step, std::uint32_t layer) {
  one_of(mode, "mode", 2);
  require(rate >= 0 && rate <= 1, "rate must be in [0, 1]");
  return {rate, mode, training, seed, step, layer};
}
static void require_numbers(std::uint64_t first, index n) {
  require(first <= most_dropout_elements && static_cast<std::uint64_t>(n) <= most_dropout_elements - first,
          "element numbers must be below 2^34");
}

static void mask(double rate, std::uint64_t seed, std::uint64_t step, std::uint32_t layer, std::uint64_t first, Contiguous<bool>& kept) {
  const DropoutDraw dropout = description(rate, DropoutMode::inverted, true, seed, step, layer);
  const index n = kept.size();
  require_numbers(first, n);
  static_assert(sizeof(bool) == 1);
  std::uint8_t* out = reinterpret_cast<std::uint8_t*>(output(kept, "kept"));
  interruptible([&](const Context& context) { dropout_mask(context, dropout, first, out, n); });
}

template <class T> static void dropout(const Contiguous<T>& x, Contiguous<T>& y, double rate, DropoutMode mode, bool training,
                                       std::uint64_t seed, std::uint64_t step, std::uint32_t layer, std::uint64_t first) {
  require_same_size(x, "x", y, "y");
  const DropoutDraw what = description(rate, mode, training, seed, step, layer);
  const index n = x.size();
  require_numbers(first, n);
  const T* in = input(x, "x");
  T* out = output(y, "y");
  interruptible([&](const Context& context) { densekit::dropout(context, what, first, in, out, n); });
}

// The words of consecutive blocks, (blocks, 4), as the active instruction set draws them.
static py::array_t<std::uint32_t> philox(const std::array<std::uint32_t, 4>& counter, const std::array<std::uint32_t, 2>& key,
                                         index blocks) {
  require(blocks >= 0, "blocks must not be negative");
  py::array_t<std::uint32_t> words({blocks, index{4}});
  current_context().kernels<float>().dropout.philox(counter.data(), key.data(), words.mutable_data(), blocks);
  return words;
}

void bind_dropout(py::module_& m) {
  py::enum_<DropoutMode>(m, "DropoutMode").value("inverted", DropoutMode::inverted).value("classic", DropoutMode::classic);
  m.def("dropout_mask", &mask, py::arg("rate"), py::arg("seed"), py::arg("step"), py::arg("layer"), py::arg("first"),
        py::arg("kept").noconvert());
  DENSEKIT_DEF(m, "dropout", dropout, py::arg("x").noconvert(), py::arg("y").noconvert(), py::arg("rate"), py::arg("mode"),
               py::arg("training"), py::arg("seed"), py::arg("step"), py::arg("layer"), py::arg("first"));
  m.def("philox", &philox, py::arg("counter"), py::arg("key"), py::arg("blocks") = 1);
}

}  // namespace densekit::bindings
