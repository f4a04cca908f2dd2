// Softmax, its logarithm and its cross-entropy.
#include "ops/softmax.h"

#include <algorithm>
#include <limits>

#include "bindings/targets.h"

namespace densekit::bindings {

// The inverse of the temperature: it may become infinite in T, but not zero, which times infinity would be NaN.
template <class T> static T in_range(double scale) { return static_cast<T>(std::max<double>(scale, std::numeric_limits<T>::denorm_min())); }

template <class T> static void forward(bool logarithm, const Contiguous<T>& z, Contiguous<T>& y, double scale) {
  const Rows<T> shape(z);
  require_shape(y, "y", {shape.rows, shape.cols});
  const T* in = input(z, "z");
  T* out = output(y, "y");
  const Context context = current_context();
  const Scratch scratch(log_softmax_scratch_bytes<T>(context, shape.cols));
  interruptible(context, [&](const Context& c) {
    if (logarithm) log_softmax(c, in, out, shape.rows, shape.cols, in_range<T>(scale), scratch.get());
    else softmax(c, in, out, shape.rows, shape.cols, in_range<T>(scale));
  });
}

template <class T> static void backward(bool logarithm, const Contiguous<T>& dy, const Contiguous<T>& y, Contiguous<T>& dz, double scale) {
  const Rows<T> shape(dy);
  require_shape(y, "y", {shape.rows, shape.cols});
  require_shape(dz, "dz", {shape.rows, shape.cols});
  const T *upstream = input(dy, "dy"), *kept = input(y, "y");
  T* out = output(dz, "dz");
  interruptible([&](const Context& context) {
    const auto op = logarithm ? log_softmax_backward<T> : softmax_backward<T>;
    op(context, upstream, kept, out, shape.rows, shape.cols, static_cast<T>(scale));
  });
}

// losses (rows) receives the weighted losses; returns their divisor.
template <class T>
static double cross_entropy(const Contiguous<T>& z, const std::optional<Contiguous<std::int64_t>>& labels,
                            const std::optional<Contiguous<T>>& soft, const std::optional<Contiguous<double>>& sample_weight,
                            const std::optional<Contiguous<double>>& class_weight, double smoothing,
                            std::optional<std::int64_t> ignore_index, Reduction reduction, Contiguous<double>& losses, Contiguous<T>& dz) {
  const Rows<T> shape(z);
  return loss_of_rows<T>(z, "z", shape, {labels, soft, sample_weight, class_weight, smoothing, ignore_index}, reduction, losses, dz, "dz",
                         [&](const Context& context, const T* logits, const CrossEntropyTargets<T>& targets, double* per_row, T* gradient) {
                           return softmax_cross_entropy(context, logits, targets, reduction, per_row, gradient, shape.rows, shape.cols);
                         });
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
