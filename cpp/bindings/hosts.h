// Layers and losses written in Python, as the engine's host layers and losses.
#pragma once
#include "bindings/arrays.h"
#include "densekit/network_class.h"

namespace densekit::bindings {

// Calls of Python's, each by itself in surviving_exit: there Python code runs, or NumPy gives the lock away while it copies.
template <class... Arguments> py::object call_python(const py::object& callable, const Arguments&... arguments) {
  PyObject* const stack[] = {arguments.ptr()...};
  PyObject* const result = surviving_exit([&] { return PyObject_Vectorcall(callable.ptr(), stack, sizeof...(arguments), nullptr); });
  if (!result) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(result);
}
inline py::object attribute(const py::object& object, const char* name) {
  PyObject* const result = surviving_exit([&] { return PyObject_GetAttrString(object.ptr(), name); });
  if (!result) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(result);
}

// Arrays are copied in and out: Python may keep what it was given. One object serves as many networks as want it.
template <class T> class PythonHost {
 public:
  PythonHost(py::object object, std::string name, index inputs, index outputs, std::vector<std::vector<index>> shapes)
      : object_(std::move(object)), name_(std::move(name)), inputs_(inputs), outputs_(outputs), shapes_(std::move(shapes)) {}
  explicit PythonHost(py::object loss) : object_(std::move(loss)) {}

  HostLayer layer() { return {this, forward, backward, release}; }
  HostLoss loss() { return {this, call}; }

 private:
  static py::array_t<T> copy(const void* data, std::vector<py::ssize_t> shape) { return new_array(static_cast<const T*>(data), shape); }
  py::list parameters(const void* const* pointers) const {
    py::list all;
    for (std::size_t i = 0; i < shapes_.size(); ++i) all.append(copy(pointers[i], {shapes_[i].begin(), shapes_[i].end()}));
    return all;
  }
  using Array = py::array_t<T, py::array::c_style | py::array::forcecast>;
  static Array array_of(const py::handle& value) {
    return surviving_exit([&] { return Array::ensure(value); });
  }
  void take(const py::object& result, const char* what, index rows, index cols, void* to) const {
    const auto array = array_of(result);
    if (!array) {
      PyErr_Clear();
      throw py::type_error(name_ + ": " + what + " is " + std::string(py::str(py::type::of(result))) + ", expected an array of floats");
    }
    require(array.ndim() == 2 && array.shape(0) == rows && array.shape(1) == cols, [&] {
      return name_ + ": " + what + " is " + shape_text(array) + ", expected (" + std::to_string(rows) + ", " + std::to_string(cols) + ")";
    });
    std::copy_n(array.data(), rows * cols, static_cast<T*>(to));
  }

  static void forward(void* self, const void* x, index rows, const void* const* pointers, bool training, void* y, void** saved) {
    const Locked locked;
    const PythonHost& host = *static_cast<PythonHost*>(self);
    const py::object pair =
        call_python(attribute(host.object_, "forward"), copy(x, {rows, host.inputs_}), host.parameters(pointers), py::bool_(training));
    if (!py::isinstance<py::tuple>(pair) || py::len(pair) != 2) throw py::type_error(host.name_ + ": forward must return (y, saved)");
    host.take(pair[py::int_(0)], "y of forward", rows, host.outputs_, y);
    *saved = py::object(pair[py::int_(1)]).release().ptr();
  }
  static void backward(void* self, const void* dy, index rows, void* saved, const void* const* pointers, void* const* gradients, void* dx) {
    const Locked locked;
    const PythonHost& host = *static_cast<PythonHost*>(self);
    py::list to_fill;
    for (const auto& shape : host.shapes_) {
      py::array_t<T> zeros(std::vector<py::ssize_t>(shape.begin(), shape.end()));
      std::fill_n(zeros.mutable_data(), zeros.size(), T(0));
      to_fill.append(zeros);
    }
    const py::object kept = saved ? py::reinterpret_borrow<py::object>(static_cast<PyObject*>(saved)) : py::none();
    const py::object result =
        call_python(attribute(host.object_, "backward"), copy(dy, {rows, host.outputs_}), kept, host.parameters(pointers), to_fill);
    host.take(result, "dx of backward", rows, host.inputs_, dx);
    const auto replaced = [&] { return host.name_ + ": backward must fill the arrays of `gradients`, not replace them"; };
    require(to_fill.size() == host.shapes_.size(), replaced);
    for (std::size_t i = 0; i < host.shapes_.size(); ++i) {
      const Array array = array_of(to_fill[i]);
      std::vector<index> shape(array ? array.shape() : nullptr, array ? array.shape() + array.ndim() : nullptr);
      require(array && shape == host.shapes_[i], replaced);
      if (gradients[i]) std::copy_n(array.data(), array.size(), static_cast<T*>(gradients[i]));
    }
  }
  static void release(void*, void* saved) {
    const Locked locked;
    surviving_exit([&] { Py_DECREF(static_cast<PyObject*>(saved)); });
  }
  static double call(void* self, const void* scores, index rows, index cols, const void* given, void* gradient) {
    const Locked locked;
    const PythonHost& host = *static_cast<PythonHost*>(self);
    const BatchTargets<T>& targets = *static_cast<const BatchTargets<T>*>(given);
    const py::object y =
        targets.labels ? py::object(new_array(targets.labels, {rows})) : py::object(copy(targets.values, {rows, targets.width}));
    const py::object weights = targets.weights ? py::object(new_array(targets.weights, {rows})) : py::object(py::none());
    const py::object pair = call_python(host.object_, copy(scores, {rows, cols}), y, weights);
    if (!py::isinstance<py::tuple>(pair) || py::len(pair) != 2) throw py::type_error("a loss must return (loss, gradient)");
    host.take(pair[py::int_(1)], "gradient of the loss", rows, cols, gradient);
    const py::object value = pair[py::int_(0)];
    const double loss = surviving_exit([&] { return PyFloat_AsDouble(value.ptr()); });
    if (loss == -1 && PyErr_Occurred()) {
      PyErr_Clear();
      throw py::type_error("a loss must return (loss, gradient), the loss a number, got " + std::string(py::repr(value)));
    }
    return loss;
  }

  py::object object_;
  std::string name_ = "loss";
  index inputs_ = 0, outputs_ = 0;
  std::vector<std::vector<index>> shapes_;
};

}  // namespace densekit::bindings
