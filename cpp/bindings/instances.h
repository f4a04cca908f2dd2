// Python objects that own what C++ has made, where there may be no memory for them. pybind11 writes each into a table, which takes
// memory, and when that fails it throws outside of its try block (py::init) or deletes the object twice (a unique_ptr as a result).
#pragma once
#include <pybind11/pybind11.h>

#include <memory>

namespace densekit::bindings {

namespace py = pybind11;

// An object of the class that C++ type has in Python.
template <class C> class Instance : public py::object {
 public:
  explicit Instance(std::unique_ptr<C> made) : py::object(empty()) {
    auto* self = reinterpret_cast<py::detail::instance*>(ptr());
    auto place = self->get_value_and_holder(py::detail::get_type_info(typeid(C)));
    hold(place, std::move(made));
  }

  // Gives `made` to an object that is empty yet.
  static void hold(py::detail::value_and_holder& place, std::unique_ptr<C> made) {
    place.value_ptr() = made.get();
    try {
      place.type->init_instance(place.inst, &made);  // takes it out of `made`
    } catch (...) {
      place.value_ptr() = nullptr;
      throw;
    }
  }

 private:
  static py::object empty() {
    const py::type type = py::type::of<C>();
    return type.attr("__new__")(type);
  }
};

// A constructor from arguments of these types: .def("__init__", construct<C, Arguments...>(), Constructor(), ...)
using Constructor = py::detail::is_new_style_constructor;
template <class C, class... Arguments> auto construct() {
  return [](py::detail::value_and_holder& place, Arguments... arguments) {
    Instance<C>::hold(place, std::make_unique<C>(std::forward<Arguments>(arguments)...));
  };
}

}  // namespace densekit::bindings

template <class C> struct pybind11::detail::handle_type_name<densekit::bindings::Instance<C>> {
  static constexpr auto name = const_name<C>();
};
