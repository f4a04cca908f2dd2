// Matrix products and the dense layer.
#include "ops/dense.h"

#include <optional>

#include "bindings/arrays.h"

namespace densekit::bindings {

static void require_product(const py::array& a, const char* a_name, const py::array& b, const char* b_name) {
  require(a.ndim() == 2 && b.ndim() == 2 && a.shape(1) == b.shape(0),
          [&] { return std::string(a_name) + " is " + shape_text(a) + " but " + b_name + " is " + shape_text(b); });
}

// y = activation(x w + b); saved, if given, receives what the slope is computed from.
template <class T> static void dense(const Strided<T>& x, const Strided<T>& w, const std::optional<Contiguous<T>>& b, Activation activation,
                                     double parameter, Contiguous<T>& y, std::optional<Contiguous<T>> saved, int bfloat16s) {
  require_product(x, "x", w, "w");
  const View<T> xv = matrix(x, "x"), wv = matrix(w, "w");
  const index m = xv.rows, n = wv.cols;
  if (b) require_shape(*b, "b", {n});
  require_shape(y, "y", {m, n});
  if (saved) require_shape(*saved, "saved", {m, n});
  const Epilogue<T> epilogue{b ? input(*b, "b") : nullptr, known(activation), static_cast<T>(parameter),
                             saved ? output(*saved, "saved") : nullptr};
  T* out = output(y, "y");
  Context context = current_context();
  context.bf16 = bf16_kernels(bfloat16s);
  const Scratch scratch(matmul_scratch_bytes<T>(context, m, n, xv.cols));
  py::gil_scoped_release unlocked;
  matmul(context, xv, wv, out, epilogue, scratch.get());
}

template <class T> static void dense_backward(const Contiguous<T>& dz, const Strided<T>& x, const Strided<T>& w, Contiguous<T>& dx,
                                              Contiguous<T>& dw, Contiguous<T>& db) {
  require_product(x, "x", w, "w");
  const View<T> xv = matrix(x, "x"), wv = matrix(w, "w");
  const index m = xv.rows, n = wv.cols, k = xv.cols;
  require_shape(dz, "dz", {m, n});
  require_shape(dx, "dx", {m, k});
  require_shape(dw, "dw", {k, n});
  require_shape(db, "db", {n});
  const DenseGradients<T> out{output(dx, "dx"), output(dw, "dw"), output(db, "db")};
  const T* gradient = input(dz, "dz");
  const Context context = current_context();
  const Scratch scratch(dense_backward_scratch_bytes<T>(context, m, n, k));
  py::gil_scoped_release unlocked;
  densekit::dense_backward(context, gradient, xv, wv, out, scratch.get());
}

void bind_dense(py::module_& m) {
  DENSEKIT_DEF(m, "dense", dense, py::arg("x").noconvert(), py::arg("w").noconvert(), py::arg("b").noconvert().none(true),
               py::arg("activation"), py::arg("parameter"), py::arg("y").noconvert(), py::arg("saved").noconvert().none(true),
               py::arg("bfloat16s") = 0);
  DENSEKIT_DEF(m, "dense_backward", dense_backward, py::arg("dz").noconvert(), py::arg("x").noconvert(), py::arg("w").noconvert(),
               py::arg("dx").noconvert(), py::arg("dw").noconvert(), py::arg("db").noconvert());
}

}  // namespace densekit::bindings
