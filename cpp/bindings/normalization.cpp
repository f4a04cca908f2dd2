// Batch normalisation over (outer, channels, inner) and layer normalisation over (rows, cols). `saved` is float64 (2, n):
// means, and inverse standard deviations.
#include "ops/normalization.h"

#include "bindings/channels.h"

namespace densekit::bindings {

static void require_saved(const Contiguous<double>& saved, index n) { require_shape(saved, "saved", {2, n}); }

template <class T> static void batch_norm(const Contiguous<T>& x, const std::optional<Contiguous<T>>& gamma,
                                          const std::optional<Contiguous<T>>& beta, double eps, std::optional<Contiguous<T>> running_mean,
                                          std::optional<Contiguous<T>> running_var, double decay, bool unbiased, Contiguous<double>& saved,
                                          Contiguous<T>& y) {
  const ChannelShape shape = channel_shape(x, "x");
  require_values(shape, x);
  require_saved(saved, shape.channels);
  require_shape(y, "y", {shape.outer, shape.channels, shape.inner});
  const RunningStatistics<T> running{optional_output(running_mean, "running_mean", shape.channels),
                                     optional_output(running_var, "running_var", shape.channels), decay, unbiased};
  const T *in = input(x, "x"), *scale = optional_input(gamma, "gamma", shape.channels),
          *shift = optional_input(beta, "beta", shape.channels);
  double* statistics = output(saved, "saved");
  T* out = output(y, "y");
  const Scratch scratch(batch_norm_scratch_bytes<T>(shape));
  interruptible([&](const Context& context) {
    densekit::batch_norm(context, in, shape, eps, running, scale, shift, statistics, statistics + shape.channels, out, scratch.get());
  });
}

template <class T> static void normalize(const Contiguous<T>& x, const Contiguous<double>& mean, const Contiguous<double>& inverse,
                                         const std::optional<Contiguous<T>>& gamma, const std::optional<Contiguous<T>>& beta,
                                         Contiguous<T>& y) {
  const ChannelShape shape = channel_shape(x, "x");
  require_shape(mean, "mean", {shape.channels});
  require_shape(inverse, "inverse", {shape.channels});
  require_shape(y, "y", {shape.outer, shape.channels, shape.inner});
  const T *in = input(x, "x"), *scale = optional_input(gamma, "gamma", shape.channels),
          *shift = optional_input(beta, "beta", shape.channels);
  const double *centers = input(mean, "mean"), *factors = input(inverse, "inverse");
  T* out = output(y, "y");
  const Scratch scratch(normalize_scratch_bytes<T>(shape));
  interruptible(
      [&](const Context& context) { densekit::normalize(context, in, shape, centers, factors, scale, shift, out, scratch.get()); });
}

template <class T> static NormGradients<T> gradients(Contiguous<T>& dx, Contiguous<T>& dgamma, Contiguous<T>& dbeta, index n) {
  require_shape(dgamma, "dgamma", {n});
  require_shape(dbeta, "dbeta", {n});
  return {output(dx, "dx"), output(dgamma, "dgamma"), output(dbeta, "dbeta")};
}

template <class T> static void batch_norm_backward(const Contiguous<T>& dy, const Contiguous<T>& x, const Contiguous<double>& saved,
                                                   const std::optional<Contiguous<T>>& gamma, bool training, Contiguous<T>& dx,
                                                   Contiguous<T>& dgamma, Contiguous<T>& dbeta) {
  const ChannelShape shape = channel_shape(x, "x");
  require_shape(dy, "dy", {shape.outer, shape.channels, shape.inner});
  require_shape(dx, "dx", {shape.outer, shape.channels, shape.inner});
  require_saved(saved, shape.channels);
  const T *upstream = input(dy, "dy"), *in = input(x, "x"), *scale = optional_input(gamma, "gamma", shape.channels);
  const double* mean = input(saved, "saved");
  const NormGradients<T> out = gradients(dx, dgamma, dbeta, shape.channels);
  const Scratch scratch(batch_norm_backward_scratch_bytes<T>(shape));
  interruptible([&](const Context& context) {
    densekit::batch_norm_backward(context, upstream, in, shape, mean, mean + shape.channels, scale, training, out, scratch.get());
  });
}

template <class T> static void layer_norm(const Contiguous<T>& x, double eps, const std::optional<Contiguous<T>>& gamma,
                                          const std::optional<Contiguous<T>>& beta, Contiguous<double>& saved, Contiguous<T>& y) {
  require(x.ndim() == 2, [&] { return "x is " + shape_text(x) + ", expected two dimensions"; });
  const index rows = x.shape(0), cols = x.shape(1);
  require_shape(y, "y", {rows, cols});
  require_saved(saved, rows);
  const T *in = input(x, "x"), *scale = optional_input(gamma, "gamma", cols), *shift = optional_input(beta, "beta", cols);
  double* mean = output(saved, "saved");
  T* out = output(y, "y");
  interruptible([&](const Context& context) { densekit::layer_norm(context, in, rows, cols, eps, scale, shift, mean, mean + rows, out); });
}

template <class T> static void layer_norm_backward(const Contiguous<T>& dy, const Contiguous<T>& x, const Contiguous<double>& saved,
                                                   const std::optional<Contiguous<T>>& gamma, Contiguous<T>& dx, Contiguous<T>& dgamma,
                                                   Contiguous<T>& dbeta) {
  require(x.ndim() == 2, [&] { return "x is " + shape_text(x) + ", expected two dimensions"; });
  const index rows = x.shape(0), cols = x.shape(1);
  require_shape(dy, "dy", {rows, cols});
  require_shape(dx, "dx", {rows, cols});
  require_saved(saved, rows);
  const T *upstream = input(dy, "dy"), *in = input(x, "x"), *scale = optional_input(gamma, "gamma", cols);
  const double* mean = input(saved, "saved");
  const NormGradients<T> out = gradients(dx, dgamma, dbeta, cols);
  const Scratch scratch(layer_norm_backward_scratch_bytes(rows, cols));
  interruptible([&](const Context& context) {
    densekit::layer_norm_backward(context, upstream, in, rows, cols, mean, mean + rows, scale, out, scratch.get());
  });
}

void bind_normalization(py::module_& m) {
  DENSEKIT_DEF(m, "batch_norm", batch_norm, py::arg("x").noconvert(), py::arg("gamma").noconvert().none(true),
               py::arg("beta").noconvert().none(true), py::arg("eps"), py::arg("running_mean").noconvert().none(true),
               py::arg("running_var").noconvert().none(true), py::arg("decay"), py::arg("unbiased"), py::arg("saved").noconvert(),
               py::arg("y").noconvert());
  DENSEKIT_DEF(m, "normalize", normalize, py::arg("x").noconvert(), py::arg("mean").noconvert(), py::arg("inverse").noconvert(),
               py::arg("gamma").noconvert().none(true), py::arg("beta").noconvert().none(true), py::arg("y").noconvert());
  DENSEKIT_DEF(m, "batch_norm_backward", batch_norm_backward, py::arg("dy").noconvert(), py::arg("x").noconvert(),
               py::arg("saved").noconvert(), py::arg("gamma").noconvert().none(true), py::arg("training"), py::arg("dx").noconvert(),
               py::arg("dgamma").noconvert(), py::arg("dbeta").noconvert());
  DENSEKIT_DEF(m, "layer_norm", layer_norm, py::arg("x").noconvert(), py::arg("eps"), py::arg("gamma").noconvert().none(true),
               py::arg("beta").noconvert().none(true), py::arg("saved").noconvert(), py::arg("y").noconvert());
  DENSEKIT_DEF(m, "layer_norm_backward", layer_norm_backward, py::arg("dy").noconvert(), py::arg("x").noconvert(),
               py::arg("saved").noconvert(), py::arg("gamma").noconvert().none(true), py::arg("dx").noconvert(),
               py::arg("dgamma").noconvert(), py::arg("dbeta").noconvert());
}

}  // namespace densekit::bindings
