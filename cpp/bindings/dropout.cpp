#include "bindings/arrays.h"

namespace densekit::bindings {

void bind_dropout(py::module_&) {}

}  // namespace densekit::bindings
