// Whether arrays are as the kernels want them, in one question: the common case of every call, and small calls consist of little else.
#include <pybind11/typing.h>

#include "bindings/arrays.h"

namespace densekit::bindings {
namespace {

using Arrays = py::typing::Tuple<py::object, py::ellipsis>;

bool plain(const py::handle& value, const void* type) { return static_cast<const void*>(Py_TYPE(value.ptr())) == type; }

struct Ready {
  const void* array_type;
  const void *float32, *float64;  // NumPy's own descriptors: one object each, of native order

  // read, written: arrays. True if all are exactly np.ndarray, of one shape and one dtype, float32 or float64, contiguous and
  // aligned, those written are writeable and share no memory with any other. False says nothing: they may be right all the same.
  bool operator()(const Arrays& read, const Arrays& written) const {
    using Proxy = py::detail::PyArray_Proxy;
    constexpr int flags = py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    const Proxy* first = nullptr;
    index size = 1, bytes = 0;
    const auto alike = [&](const py::handle& value, int wanted) {
      if (!plain(value, array_type)) return false;
      const Proxy* array = py::detail::array_proxy(value.ptr());
      if ((array->flags & wanted) != wanted) return false;
      if (first)
        return array->descr == first->descr && array->nd == first->nd &&
               std::equal(array->dimensions, array->dimensions + array->nd, first->dimensions);
      first = array;
      if (array->descr != float32 && array->descr != float64) return false;
      for (int d = 0; d < array->nd; ++d) size *= array->dimensions[d];
      bytes = size * (array->descr == float32 ? 4 : 8);
      return true;
    };
    for (const py::handle& value : read)
      if (!alike(value, flags)) return false;
    for (const py::handle& value : written)
      if (!alike(value, flags | py::detail::npy_api::NPY_ARRAY_WRITEABLE_)) return false;
    const auto apart = [&](const py::handle& a, const py::handle& b) {
      const char *p = py::detail::array_proxy(a.ptr())->data, *q = py::detail::array_proxy(b.ptr())->data;
      return p + bytes <= q || q + bytes <= p;
    };
    for (std::size_t i = 0; i < written.size(); ++i) {
      for (std::size_t j = i + 1; j < written.size(); ++j)
        if (!apart(written[i], written[j])) return false;
      for (const py::handle& value : read)
        if (!apart(written[i], value)) return false;
    }
    return true;
  }
};

}  // namespace

void bind_ready(py::module_& m) {
  const Ready ready{py::module_::import("numpy").attr("ndarray").ptr(), py::dtype::of<float>().ptr(), py::dtype::of<double>().ptr()};
  m.def("ready", ready, py::arg("read"), py::arg("written"),
        "Whether all arrays are alike and as the kernels want them; False says nothing.");
}

}  // namespace densekit::bindings
