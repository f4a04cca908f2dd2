#include "bindings/arrays.h"

namespace densekit::bindings {

void bind_information(py::module_&) {}

}  // namespace densekit::bindings
