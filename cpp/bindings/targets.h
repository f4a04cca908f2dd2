// What the classification losses share: a matrix of scores, and targets as labels or as distributions.
#pragma once
#include <optional>

#include "bindings/arrays.h"
#include "ops/labels.h"
#include "ops/softmax.h"

namespace densekit::bindings {

template <class T> struct Rows {
  index rows, cols;
  explicit Rows(const Contiguous<T>& a) : rows(a.ndim() == 2 ? a.shape(0) : 0), cols(a.ndim() == 2 ? a.shape(1) : 0) {
    require(a.ndim() == 2, "expected two dimensions, got " + shape_text(a));
  }
};

// Targets of a loss of rows, as Python gives them.
template <class T> struct GivenTargets {
  const std::optional<Contiguous<std::int64_t>>& labels;
  const std::optional<Contiguous<T>>& soft;
  const std::optional<Contiguous<double>>&sample_weight, &class_weight;
  double smoothing = 0;
  std::optional<std::int64_t> ignore_index{};
};

// The targets with their arrays checked, but for the labels, which are still the caller's.
template <class T> CrossEntropyTargets<T> checked_targets(const Rows<T>& shape, const GivenTargets<T>& given) {
  require(given.labels.has_value() != given.soft.has_value(), "give either labels or soft targets");
  CrossEntropyTargets<T> targets;
  if (given.labels) {
    require_shape(*given.labels, "labels", {shape.rows});
    targets.labels = input(*given.labels, "labels");
  } else {
    require_shape(*given.soft, "soft", {shape.rows, shape.cols});
    targets.soft = input(*given.soft, "soft");
  }
  if (given.sample_weight) {
    require_shape(*given.sample_weight, "sample_weight", {shape.rows});
    targets.sample_weight = input(*given.sample_weight, "sample_weight");
  }
  if (given.class_weight) {
    require_shape(*given.class_weight, "class_weight", {shape.cols});
    targets.class_weight = input(*given.class_weight, "class_weight");
  }
  targets.smoothing = given.smoothing;
  targets.ignores = given.ignore_index.has_value();
  targets.ignore_index = given.ignore_index.value_or(0);
  return targets;
}

// Runs op(context, scores, targets, losses, gradient), which returns the divisor of the losses of rows, without the interpreter lock.
// Labels and losses are the call's own meanwhile, whatever other threads write into the caller's.
template <class T, class Op> double loss_of_rows(const Contiguous<T>& scores, const char* name, const Rows<T>& shape,
                                                 const GivenTargets<T>& given, Reduction reduction, Contiguous<double>& losses,
                                                 Contiguous<T>& gradient, const char* gradient_name, const Op& op) {
  one_of(reduction, "reduction", 3);
  CrossEntropyTargets<T> targets = checked_targets(shape, given);
  require_shape(losses, "losses", {shape.rows});
  require_shape(gradient, gradient_name, {shape.rows, shape.cols});
  const T* s = input(scores, name);
  double* result = output(losses, "losses");
  T* g = output(gradient, gradient_name);
  const Scratch scratch(Carver::bytes<double>(shape.rows) + Carver::bytes<std::int64_t>(shape.rows));
  return interruptible([&](const Context& context) {
    Carver carver(scratch.get());
    double* own_losses = carver.take<double>(shape.rows);
    std::int64_t* own_labels = carver.take<std::int64_t>(shape.rows);
    if (targets.labels) {
      take_labels(targets.labels, nullptr, shape.rows, {shape.cols, given.ignore_index}, own_labels);
      targets.labels = own_labels;
    }
    const double divisor = op(context, s, targets, own_losses, g);
    std::copy_n(own_losses, shape.rows, result);
    return divisor;
  });
}

}  // namespace densekit::bindings
