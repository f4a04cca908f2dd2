#include "bindings/arrays.h"

namespace densekit::bindings {

void bind_scaling(py::module_&) {}

}  // namespace densekit::bindings
