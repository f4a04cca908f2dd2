// Instruction sets, threads and what was built.

#include "bindings/arrays.h"

// For threadpoolctl, which looks libraries up by name and calls these through ctypes.
extern "C" {
__attribute__((visibility("default"))) int densekit_get_num_threads() { return densekit::threads(); }
__attribute__((visibility("default"))) void densekit_set_num_threads(int count) {
  if (count >= 1 && count <= 1024) densekit::set_threads(count);
}
}

namespace densekit::bindings {

static std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "gcc " __VERSION__;
#else
  return "unknown";
#endif
}

static void set_road(const std::string& name) {
  if (name == "automatic") force_road(Road::automatic);
  else if (name == "direct") force_road(Road::direct);
  else if (name == "packed") force_road(Road::packed);
  else throw std::invalid_argument("road must be 'automatic', 'direct' or 'packed', got '" + name + "'");
}

void bind_runtime(py::module_& m) {
  m.attr("__version__") = DENSEKIT_VERSION;
  m.attr("compiler") = compiler();
  try {  // what the environment asks for is read now, so that a bad value stops the import
    current_context();
    thread_backend();
  } catch (const std::invalid_argument& error) {
    throw py::import_error(std::string("densekit: ") + error.what() + " (from the environment)");
  }
  m.def("levels", [] {
    std::vector<std::pair<std::string, bool>> all;
    for (const Level& level : built_levels()) all.emplace_back(level.name, level.supported);
    return all;
  });
  m.def("active_level", &active_level);
  m.def("has_bfloat16", [](int parts) { return bf16_kernels(parts) != nullptr; }, py::arg("parts") = 1);
  m.def("use_level", &use_level, py::arg("name"));
  m.def("vector_bytes", [] { return current_context().kernels<float>().gemm.tile_width / 2 * static_cast<int>(sizeof(float)); });
  m.def("threads", &threads);
  m.def("set_threads", &set_threads, py::arg("count"));
  m.def("thread_backends", &thread_backends);
  m.def("thread_backend", &thread_backend);
  m.def("use_thread_backend", &use_thread_backend, py::arg("name"));
  m.def("serial_threshold", &serial_threshold);
  m.def("set_serial_threshold", &set_serial_threshold, py::arg("nanoseconds"));
  m.def("set_all_hands", &set_all_hands, py::arg("on"));
  m.def("last_workers", &last_workers);
  m.def("set_road", &set_road, py::arg("name"));
}

}  // namespace densekit::bindings
