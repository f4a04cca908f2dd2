// Vector norms and singular values.
#include "ops/norms.h"

#include "bindings/arrays.h"

namespace densekit::bindings {

template <class T> static void vector_norms(const Contiguous<T>& x, double p, Contiguous<double>& norms) {
  require(x.ndim() == 2, [&] { return "x is " + shape_text(x) + ", expected two dimensions"; });
  require(p == p, "p is NaN");
  const index rows = x.shape(0), cols = x.shape(1);
  require_shape(norms, "norms", {rows});
  const T* in = input(x, "x");
  double* out = output(norms, "norms");
  const Scratch scratch(vector_norms_scratch_bytes<T>(rows, cols));
  interruptible([&](const Context& context) { densekit::vector_norms(context, in, rows, cols, p, out, scratch.get()); });
}

// Whether they converged; elements must be finite.
template <class T> static bool singular_values(const Strided<T>& a, Contiguous<double>& values) {
  const View<T> view = matrix(a, "a");
  require_shape(values, "values", {std::min(view.rows, view.cols)});
  double* out = output(values, "values");
  const Scratch scratch(singular_values_scratch_bytes(view.rows, view.cols));
  return interruptible([&](const Context& context) { return densekit::singular_values(context, view, out, scratch.get()); });
}

void bind_norms(py::module_& m) {
  DENSEKIT_DEF(m, "vector_norms", vector_norms, py::arg("x").noconvert(), py::arg("p"), py::arg("norms").noconvert());
  DENSEKIT_DEF(m, "singular_values", singular_values, py::arg("a").noconvert(), py::arg("values").noconvert());
}

}  // namespace densekit::bindings
