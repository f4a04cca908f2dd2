// Updates in place.
#include "ops/optimizers.h"

#include "bindings/arrays.h"

namespace densekit::bindings {

template <class T> static void sgd(Contiguous<T>& p, const Contiguous<T>& g, double keep, double rate) {
  require_same_size(p, "p", g, "g");
  T* parameters = output(p, "p");
  const T* gradient = input(g, "g");
  py::gil_scoped_release unlocked;
  densekit::sgd(current_context(), parameters, gradient, p.size(), keep, rate);
}

void bind_optimizers(py::module_& m) {
  DENSEKIT_DEF(m, "sgd", sgd, py::arg("p").noconvert(), py::arg("g").noconvert(), py::arg("keep"), py::arg("rate"));
}

}  // namespace densekit::bindings
