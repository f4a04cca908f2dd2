// The kinds of losses. What each computes and which targets it takes: docs/network.md, "Loss".
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "densekit/activation.h"
#include "densekit/record.h"

namespace densekit {

// What the sum over the weighted losses of the rows is divided by: the sum of the weights, the number of rows, 1.
enum class LossReduction : int { mean, count, sum };
constexpr auto words(LossReduction) { return std::array<std::string_view, 3>{"mean", "count", "sum"}; }

// What a kind of loss is like.
struct LossTraits {
  bool labels = false, values = true;      // which targets it takes
  bool of_rows = false;                    // a loss for a row, not the mean of those of its elements
  int outputs = 1;                         // of the network for each value of the target
  Activation link = Activation::identity;  // the activation whose input it takes if it is linked; identity: none
  bool factor_inside = true;               // whether the factor multiplies the losses, not what becomes of their sum
};

struct SoftmaxCrossEntropy {  // of logits
  double label_smoothing = 0;
  std::optional<std::int64_t> ignore_index{};  // rows with this label weigh nothing
  static constexpr LossTraits traits{.labels = true, .of_rows = true, .link = Activation::softmax};
  static constexpr auto kind() {
    return record("softmax_cross_entropy", field("label_smoothing", &SoftmaxCrossEntropy::label_smoothing, unit_interval),
                  field("ignore_index", &SoftmaxCrossEntropy::ignore_index));
  }
};
struct NegativeLogLikelihood {  // of log-probabilities
  std::optional<std::int64_t> ignore_index{};
  static constexpr LossTraits traits{.labels = true, .of_rows = true};
  static constexpr auto kind() { return record("nll", field("ignore_index", &NegativeLogLikelihood::ignore_index)); }
};
struct BinaryCrossEntropy {
  bool from_logits = true;
  double label_smoothing = 0;
  static constexpr LossTraits traits{.link = Activation::sigmoid};
  static constexpr auto kind() {
    return record("binary_cross_entropy", field("from_logits", &BinaryCrossEntropy::from_logits),
                  field("label_smoothing", &BinaryCrossEntropy::label_smoothing, unit_interval));
  }
};
struct MeanSquaredError {
  static constexpr LossTraits traits{};
  static constexpr auto kind() { return record("mse"); }
};
struct MeanAbsoluteError {
  static constexpr LossTraits traits{};
  static constexpr auto kind() { return record("mae"); }
};
struct LogCosh {
  static constexpr LossTraits traits{};
  static constexpr auto kind() { return record("log_cosh"); }
};
struct RootMeanSquaredError {
  static constexpr LossTraits traits{.factor_inside = false};
  static constexpr auto kind() { return record("rmse"); }
};
struct Huber {
  double delta = 1;
  static constexpr LossTraits traits{};
  static constexpr auto kind() { return record("huber", field("delta", &Huber::delta, above(0))); }
};
struct Pinball {
  double quantile = 0.5;
  static constexpr LossTraits traits{};
  static constexpr auto kind() { return record("pinball", field("quantile", &Pinball::quantile, open_unit)); }
};
struct PoissonNll {
  bool log_input = true, full = false;
  static constexpr LossTraits traits{};
  static constexpr auto kind() {
    return record("poisson_nll", field("log_input", &PoissonNll::log_input), field("full", &PoissonNll::full));
  }
};
struct GammaNll {
  bool full = false;
  static constexpr LossTraits traits{};
  static constexpr auto kind() { return record("gamma_nll", field("full", &GammaNll::full)); }
};
struct GaussianNll {  // outputs: locations, then logarithms of variances
  bool full = false;
  static constexpr LossTraits traits{.outputs = 2};
  static constexpr auto kind() { return record("gaussian_nll", field("full", &GaussianNll::full)); }
};
struct LaplaceNll {  // outputs: locations, then logarithms of scales
  bool full = false;
  static constexpr LossTraits traits{.outputs = 2};
  static constexpr auto kind() { return record("laplace_nll", field("full", &LaplaceNll::full)); }
};
struct Hinge {
  double margin = 1;
  static constexpr LossTraits traits{};
  static constexpr auto kind() { return record("hinge", field("margin", &Hinge::margin, at_least(0))); }
};
struct MulticlassHinge {
  double margin = 1;
  static constexpr LossTraits traits{.labels = true, .values = false, .of_rows = true};
  static constexpr auto kind() { return record("multiclass_hinge", field("margin", &MulticlassHinge::margin, at_least(0))); }
};
struct KlDivergence {
  bool log_input = false;  // whether the outputs are logarithms of probabilities
  static constexpr LossTraits traits{.of_rows = true};
  static constexpr auto kind() { return record("kl_divergence", field("log_input", &KlDivergence::log_input)); }
};
// A loss in another language: number `index` of the LossCallbacks that the network is given. It reduces and takes what targets it wants.
struct CallbackLoss {
  int index = 0;
  static constexpr LossTraits traits{.labels = true};
  static constexpr auto kind() { return record("host", field("index", &CallbackLoss::index, at_least(0))); }
};

using LossKind = std::variant<SoftmaxCrossEntropy, NegativeLogLikelihood, BinaryCrossEntropy, MeanSquaredError, MeanAbsoluteError, LogCosh,
                              RootMeanSquaredError, Huber, Pinball, PoissonNll, GammaNll, GaussianNll, LaplaceNll, Hinge, MulticlassHinge,
                              KlDivergence, CallbackLoss>;

// What a target that is NaN means. none: nothing, the loss is NaN; mask: the element weighs 0, where the loss is one of elements.
enum class Missing : int { none, mask };
constexpr auto words(Missing) { return std::array<std::string_view, 2>{"none", "mask"}; }

// A kind of loss with what all have: loss = Huber{.delta = 2}, or {Huber{}, LossReduction::sum}.
struct Loss {
  LossKind is = MeanSquaredError{};
  LossReduction reduction = LossReduction::mean;
  double factor = 1;
  bool link = false;  // the network ends in the activation that belongs to the loss, which takes what goes into that
  Missing missing = Missing::none;
  Loss() = default;
  template <class K>
    requires is_one_of<K, LossKind>
  Loss(K kind, LossReduction how = LossReduction::mean, double times = 1, bool linked = false)
      : is(kind), reduction(how), factor(times), link(linked) {}
};

inline LossTraits traits_of(const LossKind& is) {
  return std::visit([](const auto& kind) { return std::remove_cvref_t<decltype(kind)>::traits; }, is);
}

}  // namespace densekit
