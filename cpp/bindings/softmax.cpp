// Softmax, its logarithm and its cross-entropy.
#include "ops/softmax.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "bindings/arrays.h"

namespace densekit::bindings {

template <class T> struct Rows {
  index rows, cols;
  explicit Rows(const Contiguous<T>& a) : rows(a.ndim() == 2 ? a.shape(0) : 0), cols(a.ndim() == 2 ? a.shape(1) : 0) {
    require(a.ndim() == 2, "expected two dimensions, got " + shape_text(a));
  }
};

// The inverse of the temperature: it may become infinite in T, but not zero, which times infinity would be NaN.
template <class T> static T in_range(double scale) {
  return static_cast<T>(std::max<double>(scale, std::numeric_limits<T>::denorm_min()));
}

template <class T> static void forward(bool logarithm, const Contiguous<T>& z, Contiguous<T>& y, double scale) {
  const Rows<T> shape(z);
  require_shape(y, "y", {shape.rows, shape.cols});
  const T* in = input(z, "z");
  T* out = output(y, "y");
  const Context context = current_context();
  const Scratch scratch(log_softmax_scratch_bytes<T>(context, shape.cols));
  py::gil_scoped_release unlocked;
  if (logarithm) log_softmax(context, in, out, shape.rows, shape.cols, in_range<T>(scale), scratch.get());
  else softmax(context, in, out, shape.rows, shape.cols, in_range<T>(scale));
}

template <class T>
static void backward(bool logarithm, const Contiguous<T>& dy, const Contiguous<T>& y, Contiguous<T>& dz, double scale) {
  const Rows<T> shape(dy);
  require_shape(y, "y", {shape.rows, shape.cols});
  require_shape(dz, "dz", {shape.rows, shape.cols});
  const T *upstream = input(dy, "dy"), *kept = input(y, "y");
  T* out = output(dz, "dz");
  py::gil_scoped_release unlocked;
  const auto op = logarithm ? log_softmax_backward<T> : softmax_backward<T>;
  op(current_context(), upstream, kept, out, shape.rows, shape.cols, static_cast<T>(scale));
}

// losses (rows) receives the weighted losses; returns their divisor.
template <class T>
static double cross_entropy(const Contiguous<T>& z, const std::optional<Contiguous<std::int64_t>>& labels,
                            const std::optional<Contiguous<T>>& soft, const std::optional<Contiguous<double>>& sample_weight,
                            const std::optional<Contiguous<double>>& class_weight, double smoothing, std::optional<std::int64_t> ignore_index,
                            Reduction reduction, Contiguous<double>& losses, Contiguous<T>& dz) {
  const Rows<T> shape(z);
  one_of(reduction, "reduction", 3);
  require(labels.has_value() != soft.has_value(), "give either labels or soft targets");
  CrossEntropyTargets<T> targets;
  if (labels) {
    require_shape(*labels, "labels", {shape.rows});
    targets.labels = input(*labels, "labels");
  } else {
    require_shape(*soft, "soft", {shape.rows, shape.cols});
    targets.soft = input(*soft, "soft");
  }
  if (sample_weight) {
    require_shape(*sample_weight, "sample_weight", {shape.rows});
    targets.sample_weight = input(*sample_weight, "sample_weight");
  }
  if (class_weight) {
    require_shape(*class_weight, "class_weight", {shape.cols});
    targets.class_weight = input(*class_weight, "class_weight");
  }
  targets.smoothing = smoothing;
  targets.ignores = ignore_index.has_value();
  targets.ignore_index = ignore_index.value_or(0);
  require_shape(losses, "losses", {shape.rows});
  require_shape(dz, "dz", {shape.rows, shape.cols});
  if (labels)
    if (const index row = first_bad_label(targets, shape.rows, shape.cols); row >= 0)
      throw std::invalid_argument("label " + std::to_string(targets.labels[row]) + " in row " + std::to_string(row) + " is not a class: expected 0 to " +
                                  std::to_string(shape.cols - 1));
  const T* logits = input(z, "z");
  double* per_row = output(losses, "losses");
  T* gradient = output(dz, "dz");
  py::gil_scoped_release unlocked;
  return softmax_cross_entropy(current_context(), logits, targets, reduction, per_row, gradient, shape.rows, shape.cols);
}

void bind_softmax(py::module_& m) {
  py::enum_<Reduction>(m, "Reduction").value("none", Reduction::none).value("sum", Reduction::sum).value("mean", Reduction::mean);
  DENSEKIT_DEF(m, "softmax", forward, py::arg("logarithm"), py::arg("z").noconvert(), py::arg("y").noconvert(), py::arg("scale"));
  DENSEKIT_DEF(m, "softmax_backward", backward, py::arg("logarithm"), py::arg("dy").noconvert(), py::arg("y").noconvert(),
               py::arg("dz").noconvert(), py::arg("scale"));
  DENSEKIT_DEF(m, "softmax_cross_entropy", cross_entropy, py::arg("z").noconvert(), py::arg("labels").noconvert().none(true),
               py::arg("soft").noconvert().none(true), py::arg("sample_weight").noconvert().none(true),
               py::arg("class_weight").noconvert().none(true), py::arg("smoothing"), py::arg("ignore_index"), py::arg("reduction"),
               py::arg("losses").noconvert(), py::arg("dz").noconvert());
}

}  // namespace densekit::bindings
