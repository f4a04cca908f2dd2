// What the classification losses share: a matrix of scores, and targets as labels or as distributions.
#pragma once
#include <optional>

#include "bindings/arrays.h"
#include "ops/softmax.h"

namespace densekit::bindings {

template <class T> struct Rows {
  index rows, cols;
  explicit Rows(const Contiguous<T>& a) : rows(a.ndim() == 2 ? a.shape(0) : 0), cols(a.ndim() == 2 ? a.shape(1) : 0) {
    require(a.ndim() == 2, "expected two dimensions, got " + shape_text(a));
  }
};

template <class T> CrossEntropyTargets<T> classification_targets(index rows, index cols,
                                                                 const std::optional<Contiguous<std::int64_t>>& labels,
                                                                 const std::optional<Contiguous<T>>& soft,
                                                                 const std::optional<Contiguous<double>>& sample_weight,
                                                                 const std::optional<Contiguous<double>>& class_weight, double smoothing,
                                                                 std::optional<std::int64_t> ignore_index) {
  require(labels.has_value() != soft.has_value(), "give either labels or soft targets");
  CrossEntropyTargets<T> targets;
  if (labels) {
    require_shape(*labels, "labels", {rows});
    targets.labels = input(*labels, "labels");
  } else {
    require_shape(*soft, "soft", {rows, cols});
    targets.soft = input(*soft, "soft");
  }
  if (sample_weight) {
    require_shape(*sample_weight, "sample_weight", {rows});
    targets.sample_weight = input(*sample_weight, "sample_weight");
  }
  if (class_weight) {
    require_shape(*class_weight, "class_weight", {cols});
    targets.class_weight = input(*class_weight, "class_weight");
  }
  targets.smoothing = smoothing;
  targets.ignores = ignore_index.has_value();
  targets.ignore_index = ignore_index.value_or(0);
  if (labels)
    if (const index row = first_bad_label(targets, rows, cols); row >= 0)
      throw std::invalid_argument("label " + std::to_string(targets.labels[row]) + " in row " + std::to_string(row) +
                                  " is not a class: expected 0 to " + std::to_string(cols - 1));
  return targets;
}

}  // namespace densekit::bindings
