// Whether arrays are as the kernels want them, in one question: the common case of every call, and small calls consist of little else.
#include <pybind11/typing.h>

#include "bindings/arrays.h"

namespace densekit::bindings {

using Arrays = py::typing::Tuple<py::object, py::ellipsis>;

// read, written: arrays. True if all are plain, of one shape and one dtype and contiguous, those written are writeable and share no
// memory with any other. False says nothing: they may be right all the same.
static bool ready(const Arrays& read, const Arrays& written) {
  const Plain::Array* first = nullptr;
  const auto alike = [&](const py::handle& value) -> const Plain::Array* {
    const Plain::Array* array = Plain::array(value);
    if (!array || !Plain::contiguous(array)) return nullptr;
    if (!first) first = array;
    const bool same = array->descr == first->descr && array->nd == first->nd &&
                      std::equal(array->dimensions, array->dimensions + array->nd, first->dimensions);
    return same ? array : nullptr;
  };
  for (const py::handle& value : read)
    if (!alike(value)) return false;
  for (std::size_t i = 0; i < written.size(); ++i) {
    const Plain::Array* target = alike(written[i]);
    if (!target || !Plain::writeable(target)) return false;
    for (const py::handle& value : read)
      if (!Plain::apart(target, Plain::array(value))) return false;
    for (std::size_t j = 0; j < i; ++j)
      if (!Plain::apart(target, Plain::array(written[j]))) return false;
  }
  return true;
}

void bind_ready(py::module_& m) {
  Plain::array_type = py::module_::import("numpy").attr("ndarray").ptr();
  Plain::float32 = py::dtype::of<float>().ptr();
  Plain::float64 = py::dtype::of<double>().ptr();
  m.def("ready", &ready, py::arg("read"), py::arg("written"),
        "Whether all arrays are alike and as the kernels want them; False says nothing.");
}

}  // namespace densekit::bindings
