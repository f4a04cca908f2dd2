#include "bindings/arrays.h"

namespace densekit::bindings {

void bind_penalties(py::module_&) {}

}  // namespace densekit::bindings
