// Distances between rows.
#include "ops/distances.h"

#include "bindings/arrays.h"

namespace densekit::bindings {

template <class T>
static void distances(const Contiguous<T>& x, const Contiguous<T>& y, Metric metric, double p, bool precise, Contiguous<T>& out) {
  require(x.ndim() == 2 && y.ndim() == 2 && x.shape(1) == y.shape(1),
          [&] { return "x is " + shape_text(x) + " but y is " + shape_text(y); });
  one_of(metric, "metric", 4);
  require(p > 0, "p must be greater than 0");
  const index rows = x.shape(0), cols = y.shape(0), depth = x.shape(1);
  require_shape(out, "out", {rows, cols});
  const T *left = input(x, "x"), *right = input(y, "y");
  T* target = output(out, "out");
  const Context context = current_context();
  const Scratch scratch(distances_scratch_bytes<T>(context, rows, cols, depth, metric, precise));
  interruptible(context, [&](const Context& c) {
    densekit::distances(c, left, right, rows, cols, depth, metric, p, precise, target, scratch.get());
  });
}

void bind_distances(py::module_& m) {
  py::enum_<Metric>(m, "Metric").value("l1", Metric::l1).value("l2", Metric::l2).value("linf", Metric::linf).value("lp", Metric::lp);
  DENSEKIT_DEF(m, "distances", distances, py::arg("x").noconvert(), py::arg("y").noconvert(), py::arg("metric"), py::arg("p"),
               py::arg("precise"), py::arg("out").noconvert());
}

}  // namespace densekit::bindings
