// The extension module: a table of contents.
#include "bindings/arrays.h"

PYBIND11_MODULE(core_of_the_main_interpreter, m, pybind11::mod_gil_not_used()) {
  using namespace densekit::bindings;
  ReadyToThrow();  // lays by what threads may need for it
  m.doc() = "Compiled kernels. Strict about dtypes and layouts; densekit.functional is the kind face.";
  bind_runtime(m);
  bind_ready(m);
  bind_activations(m);  // before dense, whose signatures name its enumeration
  bind_dense(m);
  bind_softmax(m);
  bind_optimizers(m);
  bind_losses(m);
  bind_information(m);
  bind_normalization(m);
  bind_dropout(m);
  bind_noise(m);
  bind_penalties(m);
  bind_norms(m);
  bind_prelu(m);
  bind_scaling(m);
  bind_distances(m);
  bind_math(m);
  bind_spec(m);
  bind_network(m);
}

// What Python calls. Only the main interpreter may have the module: NumPy, without which it is nothing, keeps objects that belong to one
// interpreter, and PyGILState, which NumPy relies on, knows only the main one. Refused before anything of pybind11's waits for a lock.
extern "C" PYBIND11_EXPORT PyObject* PyInit__core() {
  if (PyInterpreterState_Get() == PyInterpreterState_Main()) return PyInit_core_of_the_main_interpreter();
  PyErr_SetString(PyExc_ImportError,
                  "densekit works only in the main interpreter of a process, like NumPy; this is a subinterpreter. Under mod_wsgi set "
                  "'WSGIApplicationGroup %{GLOBAL}'; for parallel work use processes (multiprocessing, "
                  "concurrent.futures.ProcessPoolExecutor) or threads: densekit releases the interpreter lock");
  return nullptr;
}
