// Losses: each returns the reduced loss, or the divisor of the losses of rows, and writes its gradient.
#include "ops/losses.h"

#include "bindings/targets.h"

namespace densekit::bindings {

template <class T> using Optional = std::optional<Contiguous<T>>;

// The shape of a loss of elements: axis 0 is the samples, each with `cols` elements; a single number is one sample.
template <class T> struct Elements {
  index rows, cols;
  const double* sample_weight = nullptr;
  T* losses = nullptr;

  Elements(const Contiguous<T>& target, const Optional<double>& weights, Reduction reduction, Optional<T>& per_element)
      : rows(target.ndim() ? target.shape(0) : 1), cols(rows ? target.size() / rows : 0) {
    one_of(reduction, "reduction", 3);
    if (weights) {
      require_shape(*weights, "sample_weight", {rows});
      sample_weight = input(*weights, "sample_weight");
    }
    if (per_element) {
      require_same_size(*per_element, "losses", target, "target");
      losses = output(*per_element, "losses");
    }
  }
};

template <class T> static double pointwise(PointwiseLoss kind, const Contiguous<T>& pred, const Contiguous<T>& target,
                                           const Optional<double>& sample_weight, Reduction reduction, double a, double b,
                                           Optional<T> losses, Contiguous<T>& gradient) {
  require_same_size(pred, "pred", target, "target");
  require_same_size(pred, "pred", gradient, "gradient");
  one_of(kind, "kind", pointwise_loss_count);
  const Elements<T> shape(target, sample_weight, reduction, losses);
  const T *p = input(pred, "pred"), *t = input(target, "target");
  T* g = output(gradient, "gradient");
  const Scratch scratch(loss_scratch_bytes(pred.size()));
  return interruptible([&](const Context& context) {
    return pointwise_loss(context, kind, p, t, shape.sample_weight, reduction, a, b, shape.losses, g, shape.rows, shape.cols,
                          scratch.get());
  });
}

template <class T> static double rmse(const Contiguous<T>& pred, const Contiguous<T>& target, const Optional<double>& sample_weight,
                                      Reduction reduction, Contiguous<T>& gradient) {
  require_same_size(pred, "pred", target, "target");
  require_same_size(pred, "pred", gradient, "gradient");
  Optional<T> no_losses;
  const Elements<T> shape(target, sample_weight, reduction, no_losses);
  const T *p = input(pred, "pred"), *t = input(target, "target");
  T* g = output(gradient, "gradient");
  const Scratch scratch(loss_scratch_bytes(pred.size()));
  return interruptible([&](const Context& context) {
    return root_mean_square(context, p, t, shape.sample_weight, reduction, g, shape.rows, shape.cols, scratch.get());
  });
}

template <class T> static double density(DensityLoss kind, const Contiguous<T>& pred, const Contiguous<T>& target,
                                         const Optional<double>& sample_weight, Reduction reduction, double constant, Optional<T> losses,
                                         Contiguous<T>& gradient) {
  const Rows<T> pairs(pred);
  one_of(kind, "kind", static_cast<int>(DensityLoss::count));
  const Elements<T> shape(target, sample_weight, reduction, losses);
  require_shape(pred, "pred", {shape.rows, 2 * shape.cols});
  require_shape(gradient, "gradient", {pairs.rows, pairs.cols});
  const T *p = input(pred, "pred"), *t = input(target, "target");
  T* g = output(gradient, "gradient");
  const Scratch scratch(loss_scratch_bytes(target.size()));
  return interruptible([&](const Context& context) {
    return density_loss(context, kind, p, t, shape.sample_weight, reduction, constant, shape.losses, g, shape.rows, shape.cols,
                        scratch.get());
  });
}

template <class T> static double nll(const Contiguous<T>& log_p, const Optional<std::int64_t>& labels, const Optional<T>& soft,
                                     const Optional<double>& sample_weight, const Optional<double>& class_weight,
                                     std::optional<std::int64_t> ignore_index, Reduction reduction, Contiguous<double>& losses,
                                     Contiguous<T>& gradient) {
  const Rows<T> shape(log_p);
  return loss_of_rows<T>(log_p, "log_p", shape, {labels, soft, sample_weight, class_weight, 0, ignore_index}, reduction, losses, gradient,
                         "gradient",
                         [&](const Context& context, const T* scores, const CrossEntropyTargets<T>& targets, double* per_row, T* g) {
                           return densekit::nll(context, scores, targets, reduction, per_row, g, shape.rows, shape.cols);
                         });
}

template <class T> static double multiclass_hinge(const Contiguous<T>& scores, const Contiguous<std::int64_t>& labels,
                                                  const Optional<double>& sample_weight, double margin, Reduction reduction,
                                                  Contiguous<double>& losses, Contiguous<T>& gradient) {
  const Rows<T> shape(scores);
  return loss_of_rows<T>(scores, "scores", shape, {labels, std::nullopt, sample_weight, std::nullopt}, reduction, losses, gradient,
                         "gradient", [&](const Context& context, const T* s, const CrossEntropyTargets<T>& targets, double* per_row, T* g) {
                           return densekit::multiclass_hinge(context, s, targets, margin, reduction, per_row, g, shape.rows, shape.cols);
                         });
}

template <class T> static double kl_divergence(const Contiguous<T>& pred, const Contiguous<T>& target,
                                               const Optional<double>& sample_weight, bool log_input, Reduction reduction,
                                               Contiguous<double>& losses, Contiguous<T>& gradient) {
  const Rows<T> shape(pred);
  return loss_of_rows<T>(pred, "pred", shape, {std::nullopt, target, sample_weight, std::nullopt}, reduction, losses, gradient, "gradient",
                         [&](const Context& context, const T* p, const CrossEntropyTargets<T>& targets, double* per_row, T* g) {
                           return densekit::kl_divergence(context, p, targets, log_input, reduction, per_row, g, shape.rows, shape.cols);
                         });
}

void bind_losses(py::module_& m) {
  py::enum_<PointwiseLoss> kinds(m, "PointwiseLoss");
#define LOSS(name, Functor) kinds.value(#name, PointwiseLoss::name);
#include "kernels/losses.def"
#undef LOSS
  py::enum_<DensityLoss>(m, "DensityLoss").value("gaussian", DensityLoss::gaussian).value("laplace", DensityLoss::laplace);
  DENSEKIT_DEF(m, "pointwise_loss", pointwise, py::arg("kind"), py::arg("pred").noconvert(), py::arg("target").noconvert(),
               py::arg("sample_weight").noconvert().none(true), py::arg("reduction"), py::arg("a"), py::arg("b"),
               py::arg("losses").noconvert().none(true), py::arg("gradient").noconvert());
  DENSEKIT_DEF(m, "rmse", rmse, py::arg("pred").noconvert(), py::arg("target").noconvert(), py::arg("sample_weight").noconvert().none(true),
               py::arg("reduction"), py::arg("gradient").noconvert());
  DENSEKIT_DEF(m, "density_loss", density, py::arg("kind"), py::arg("pred").noconvert(), py::arg("target").noconvert(),
               py::arg("sample_weight").noconvert().none(true), py::arg("reduction"), py::arg("constant"),
               py::arg("losses").noconvert().none(true), py::arg("gradient").noconvert());
  DENSEKIT_DEF(m, "nll", nll, py::arg("log_p").noconvert(), py::arg("labels").noconvert().none(true),
               py::arg("soft").noconvert().none(true), py::arg("sample_weight").noconvert().none(true),
               py::arg("class_weight").noconvert().none(true), py::arg("ignore_index"), py::arg("reduction"), py::arg("losses").noconvert(),
               py::arg("gradient").noconvert());
  DENSEKIT_DEF(m, "multiclass_hinge", multiclass_hinge, py::arg("scores").noconvert(), py::arg("labels").noconvert(),
               py::arg("sample_weight").noconvert().none(true), py::arg("margin"), py::arg("reduction"), py::arg("losses").noconvert(),
               py::arg("gradient").noconvert());
  DENSEKIT_DEF(m, "kl_divergence", kl_divergence, py::arg("pred").noconvert(), py::arg("target").noconvert(),
               py::arg("sample_weight").noconvert().none(true), py::arg("log_input"), py::arg("reduction"), py::arg("losses").noconvert(),
               py::arg("gradient").noconvert());
}

}  // namespace densekit::bindings
