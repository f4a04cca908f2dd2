// Matrix products and the dense layer.
#include "ops/dense.h"

#include <optional>

#include "bindings/arrays.h"

namespace densekit::bindings {

static void require_product(const py::array& a, const char* a_name, const py::array& b, const char* b_name) {
  require(a.ndim() == 2 && b.ndim() == 2 && a.shape(1) == b.shape(0),
          [&] { return std::string(a_name) + " is " + shape_text(a) + " but " + b_name + " is " + shape_text(b); });
}

// y = activation(x w + b) with memory of its own: what both ways of a call come to.
template <class T> static void product(const View<T>& x, const View<T>& w, const Epilogue<T>& epilogue, T* y, int bfloat16s = 0) {
  Context context = current_context();
  context.bf16 = bf16_kernels(bfloat16s);
  const Scratch scratch(matmul_scratch_bytes<T>(context, x.rows, w.cols, x.cols));
  interruptible(context, [&](const Context& c) { matmul(c, x, w, y, epilogue, scratch.get()); });
}

// Of arrays of any strides. saved, if given, receives what the slope is computed from.
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
  product(xv, wv, epilogue, output(y, "y"), bfloat16s);
}

// The same for arrays that need no conversion; y is `out`, or new if that is None. Returns None where the long way must look.
template <class T> static std::optional<View<T>> plain_matrix(const Plain::Array* a) {
  constexpr index size = sizeof(T);
  if (a->nd != 2 || a->strides[0] % size != 0 || a->strides[1] % size != 0) return std::nullopt;
  return View<T>{reinterpret_cast<const T*>(a->data), a->dimensions[0], a->dimensions[1], a->strides[0] / size, a->strides[1] / size};
}
template <class T> static py::object plain_dense_of(const Plain::Array* x, const Plain::Array* w, const Plain::Array* b,
                                                    Activation activation, double parameter, const py::object& out) {
  const auto xv = plain_matrix<T>(x), wv = plain_matrix<T>(w);
  if (!xv || !wv || xv->cols != wv->rows) return py::none();
  const index m = xv->rows, n = wv->cols;
  if (b && (b->nd != 1 || b->dimensions[0] != n || !Plain::contiguous(b))) return py::none();
  py::object y = out;
  if (out.is_none()) {
    y = py::array_t<T>({m, n});
  } else {
    const Plain::Array* given = Plain::array(out);
    if (!given || given->descr != x->descr || given->nd != 2 || given->dimensions[0] != m || given->dimensions[1] != n) return py::none();
    if (!Plain::contiguous(given) || !Plain::writeable(given)) return py::none();
    for (const Plain::Array* input : {x, w, b})
      if (input && (!Plain::contiguous(input) || !Plain::apart(input, given))) return py::none();
  }
  const Epilogue<T> epilogue{b ? reinterpret_cast<const T*>(b->data) : nullptr, activation, static_cast<T>(parameter)};
  product(*xv, *wv, epilogue, reinterpret_cast<T*>(py::detail::array_proxy(y.ptr())->data));
  return y;
}
static py::object plain_dense(const py::object& x, const py::object& w, const py::object& b, Activation activation, double parameter,
                              const py::object& out) {
  known(activation);
  const Plain::Array *xa = Plain::array(x), *wa = Plain::array(w), *ba = b.is_none() ? nullptr : Plain::array(b);
  if (!xa || !wa || xa->descr != wa->descr || (!b.is_none() && (!ba || ba->descr != xa->descr))) return py::none();
  return xa->descr == Plain::float32 ? plain_dense_of<float>(xa, wa, ba, activation, parameter, out)
                                     : plain_dense_of<double>(xa, wa, ba, activation, parameter, out);
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
  interruptible(context, [&](const Context& c) { densekit::dense_backward(c, gradient, xv, wv, out, scratch.get()); });
}

void bind_dense(py::module_& m) {
  DENSEKIT_DEF(m, "dense", dense, py::arg("x").noconvert(), py::arg("w").noconvert(), py::arg("b").noconvert().none(true),
               py::arg("activation"), py::arg("parameter"), py::arg("y").noconvert(), py::arg("saved").noconvert().none(true),
               py::arg("bfloat16s") = 0);
  m.def("plain_dense", &plain_dense, py::arg("x"), py::arg("w"), py::arg("b"), py::arg("activation"), py::arg("parameter"), py::arg("out"),
        "y of arrays that need no conversion, or None: then the long way must look at them.");
  DENSEKIT_DEF(m, "dense_backward", dense_backward, py::arg("dz").noconvert(), py::arg("x").noconvert(), py::arg("w").noconvert(),
               py::arg("dx").noconvert(), py::arg("dw").noconvert(), py::arg("db").noconvert());
}

}  // namespace densekit::bindings
