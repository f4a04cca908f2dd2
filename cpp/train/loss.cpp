#include "train/loss.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "core/portable_math.h"
#include "ops/losses.h"
#include "ops/penalties.h"

namespace densekit {
namespace {

struct Pointwise {
  PointwiseLoss kind;
  double a = 0, b = 0;
};

// The element-wise losses, or nothing.
std::optional<Pointwise> pointwise(const LossSpec& s) {
  const std::string& kind = s.kind;
  using P = PointwiseLoss;
  if (kind == "mse") return Pointwise{P::squared_error};
  if (kind == "mae") return Pointwise{P::absolute_error};
  if (kind == "log_cosh") return Pointwise{P::log_cosh};
  if (kind == "huber") return Pointwise{P::huber, s.delta};
  if (kind == "pinball") return Pointwise{P::pinball, s.quantile};
  if (kind == "hinge") return Pointwise{P::hinge, s.margin};
  if (kind == "gamma_nll") return Pointwise{s.full ? P::gamma_full : P::gamma, 1};
  if (kind == "poisson_nll" && s.log_input) return Pointwise{s.full ? P::poisson_log_full : P::poisson_log};
  if (kind == "poisson_nll") return Pointwise{s.full ? P::poisson_full : P::poisson};
  if (kind == "binary_cross_entropy")
    return Pointwise{s.from_logits || s.link ? P::binary_cross_entropy_logits : P::binary_cross_entropy, 1 - s.label_smoothing,
                     s.label_smoothing / 2};
  return {};
}
bool is_density(const LossSpec& s) { return s.kind == "gaussian_nll" || s.kind == "laplace_nll"; }
bool of_rows(const LossSpec& s) {
  return s.kind == "softmax_cross_entropy" || s.kind == "nll" || s.kind == "multiclass_hinge" || s.kind == "kl_divergence";
}

template <class T> bool ignores(const LossSpec& spec, const BatchTargets<T>& targets) { return targets.labels && spec.ignore_index; }
template <class T> bool ignored(const LossSpec& spec, const BatchTargets<T>& targets, index row) {
  return ignores(spec, targets) && targets.labels[row] == *spec.ignore_index;
}
template <class T> double counted(const LossSpec& spec, const BatchTargets<T>& targets, index row) {
  if (ignored(spec, targets, row)) return 0;
  return targets.weights ? targets.weights[row] : 1;
}

// The rows that the loss does not ignore, those that weigh 0 among them.
template <class T> double rows_that_count(const LossSpec& spec, const BatchTargets<T>& targets, index rows) {
  if (!ignores(spec, targets)) return static_cast<double>(rows);
  index count = 0;
  for (index i = 0; i < rows; ++i) count += !ignored(spec, targets, i);
  return static_cast<double>(count);
}

}  // namespace

bool takes_labels(const LossSpec& s) {
  return s.kind == "softmax_cross_entropy" || s.kind == "nll" || s.kind == "multiclass_hinge" || s.kind == "host";
}
bool takes_values(const LossSpec& s) { return s.kind != "multiclass_hinge"; }
index target_width(const LossSpec& s, index cols) {
  if (!is_density(s)) return cols;
  if (cols % 2)
    throw std::invalid_argument("the loss " + s.kind + " needs two outputs for each target, but the network has " + std::to_string(cols));
  return cols / 2;
}

template <class T> double sum_of_weights(const LossSpec& spec, const BatchTargets<T>& targets, index rows) {
  if (!targets.weights && !ignores(spec, targets)) return static_cast<double>(rows);
  double total = 0;
  for (index i = 0; i < rows; ++i) total += counted(spec, targets, i);
  return total;
}

template <class T> double batch_weight(const LossSpec& spec, const BatchTargets<T>& targets, index rows) {
  if (spec.reduction == "mean") return sum_of_weights(spec, targets, rows);
  return spec.reduction == "count" ? rows_that_count(spec, targets, rows) : static_cast<double>(rows);
}

template <class T> double batch_loss(const Context& context, const LossSpec& spec, const std::vector<HostLoss>& hosts, const T* scores,
                                     const BatchTargets<T>& targets, index rows, index cols, T* gradient, Workspace<T>& ws) {
  if (spec.kind == "host") {
    const HostLoss& host = hosts.at(static_cast<std::size_t>(spec.host));
    const double loss = host.call(host.self, scores, rows, cols, &targets, gradient);
    if (spec.factor != 1) scale_by(context, gradient, gradient, rows * cols, spec.factor);
    return spec.factor * loss;
  }
  const double total = sum_of_weights(spec, targets, rows);
  const double divisor = spec.reduction == "mean" ? total : spec.reduction == "count" ? rows_that_count(spec, targets, rows) : 1;
  if (divisor == 0 || total == 0) {
    std::fill_n(gradient, rows * cols, T(0));
    return 0;
  }
  // The usual case is the mean that the operations know; anything else is a sum with weights that hold the rest.
  const bool plain = spec.reduction == "mean" && spec.factor == 1;
  const bool by_rows = of_rows(spec);
  const index width = target_width(spec, cols);
  const double* weights = targets.weights;
  if (!plain) {
    const double each = (spec.kind == "rmse" ? 1 : spec.factor) / divisor / (by_rows ? 1 : static_cast<double>(width));
    for (index i = 0; i < rows; ++i) ws.weights[i] = counted(spec, targets, i) * each;
    weights = ws.weights;
  }
  const Reduction reduction = plain ? Reduction::mean : Reduction::sum;

  if (by_rows) {
    const CrossEntropyTargets<T> t{.labels = targets.labels,
                                   .soft = targets.values,
                                   .sample_weight = weights,
                                   .smoothing = spec.label_smoothing,
                                   .ignores = spec.ignore_index.has_value(),
                                   .ignore_index = spec.ignore_index.value_or(0)};
    double* losses = ws.row_losses;
    double by = 1;
    if (spec.kind == "softmax_cross_entropy") by = softmax_cross_entropy(context, scores, t, reduction, losses, gradient, rows, cols);
    else if (spec.kind == "nll") by = nll(context, scores, t, reduction, losses, gradient, rows, cols);
    else if (spec.kind == "multiclass_hinge")
      by = multiclass_hinge(context, scores, t, spec.margin, reduction, losses, gradient, rows, cols);
    else by = kl_divergence(context, scores, t, spec.log_input, reduction, losses, gradient, rows, cols);
    double sum = 0;
    for (index i = 0; i < rows; ++i) sum += losses[i];
    return sum / by;
  }
  if (const auto p = pointwise(spec))
    return pointwise_loss<T>(context, p->kind, scores, targets.values, weights, reduction, p->a, p->b, nullptr, gradient, rows, cols,
                             ws.scratch);
  if (is_density(spec)) {
    const bool gaussian = spec.kind == "gaussian_nll";
    const double constant = !spec.full ? 0 : gaussian ? portable::half_log_two_pi : std::numbers::ln2;
    return density_loss<T>(context, gaussian ? DensityLoss::gaussian : DensityLoss::laplace, scores, targets.values, weights, reduction,
                           constant, nullptr, gradient, rows, width, ws.scratch);
  }
  if (spec.kind == "rmse") {
    const double root = root_mean_square(context, scores, targets.values, weights, reduction, gradient, rows, cols, ws.scratch);
    if (spec.factor != 1) scale_by(context, gradient, gradient, rows * cols, spec.factor);
    return spec.factor * root;
  }
  throw std::invalid_argument("unknown loss '" + spec.kind + "'");
}

#define INSTANTIATE(T)                                                                                                                  \
  template double sum_of_weights<T>(const LossSpec&, const BatchTargets<T>&, index);                                                    \
  template double batch_weight<T>(const LossSpec&, const BatchTargets<T>&, index);                                                      \
  template double batch_loss<T>(const Context&, const LossSpec&, const std::vector<HostLoss>&, const T*, const BatchTargets<T>&, index, \
                                index, T*, Workspace<T>&);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
