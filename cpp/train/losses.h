// What each kind of loss computes for a batch: one function a kind, or a functor of its name; what is missing does not compile.
#pragma once
#include <numbers>

#include "core/portable_math.h"
#include "densekit/network_class.h"
#include "ops/losses.h"
#include "ops/penalties.h"
#include "train/records.h"

namespace densekit {

// The scores (rows, cols) of a batch, its targets, and where the gradient goes (rows, cols), which may be the scores.
template <class T> struct LossCall {
  const Context& context;
  const Loss& loss;
  const T* scores;
  const BatchTargets<T>& targets;
  const double* weights;  // of the rows, or null: 1
  Reduction reduction;
  index rows, cols;
  T* gradient;
  double* row_losses;  // (rows)
  void* scratch;

  double elements(PointwiseLoss kind, double a = 0, double b = 0) const {
    return pointwise_loss<T>(context, kind, scores, targets.values, weights, reduction, a, b, nullptr, gradient, rows, cols, scratch);
  }
  double density(DensityLoss kind, double constant) const {
    return density_loss<T>(context, kind, scores, targets.values, weights, reduction, constant, nullptr, gradient, rows, cols / 2, scratch);
  }
  CrossEntropyTargets<T> distribution(double smoothing, const std::optional<std::int64_t>& ignored) const {
    return {.labels = targets.labels,
            .soft = targets.values,
            .sample_weight = weights,
            .smoothing = smoothing,
            .ignores = ignored.has_value(),
            .ignore_index = ignored.value_or(0)};
  }
  // by: what an operation on rows divided their losses by.
  double sum_of_rows(double by) const {
    double sum = 0;
    for (index i = 0; i < rows; ++i) sum += row_losses[i];
    return sum / by;
  }
};

// The functor of losses.def with the name of the kind; PointwiseLoss::count: there is none.
constexpr PointwiseLoss functor_named(std::string_view kind) {
#define LOSS(name, Functor) \
  if (kind == #name) return PointwiseLoss::name;
#include "kernels/losses.def"
#undef LOSS
  return PointwiseLoss::count;
}
// A loss of elements that is the functor of its name.
template <class T, class K>
  requires(functor_named(K::kind().name) != PointwiseLoss::count)
double evaluate(const LossCall<T>& c, const K& l) {
  double numbers[2] = {};
  int count = 0;
  for_fields(l.kind(), [&](const auto& field) { numbers[count++] = l.*field.member; });
  return c.elements(functor_named(K::kind().name), numbers[0], numbers[1]);
}

template <class T> double evaluate(const LossCall<T>& c, const SoftmaxCrossEntropy& l) {
  return c.sum_of_rows(softmax_cross_entropy(c.context, c.scores, c.distribution(l.label_smoothing, l.ignore_index), c.reduction,
                                             c.row_losses, c.gradient, c.rows, c.cols));
}
template <class T> double evaluate(const LossCall<T>& c, const NegativeLogLikelihood& l) {
  return c.sum_of_rows(nll(c.context, c.scores, c.distribution(0, l.ignore_index), c.reduction, c.row_losses, c.gradient, c.rows, c.cols));
}
template <class T> double evaluate(const LossCall<T>& c, const MulticlassHinge& l) {
  return c.sum_of_rows(
      multiclass_hinge(c.context, c.scores, c.distribution(0, {}), l.margin, c.reduction, c.row_losses, c.gradient, c.rows, c.cols));
}
template <class T> double evaluate(const LossCall<T>& c, const KlDivergence& l) {
  return c.sum_of_rows(
      kl_divergence(c.context, c.scores, c.distribution(0, {}), l.log_input, c.reduction, c.row_losses, c.gradient, c.rows, c.cols));
}

template <class T> double evaluate(const LossCall<T>& c, const BinaryCrossEntropy& l) {
  using P = PointwiseLoss;
  return c.elements(l.from_logits || c.loss.link ? P::binary_cross_entropy_logits : P::binary_cross_entropy, 1 - l.label_smoothing,
                    l.label_smoothing / 2);
}
template <class T> double evaluate(const LossCall<T>& c, const GammaNll& l) {
  return c.elements(l.full ? PointwiseLoss::gamma_full : PointwiseLoss::gamma, 1);
}
template <class T> double evaluate(const LossCall<T>& c, const PoissonNll& l) {
  using P = PointwiseLoss;
  return c.elements(l.log_input ? (l.full ? P::poisson_log_full : P::poisson_log) : (l.full ? P::poisson_full : P::poisson));
}
template <class T> double evaluate(const LossCall<T>& c, const RootMeanSquaredError&) {
  const double root =
      root_mean_square(c.context, c.scores, c.targets.values, c.weights, c.reduction, c.gradient, c.rows, c.cols, c.scratch);
  if (c.loss.factor != 1) scale_by(c.context, c.gradient, c.gradient, c.rows * c.cols, c.loss.factor);
  return c.loss.factor * root;
}
template <class T> double evaluate(const LossCall<T>& c, const GaussianNll& l) {
  return c.density(DensityLoss::gaussian, l.full ? portable::half_log_two_pi : 0);
}
template <class T> double evaluate(const LossCall<T>& c, const LaplaceNll& l) {
  return c.density(DensityLoss::laplace, l.full ? std::numbers::ln2 : 0);
}

}  // namespace densekit
