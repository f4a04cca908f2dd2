#include "bindings/arrays.h"

namespace densekit::bindings {

void bind_norms(py::module_&) {}

}  // namespace densekit::bindings
