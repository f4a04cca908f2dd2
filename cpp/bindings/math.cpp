// The vocabulary's functions over arrays, for tests/test_math.py and the accuracy table.
#include "bindings/arrays.h"

namespace densekit::bindings {

static constexpr const char* math_names[] = {
#define MATH_FUNCTION(name) #name,
#include "kernels/math.def"
#undef MATH_FUNCTION
};

template <class T> static void math(const std::string& name, const Contiguous<T>& x, Contiguous<T>& y) {
  require_same_size(x, "x", y, "y");
  const T* in = input(x, "x");
  T* out = output(y, "y");
  const index n = x.size();
  for (int i = 0; i < static_cast<int>(MathFunction::count); ++i)
    if (name == math_names[i]) {
      return interruptible([&](const Context& context) {
        context.parallel_pieces(
            n, 2.0, [&](index begin, index length, int) { context.kernels<T>().math.function[i](in + begin, out + begin, length); });
      });
    }
  throw std::invalid_argument("no function of simd/math.h is called '" + name + "'");
}

void bind_math(py::module_& m) {
  m.attr("math_functions") = std::vector<std::string>(std::begin(math_names), std::end(math_names));
  DENSEKIT_DEF(m, "math", math, py::arg("name"), py::arg("x").noconvert(), py::arg("y").noconvert());
}

}  // namespace densekit::bindings
