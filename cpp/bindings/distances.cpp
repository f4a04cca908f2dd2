#include "bindings/arrays.h"

namespace densekit::bindings {

void bind_distances(py::module_&) {}

}  // namespace densekit::bindings
