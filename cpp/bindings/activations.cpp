// Activations by name: the enumeration and the two sweeps.
#include "ops/activations.h"

#include "bindings/arrays.h"

namespace densekit::bindings {

template <class T> static void forward(Activation kind, const Contiguous<T>& z, Contiguous<T>& y, double parameter) {
  known(kind);
  require_same_size(z, "z", y, "y");
  const T* in = input(z, "z");
  T* out = output(y, "y");
  const index n = z.size();
  interruptible([&](const Context& context) { activation_forward(context, kind, in, out, n, static_cast<T>(parameter)); });
}

template <class T>
static void backward(Activation kind, const Contiguous<T>& dy, const Contiguous<T>& saved, Contiguous<T>& dz, double parameter) {
  known(kind);
  require_same_size(dy, "dy", saved, "saved");
  require_same_size(dy, "dy", dz, "dz");
  const T *upstream = input(dy, "dy"), *kept = input(saved, "saved");
  T* out = output(dz, "dz");
  const index n = dy.size();
  interruptible([&](const Context& context) { activation_backward(context, kind, upstream, kept, out, n, static_cast<T>(parameter)); });
}

void bind_activations(py::module_& m) {
  py::enum_<Activation> kinds(m, "Activation");
#define ACTIVATION(name, Functor, saves, parameter, usual, range) kinds.value(#name, Activation::name);
#include "densekit/activations.def"
#undef ACTIVATION
  m.def("saves_input", [](Activation kind) { return saves_input(known(kind)); }, py::arg("kind"));
  DENSEKIT_DEF(m, "activation_forward", forward, py::arg("kind"), py::arg("z").noconvert(), py::arg("y").noconvert(), py::arg("parameter"));
  DENSEKIT_DEF(m, "activation_backward", backward, py::arg("kind"), py::arg("dy").noconvert(), py::arg("saved").noconvert(),
               py::arg("dz").noconvert(), py::arg("parameter"));
}

}  // namespace densekit::bindings
