// The spec of a network as text: read, checked, and written in one way. And the initial values that it describes.
#include "densekit/spec.h"

#include <pybind11/typing.h>

#include "bindings/arrays.h"
#include "train/initialize.h"
#include "train/plan.h"
#include "train/update.h"
#include "train/validate.h"

namespace densekit::bindings {

static std::string normalize_spec(const std::string& text) { return to_json(spec_from_json(text)); }

// What a network of this spec keeps, without making it: its segments, parameters first; the length of its flat
// parameters, gaps included; and how many arrays of that length the optimizer has.
static py::typing::Dict<py::str, py::object> spec_layout(const std::string& text) {
  const Spec spec = spec_from_json(text);
  const Plan plan = make_plan(spec, spec.fuse);
  py::list segments;
  for (const auto* list : {&plan.parameters, &plan.statistics})
    for (const Segment& s : *list) {
      py::dict d;
      d["layer"] = s.layer;
      d["name"] = s.name;
      d["shape"] = py::tuple(py::cast(s.shape));
      segments.append(d);
    }
  py::typing::Dict<py::str, py::object> layout;
  layout["segments"] = segments;
  layout["parameters"] = plan.parameter_count;
  layout["states"] = spec.optimizer ? slots_of(spec.optimizer->is) : 0;
  return layout;
}

static py::object from_json(const std::string& text) { return py::module_::import("json").attr("loads")(text); }

// initializer: its fields in the spec.
template <class T> static void initialize(const py::typing::Dict<py::str, py::object>& initializer, std::uint64_t seed, index segment,
                                          double fan_in, double fan_out, Contiguous<T>& out) {
  const Initializer parsed = initializer_from_json(py::module_::import("json").attr("dumps")(initializer).cast<std::string>());
  const std::vector<index> shape(out.shape(), out.shape() + out.ndim());
  T* values = output(out, "out");
  interruptible([&](const Context& context) { densekit::initialize(context, parsed, seed, segment, shape, fan_in, fan_out, values); });
}

void bind_spec(py::module_& m) {
  m.def("normalize_spec", &normalize_spec, py::arg("text"));
  m.def("spec_layout", &spec_layout, py::arg("text"));
  m.def("kinds", [] { return py::typing::Dict<py::str, py::object>(from_json(kinds_json())); });
  DENSEKIT_DEF(m, "initialize", initialize, py::arg("initializer"), py::arg("seed"), py::arg("segment"), py::arg("fan_in"),
               py::arg("fan_out"), py::arg("out").noconvert());
}

}  // namespace densekit::bindings
