// NumPy arrays at the door. The binding is strict (exact dtype, shape and layout); Python has converted before.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <type_traits>

#include "bindings/interpreter_lock.h"
#include "bindings/scratch.h"
#include "core/arena.h"
#include "core/context.h"
#include "core/view.h"

namespace densekit::bindings {

namespace py = pybind11;

template <class T> using Contiguous = py::array_t<T, py::array::c_style>;  // use with py::arg().noconvert()
template <class T> using Strided = py::array_t<T, 0>;

inline std::string shape_text(const py::array& a) { return py::str(a.attr("shape")); }

// message: text, or a function that makes it, so that a call which is right does not.
template <class Message> void require(bool condition, const Message& message) {
  if (condition) return;
  if constexpr (std::is_invocable_v<const Message&>) throw std::invalid_argument(message());
  else throw std::invalid_argument(message);
}
inline void require_aligned(const py::array& a, const char* name) {
  require(reinterpret_cast<std::uintptr_t>(a.data()) % static_cast<std::uintptr_t>(a.itemsize()) == 0,
          [&] { return std::string(name) + " is not aligned to its item size"; });
}
inline void require_shape(const py::array& a, const char* name, std::initializer_list<index> shape) {
  require(std::equal(shape.begin(), shape.end(), a.shape(), a.shape() + a.ndim()), [&] {
    std::string expected;
    for (const index length : shape) expected += (expected.empty() ? "" : ", ") + std::to_string(length);
    return std::string(name) + " is " + shape_text(a) + ", expected (" + expected + ")";
  });
}
template <class A, class B> void require_same_size(const A& a, const char* a_name, const B& b, const char* b_name) {
  require(a.size() == b.size(), [&] { return std::string(a_name) + " is " + shape_text(a) + " but " + b_name + " is " + shape_text(b); });
}

// An enumeration can be made from any number in Python: Kind(999) must not become an index.
template <class E> E one_of(E value, const char* name, int count) {
  const int number = static_cast<int>(value);
  require(number >= 0 && number < count,
          [&] { return std::string(name) + " " + std::to_string(number) + " is not one of the " + std::to_string(count) + " there are"; });
  return value;
}
inline Activation known(Activation kind) { return one_of(kind, "activation", activation_count); }

// A copy as a new array. NumPy's own copying would give the interpreter lock away.
template <class T> py::array_t<T> new_array(const T* data, const std::vector<py::ssize_t>& shape) {
  py::array_t<T> a(shape);
  std::copy_n(data, a.size(), a.mutable_data());
  return a;
}

template <class T> const T* input(const Contiguous<T>& a, const char* name) {
  require_aligned(a, name);
  return a.data();
}
template <class T> T* output(Contiguous<T>& a, const char* name) {
  require_aligned(a, name);
  return a.mutable_data();  // throws if it is read-only
}
template <class T> View<T> matrix(const Strided<T>& a, const char* name) {
  require(a.ndim() == 2, [&] { return std::string(name) + " is " + shape_text(a) + ", expected two dimensions"; });
  require_aligned(a, name);
  const index size = sizeof(T);
  require(a.strides(0) % size == 0 && a.strides(1) % size == 0,
          [&] { return std::string(name) + " has strides that are no multiple of its item size"; });
  return {a.data(), a.shape(0), a.shape(1), a.strides(0) / size, a.strides(1) / size};
}

// An array that needs no conversion: exactly np.ndarray, float32 or float64 in native order, aligned. Null if it is something else,
// which may be right all the same. NumPy has one descriptor object of each type; bind_ready looks them up.
struct Plain {
  using Array = py::detail::PyArray_Proxy;
  static inline const void *array_type = nullptr, *float32 = nullptr, *float64 = nullptr;
  static const Array* array(const py::handle& value) {
    if (static_cast<const void*>(Py_TYPE(value.ptr())) != array_type) return nullptr;
    const Array* found = py::detail::array_proxy(value.ptr());
    const bool aligned = found->flags & py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    return aligned && (found->descr == float32 || found->descr == float64) ? found : nullptr;
  }
  static bool contiguous(const Array* a) { return a->flags & py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_; }
  static bool writeable(const Array* a) { return a->flags & py::detail::npy_api::NPY_ARRAY_WRITEABLE_; }
  static index bytes(const Array* a) {
    index bytes = a->descr == float32 ? 4 : 8;
    for (int d = 0; d < a->nd; ++d) bytes *= a->dimensions[d];
    return bytes;
  }
  // Contiguous arrays that share no memory.
  static bool apart(const Array* a, const Array* b) { return a->data + bytes(a) <= b->data || b->data + bytes(b) <= a->data; }
};

// Defines one function for float32 and one for float64; which one runs is chosen by the dtype of the arrays.
#define DENSEKIT_DEF(module, name, function, ...)                                  \
  module.def(name, &function<float>, __VA_ARGS__, py::call_guard<ReadyToThrow>()); \
  module.def(name, &function<double>, __VA_ARGS__, py::call_guard<ReadyToThrow>())

// One line a family: the file of that name defines it.
void bind_runtime(py::module_& m);
void bind_ready(py::module_& m);
void bind_dense(py::module_& m);
void bind_activations(py::module_& m);
void bind_softmax(py::module_& m);
void bind_optimizers(py::module_& m);
void bind_losses(py::module_& m);
void bind_information(py::module_& m);
void bind_normalization(py::module_& m);
void bind_dropout(py::module_& m);
void bind_noise(py::module_& m);
void bind_penalties(py::module_& m);
void bind_norms(py::module_& m);
void bind_prelu(py::module_& m);
void bind_scaling(py::module_& m);
void bind_distances(py::module_& m);
void bind_math(py::module_& m);
void bind_spec(py::module_& m);
void bind_network(py::module_& m);

}  // namespace densekit::bindings
