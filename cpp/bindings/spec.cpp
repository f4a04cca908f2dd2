// The spec of a network as text: read, checked, and written in one way.
#include "densekit/spec.h"

#include "bindings/arrays.h"

namespace densekit::bindings {

static std::string normalize_spec(const std::string& text) { return to_json(spec_from_json(text)); }

void bind_spec(py::module_& m) { m.def("normalize_spec", &normalize_spec, py::arg("text")); }

}  // namespace densekit::bindings
