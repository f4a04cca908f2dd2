// The spec of a network as text: read, checked, and written in one way. And the initial values that it describes.
#include "densekit/spec.h"

#include <pybind11/typing.h>

#include "bindings/arrays.h"
#include "train/initialize.h"

namespace densekit::bindings {

static std::string normalize_spec(const std::string& text) { return to_json(spec_from_json(text)); }

template <class V> static void take(const py::dict& fields, const char* key, V& target) {
  if (fields.contains(key)) target = fields[key].cast<V>();
}

// initializer: its fields in the spec.
template <class T> static void initialize(const py::typing::Dict<py::str, py::object>& initializer, std::uint64_t seed, index segment,
                                          double fan_in, double fan_out, Contiguous<T>& out) {
  InitializerSpec s;
  take(initializer, "kind", s.kind);
  take(initializer, "value", s.value);
  take(initializer, "low", s.low);
  take(initializer, "high", s.high);
  take(initializer, "mean", s.mean);
  take(initializer, "std", s.std);
  take(initializer, "scale", s.scale);
  take(initializer, "gain", s.gain);
  take(initializer, "mode", s.mode);
  take(initializer, "distribution", s.distribution);
  const std::vector<index> shape(out.shape(), out.shape() + out.ndim());
  T* values = output(out, "out");
  py::gil_scoped_release unlocked;
  densekit::initialize(s, seed, segment, shape, fan_in, fan_out, values);
}

void bind_spec(py::module_& m) {
  m.def("normalize_spec", &normalize_spec, py::arg("text"));
  DENSEKIT_DEF(m, "initialize", initialize, py::arg("initializer"), py::arg("seed"), py::arg("segment"), py::arg("fan_in"),
               py::arg("fan_out"), py::arg("out").noconvert());
}

}  // namespace densekit::bindings
