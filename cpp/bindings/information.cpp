// Surprisal, entropies and log-likelihoods.
#include "ops/information.h"

#include "bindings/targets.h"

namespace densekit::bindings {

template <class T> static void surprisal(const Contiguous<T>& p, Contiguous<T>& y, double factor) {
  require_same_size(p, "p", y, "y");
  const T* in = input(p, "p");
  T* out = output(y, "y");
  const index n = p.size();
  interruptible([&](const Context& context) { densekit::surprisal(context, in, out, n, factor); });
}

template <class T> static void information(RowInformation kind, const Contiguous<T>& p, const std::optional<Contiguous<T>>& q,
                                           Contiguous<T>& y, double factor, bool exponential) {
  const Rows<T> shape(p);
  one_of(kind, "kind", static_cast<int>(RowInformation::count));
  require(q.has_value() == (kind != RowInformation::entropy), "q belongs to cross entropy and divergence");
  if (q) require_shape(*q, "q", {shape.rows, shape.cols});
  require_shape(y, "y", {shape.rows});
  const T *from = input(p, "p"), *to = q ? input(*q, "q") : nullptr;
  T* out = output(y, "y");
  const Scratch scratch(information_scratch_bytes(shape.rows));
  interruptible([&](const Context& context) {
    densekit::information(context, kind, from, to, out, shape.rows, shape.cols, factor, exponential, scratch.get());
  });
}

template <class T> static void log_likelihood(Distribution kind, const Contiguous<T>& x, const Contiguous<double>& a,
                                              const Contiguous<double>& b, Contiguous<T>& y, bool exponential) {
  one_of(kind, "kind", static_cast<int>(Distribution::count));
  require_same_size(a, "a", b, "b");
  require_same_size(a, "a", y, "y");
  const T* data = input(x, "x");
  const double *first = input(a, "a"), *second = input(b, "b");
  T* out = output(y, "y");
  const index count = x.size(), points = y.size();
  const Scratch scratch(log_likelihood_scratch_bytes(count, points));
  interruptible([&](const Context& context) {
    densekit::log_likelihood(context, kind, data, count, first, second, out, points, exponential, scratch.get());
  });
}

template <class T>
static void categorical(const Contiguous<double>& counts, const Contiguous<double>& p, Contiguous<T>& y, bool exponential) {
  const Rows<double> shape(p);
  require_shape(counts, "counts", {shape.cols});
  require_shape(y, "y", {shape.rows});
  const double *weights = input(counts, "counts"), *probabilities = input(p, "p");
  T* out = output(y, "y");
  const Scratch scratch(information_scratch_bytes(shape.rows));
  interruptible([&](const Context& context) {
    categorical_log_likelihood(context, weights, probabilities, out, shape.rows, shape.cols, exponential, scratch.get());
  });
}

template <class T> static void log_gamma(const Contiguous<T>& x, Contiguous<T>& y) {
  require_same_size(x, "x", y, "y");
  const T* in = input(x, "x");
  T* out = output(y, "y");
  const index n = x.size();
  interruptible([&](const Context& context) { densekit::log_gamma(context, in, out, n); });
}

void bind_information(py::module_& m) {
  py::enum_<RowInformation>(m, "RowInformation")
      .value("entropy", RowInformation::entropy)
      .value("cross_entropy", RowInformation::cross_entropy)
      .value("kl", RowInformation::kl);
  py::enum_<Distribution>(m, "Distribution")
      .value("gaussian", Distribution::gaussian)
      .value("laplace", Distribution::laplace)
      .value("bernoulli", Distribution::bernoulli)
      .value("poisson", Distribution::poisson)
      .value("exponential", Distribution::exponential);
  DENSEKIT_DEF(m, "surprisal", surprisal, py::arg("p").noconvert(), py::arg("y").noconvert(), py::arg("factor"));
  DENSEKIT_DEF(m, "information", information, py::arg("kind"), py::arg("p").noconvert(), py::arg("q").noconvert().none(true),
               py::arg("y").noconvert(), py::arg("factor"), py::arg("exponential"));
  DENSEKIT_DEF(m, "log_likelihood", log_likelihood, py::arg("kind"), py::arg("x").noconvert(), py::arg("a").noconvert(),
               py::arg("b").noconvert(), py::arg("y").noconvert(), py::arg("exponential"));
  DENSEKIT_DEF(m, "categorical_log_likelihood", categorical, py::arg("counts").noconvert(), py::arg("p").noconvert(),
               py::arg("y").noconvert(), py::arg("exponential"));
  DENSEKIT_DEF(m, "log_gamma", log_gamma, py::arg("x").noconvert(), py::arg("y").noconvert());
}

}  // namespace densekit::bindings
