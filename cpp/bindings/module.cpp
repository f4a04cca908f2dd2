// The extension module: a table of contents.
#include "bindings/arrays.h"

PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
  using namespace densekit::bindings;
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
  bind_scaling(m);
  bind_distances(m);
  bind_math(m);
  bind_spec(m);
  bind_network(m);
}
