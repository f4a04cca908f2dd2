// Rectified linear units with a trained slope. Arrays are (rows, cols); alpha has one element a column, or one for all.
#include "ops/prelu.h"

#include "bindings/arrays.h"

namespace densekit::bindings {

template <class T> static void prelu(const Contiguous<T>& x, const Contiguous<T>& alpha, bool shared, Contiguous<T>& y) {
  require(x.ndim() == 2, [&] { return "x is " + shape_text(x) + ", expected two dimensions"; });
  const index rows = x.shape(0), cols = x.shape(1);
  require_shape(alpha, "alpha", {prelu_slopes(cols, shared)});
  require_shape(y, "y", {rows, cols});
  const T *in = input(x, "x"), *slopes = input(alpha, "alpha");
  T* out = output(y, "y");
  interruptible([&](const Context& context) { densekit::prelu(context, in, rows, cols, slopes, shared, out); });
}

template <class T> static void prelu_backward(const Contiguous<T>& dy, const Contiguous<T>& x, const Contiguous<T>& alpha, bool shared,
                                              Contiguous<T>& dx, Contiguous<T>& dalpha) {
  require(x.ndim() == 2, [&] { return "x is " + shape_text(x) + ", expected two dimensions"; });
  const index rows = x.shape(0), cols = x.shape(1);
  require_shape(dy, "dy", {rows, cols});
  require_shape(dx, "dx", {rows, cols});
  require_shape(alpha, "alpha", {prelu_slopes(cols, shared)});
  require_shape(dalpha, "dalpha", {prelu_slopes(cols, shared)});
  const T *upstream = input(dy, "dy"), *in = input(x, "x"), *slopes = input(alpha, "alpha");
  T *gradient = output(dx, "dx"), *of_slopes = output(dalpha, "dalpha");
  const Scratch scratch(prelu_backward_scratch_bytes(rows, cols));
  interruptible([&](const Context& context) {
    densekit::prelu_backward(context, upstream, in, rows, cols, slopes, shared, gradient, of_slopes, scratch.get());
  });
}

void bind_prelu(py::module_& m) {
  DENSEKIT_DEF(m, "prelu", prelu, py::arg("x").noconvert(), py::arg("alpha").noconvert(), py::arg("shared"), py::arg("y").noconvert());
  DENSEKIT_DEF(m, "prelu_backward", prelu_backward, py::arg("dy").noconvert(), py::arg("x").noconvert(), py::arg("alpha").noconvert(),
               py::arg("shared"), py::arg("dx").noconvert(), py::arg("dalpha").noconvert());
}

}  // namespace densekit::bindings
