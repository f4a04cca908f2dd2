#include "train/loss.h"

#include <algorithm>
#include <stdexcept>

#include "train/losses.h"

namespace densekit {
namespace {

// The rows of a batch as the loss counts them.
template <class T> struct Counting {
  const BatchTargets<T>& targets;
  std::optional<std::int64_t> ignored_here;

  Counting(const Loss& loss, const BatchTargets<T>& t) : targets(t), ignored_here(t.labels ? ignored_label(loss.is) : std::nullopt) {}
  bool ignored(index row) const { return ignored_here && targets.labels[row] == *ignored_here; }
  double weight(index row) const { return ignored(row) ? 0 : targets.weights ? targets.weights[row] : 1; }
  double total(index rows) const {
    if (!targets.weights && !ignored_here) return static_cast<double>(rows);
    double sum = 0;
    for (index i = 0; i < rows; ++i) sum += weight(i);
    return sum;
  }
  // The rows that are not ignored, those that weigh 0 among them.
  double count(index rows) const {
    if (!ignored_here) return static_cast<double>(rows);
    index sum = 0;
    for (index i = 0; i < rows; ++i) sum += !ignored(i);
    return static_cast<double>(sum);
  }
};

}  // namespace

std::optional<std::int64_t> ignored_label(const LossKind& is) {
  return std::visit(
      [](const auto& kind) -> std::optional<std::int64_t> {
        if constexpr (requires { kind.ignore_index; }) return kind.ignore_index;
        else return {};
      },
      is);
}

index target_width(const LossKind& is, index cols) {
  const int outputs = traits_of(is).outputs;
  if (outputs == 1) return cols;
  if (cols % outputs)
    throw std::invalid_argument("the loss " + std::string(kind_name(is)) + " needs two outputs for each target, but the network has " +
                                std::to_string(cols));
  return cols / outputs;
}

// Weights of elements count as parts of rows.
template <class T> static double sum_of_element_weights(const BatchTargets<T>& targets, index rows) {
  double sum = 0;
  for (index i = 0; i < rows * targets.width; ++i) sum += targets.element_weights[i];
  return sum / static_cast<double>(targets.width);
}
// The rows without their elements that are masked.
template <class T> static double rows_not_missing(const BatchTargets<T>& targets, index rows) {
  return static_cast<double>(rows * targets.width - targets.missing) / static_cast<double>(targets.width);
}

template <class T> double sum_of_weights(const Loss& loss, const BatchTargets<T>& targets, index rows) {
  return targets.element_weights ? sum_of_element_weights(targets, rows) : Counting<T>(loss, targets).total(rows);
}

template <class T> double batch_weight(const Loss& loss, const BatchTargets<T>& targets, index rows) {
  if (targets.element_weights) {
    if (loss.reduction == LossReduction::mean) return sum_of_element_weights(targets, rows);
    return loss.reduction == LossReduction::count ? rows_not_missing(targets, rows) : static_cast<double>(rows);
  }
  const Counting<T> counting(loss, targets);
  if (loss.reduction == LossReduction::mean) return counting.total(rows);
  return loss.reduction == LossReduction::count ? counting.count(rows) : static_cast<double>(rows);
}

template <class T> double divisor_of(const Loss& loss, const BatchTargets<T>& targets, index rows) {
  if (targets.divisor > 0) return targets.divisor;
  return loss.reduction == LossReduction::sum ? 1 : batch_weight(loss, targets, rows);
}

// With weights of elements: a batch whose rows are the elements. Of each, a loss may take two scores, which lie apart.
template <class T> static double loss_of_elements(const Context& context, const Loss& loss, const T* scores, const BatchTargets<T>& targets,
                                                  index rows, index cols, T* gradient, Workspace<T>& ws) {
  const index width = targets.width, elements = rows * width, each = cols / width;
  BatchTargets<T> flat{.values = targets.values, .width = 1, .weights = targets.element_weights};
  const bool plain = loss.reduction == LossReduction::mean && targets.divisor == 0;  // that of the elements is the same
  if (!plain) flat.divisor = divisor_of(loss, targets, rows) * static_cast<double>(width);
  if (!plain && flat.divisor == 0) {
    std::fill_n(gradient, rows * cols, T(0));
    return 0;
  }
  const auto pack = [&](const T* from, T* to, bool back) {
    for (index i = 0; i < rows; ++i)
      for (index j = 0; j < width; ++j)
        for (index k = 0; k < each; ++k) {
          const index apart = i * cols + k * width + j, together = (i * width + j) * each + k;
          if (back) to[apart] = from[together];
          else to[together] = from[apart];
        }
  };
  if (each == 1) return batch_loss<T>(context, loss, {}, scores, flat, elements, index{1}, gradient, ws);
  pack(scores, ws.packed, false);
  const double value = batch_loss<T>(context, loss, {}, ws.packed, flat, elements, each, ws.packed, ws);
  pack(ws.packed, gradient, true);
  return value;
}

template <class T> double batch_loss(const Context& context, const Loss& loss, const std::vector<HostLoss>& hosts, const T* scores,
                                     const BatchTargets<T>& targets, index rows, index cols, T* gradient, Workspace<T>& ws) {
  if (targets.element_weights) return loss_of_elements(context, loss, scores, targets, rows, cols, gradient, ws);
  if (const CallbackLoss* callback = std::get_if<CallbackLoss>(&loss.is)) {
    const HostLoss& host = hosts.at(static_cast<std::size_t>(callback->index));
    const double value = host.call(host.self, scores, rows, cols, &targets, gradient);
    if (loss.factor != 1) scale_by(context, gradient, gradient, rows * cols, loss.factor);
    return loss.factor * value;
  }
  const Counting<T> counting(loss, targets);
  const LossTraits traits = traits_of(loss.is);
  const double total = counting.total(rows);
  const double divisor = divisor_of(loss, targets, rows);
  if (divisor == 0 || total == 0) {
    std::fill_n(gradient, rows * cols, T(0));
    return 0;
  }
  // The usual case is the mean that the operations know; anything else is a sum with weights that hold the rest.
  const bool plain = loss.reduction == LossReduction::mean && loss.factor == 1 && targets.divisor == 0;
  const double* weights = targets.weights;
  if (!plain) {
    const index width = target_width(loss.is, cols);
    const double each = (traits.factor_inside ? loss.factor : 1) / divisor / (traits.of_rows ? 1 : static_cast<double>(width));
    for (index i = 0; i < rows; ++i) ws.weights[i] = counting.weight(i) * each;
    weights = ws.weights;
  }
  const LossCall<T> call{context, loss, scores,   targets,       weights,   plain ? Reduction::mean : Reduction::sum,
                         rows,    cols, gradient, ws.row_losses, ws.scratch};
  return std::visit(
      [&](const auto& kind) -> double {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(kind)>, CallbackLoss>) return 0;  // above
        else return evaluate(call, kind);
      },
      loss.is);
}

#define INSTANTIATE(T)                                                                                                                     \
  template double divisor_of<T>(const Loss&, const BatchTargets<T>&, index);                                                               \
  template double sum_of_weights<T>(const Loss&, const BatchTargets<T>&, index);                                                           \
  template double batch_weight<T>(const Loss&, const BatchTargets<T>&, index);                                                             \
  template double batch_loss<T>(const Context&, const Loss&, const std::vector<HostLoss>&, const T*, const BatchTargets<T>&, index, index, \
                                T*, Workspace<T>&);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
