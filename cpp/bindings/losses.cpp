#include "bindings/arrays.h"

namespace densekit::bindings {

void bind_losses(py::module_&) {}

}  // namespace densekit::bindings
