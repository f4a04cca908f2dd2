// y = (x - mean) / max(√variance, eps) by column, with statistics that are given, not trained: NaN until then.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "ops/channels.h"
#include "train/builder.h"
#include "train/step.h"

namespace densekit {

struct NormalizationOperation : NoParameters {
  double eps;
  int mean, variance;

  enum Kept { means, inverses, zeros };  // of the columns: the mean, 1 / max(√variance, eps), 0
  static constexpr OperationTraits traits{.gradient_in_place = true, .takes_epilogue = true};
  static KeptLengths kept(const Wiring& w, index) { return {w.outputs, w.outputs, w.outputs}; }
  template <class T> static Bytes scratch_bytes(const Context&, const Wiring& w, index rows, Purpose) {
    return normalize_scratch_bytes<T>(ChannelShape{rows, w.outputs, 1});
  }

  template <class T> void forward(const Step<T>& s) const {
    const T *given_mean = s.statistic(mean), *given_variance = s.statistic(variance);
    for (index j = 0; j < s.outputs(); ++j) {
      if (given_mean[j] != given_mean[j] || given_variance[j] != given_variance[j])
        throw std::invalid_argument("layer '" + s.layer().name + "' has no mean and variance yet: adapt it to data, or write them");
      s.kept.doubles[means][j] = static_cast<double>(given_mean[j]);
      s.kept.doubles[inverses][j] = 1 / std::max(std::sqrt(static_cast<double>(given_variance[j])), eps);
      s.kept.doubles[zeros][j] = 0;
    }
    const auto dropout = s.merged_dropout();
    normalize(s.context(), s.x(), ChannelShape{s.rows(), s.outputs(), 1}, s.kept.doubles[means], s.kept.doubles[inverses],
              static_cast<const T*>(nullptr), static_cast<const T*>(nullptr), s.y(), s.ws.scratch, s.epilogue(dropout));
  }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T*) const {
    if (!s.wants_dx) return;
    normalize(s.context(), static_cast<const T*>(dy), ChannelShape{s.rows(), s.outputs(), 1}, s.kept.doubles[zeros],
              s.kept.doubles[inverses], static_cast<const T*>(nullptr), static_cast<const T*>(nullptr), dx, s.ws.scratch);
  }
};

inline int emit(Builder& b, const Normalization& layer, int input) {
  const index n = b.width(input);
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  const int mean = b.statistic("mean", {n}, unknown, false), variance = b.statistic("variance", {n}, unknown, false);
  return b.emit(NormalizationOperation{{}, layer.eps, mean, variance}, input, n);
}

}  // namespace densekit
