// Penalties with their gradients, soft thresholding, clipping.
#include "ops/penalties.h"

#include "bindings/arrays.h"

namespace densekit::bindings {

template <class T> static double penalty(PenaltyKind kind, const Contiguous<T>& w, Contiguous<T>& gradient, double l1, double l2) {
  one_of(kind, "kind", 3);
  require_same_size(w, "w", gradient, "gradient");
  const T* weights = input(w, "w");
  T* out = output(gradient, "gradient");
  const index n = w.size();
  const Scratch scratch(penalty_scratch_bytes(n));
  return interruptible([&](const Context& context) { return densekit::penalty(context, kind, weights, out, n, l1, l2, scratch.get()); });
}

template <class T> static void soft_threshold(const Contiguous<T>& w, Contiguous<T>& y, double threshold) {
  require_same_size(w, "w", y, "y");
  const T* in = input(w, "w");
  T* out = output(y, "y");
  const index n = w.size();
  interruptible([&](const Context& context) { densekit::soft_threshold(context, in, out, n, threshold); });
}

template <class T> static void clip(const Contiguous<T>& x, Contiguous<T>& y, double low, double high) {
  require_same_size(x, "x", y, "y");
  const T* in = input(x, "x");
  T* out = output(y, "y");
  const index n = x.size();
  interruptible([&](const Context& context) { densekit::clip(context, in, out, n, low, high); });
}

template <class T> static double sum_of_squares(const Contiguous<T>& x, double factor) {
  const T* in = input(x, "x");
  const index n = x.size();
  const Scratch scratch(sum_of_squares_scratch_bytes(n));
  return interruptible([&](const Context& context) { return densekit::sum_of_squares(context, in, n, factor, scratch.get()); });
}

template <class T> static void scale_by(const Contiguous<T>& x, Contiguous<T>& y, double factor) {
  require_same_size(x, "x", y, "y");
  const T* in = input(x, "x");
  T* out = output(y, "y");
  const index n = x.size();
  interruptible([&](const Context& context) { densekit::scale_by(context, in, out, n, factor); });
}

void bind_penalties(py::module_& m) {
  py::enum_<PenaltyKind>(m, "Penalty")
      .value("l1", PenaltyKind::l1)
      .value("l2", PenaltyKind::l2)
      .value("elastic_net", PenaltyKind::elastic_net);
  DENSEKIT_DEF(m, "penalty", penalty, py::arg("kind"), py::arg("w").noconvert(), py::arg("gradient").noconvert(), py::arg("l1"),
               py::arg("l2"));
  DENSEKIT_DEF(m, "soft_threshold", soft_threshold, py::arg("w").noconvert(), py::arg("y").noconvert(), py::arg("threshold"));
  DENSEKIT_DEF(m, "clip", clip, py::arg("x").noconvert(), py::arg("y").noconvert(), py::arg("low"), py::arg("high"));
  DENSEKIT_DEF(m, "sum_of_squares", sum_of_squares, py::arg("x").noconvert(), py::arg("factor"));
  DENSEKIT_DEF(m, "scale_by", scale_by, py::arg("x").noconvert(), py::arg("y").noconvert(), py::arg("factor"));
}

}  // namespace densekit::bindings
