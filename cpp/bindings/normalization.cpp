#include "bindings/arrays.h"

namespace densekit::bindings {

void bind_normalization(py::module_&) {}

}  // namespace densekit::bindings
