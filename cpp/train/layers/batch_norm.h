// y = gamma (x - m) / sqrt(v + eps) + beta: m and v of the batch in training, the running ones otherwise.
#pragma once
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "ops/normalization.h"
#include "train/builder.h"
#include "train/step.h"

namespace densekit {

struct BatchNormOperation {
  double eps, stats_decay;
  bool unbiased;
  int gamma, beta;  // -1: none
  int mean, variance;
  bool block_moments = false;  // the dense layer before it made them

  enum Kept { means, inverses, squares };  // of the channels: the mean, 1 / sqrt(variance + eps), the sum of squared differences
  static constexpr OperationTraits traits{.gradient_in_place = true, .takes_epilogue = true};
  Segments parameters() const { return {gamma, beta}; }
  Segments statistics() const { return {mean, variance}; }
  static KeptLengths kept(const Wiring& w, index) { return {w.outputs, w.outputs, w.outputs}; }
  template <class T> static Bytes scratch_bytes(const Context&, const Wiring& w, index rows, Purpose purpose) {
    const ChannelShape shape{rows, w.outputs, 1};
    const Bytes forward = normalize_scratch_bytes<T>(shape);
    if (purpose == Purpose::inference) return forward;
    return std::max({forward, channel_moments_scratch_bytes(shape), batch_norm_backward_scratch_bytes<T>(shape)});
  }

  template <class T> void forward(const Step<T>& s) const {
    find_statistics(s);
    const auto dropout = s.merged_dropout();
    normalize(s.context(), s.x(), ChannelShape{s.rows(), s.outputs(), 1}, s.kept.doubles[means], s.kept.doubles[inverses],
              s.parameter(gamma), s.parameter(beta), s.y(), s.ws.scratch, s.epilogue(dropout));
  }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T* gradients) const {
    batch_norm_backward(s.context(), dy, s.x(), ChannelShape{s.rows(), s.outputs(), 1}, s.kept.doubles[means], s.kept.doubles[inverses],
                        s.parameter(gamma), s.trains(),
                        {dx, s.ws.or_sink(s.gradient(gradients, gamma), 0), s.ws.or_sink(s.gradient(gradients, beta), 1)}, s.ws.scratch);
  }
  // Running statistics from the batch that forward saw. decay: what is kept of them.
  template <class T> void commit(const Step<T>& s, T* to, double decay) const {
    if (!s.trains()) return;
    const double n = static_cast<double>(s.rows()), correction = unbiased ? n / (n - 1) : 1;
    T *running_mean = to + s.statistic_offset(mean), *running_variance = to + s.statistic_offset(variance);
    for (index j = 0; j < s.outputs(); ++j) {
      running_mean[j] = static_cast<T>(decay * static_cast<double>(running_mean[j]) + (1 - decay) * s.kept.doubles[means][j]);
      running_variance[j] =
          static_cast<T>(decay * static_cast<double>(running_variance[j]) + (1 - decay) * (s.kept.doubles[squares][j] / n * correction));
    }
  }

 private:
  template <class T> void find_statistics(const Step<T>& s) const {
    const index n = s.rows(), channels = s.outputs();
    double *const m = s.kept.doubles[means], *const inverse = s.kept.doubles[inverses], *const square = s.kept.doubles[squares];
    if (s.trains()) {
      if (n < 2)
        throw std::invalid_argument("layer '" + s.layer().name + "': batch norm in training needs at least two rows, got " +
                                    std::to_string(n));
      const ChannelShape shape{n, channels, 1};
      if (block_moments) merge_channel_moments(s.context(), shape, s.ws.block_means, s.ws.block_squares, m, square);
      else channel_moments(s.context(), s.x(), shape, m, square, s.ws.scratch);
      for (index j = 0; j < channels; ++j) inverse[j] = 1 / std::sqrt(square[j] / static_cast<double>(n) + eps);
      return;
    }
    const T *running_mean = s.statistic(mean), *running_variance = s.statistic(variance);
    for (index j = 0; j < channels; ++j) {
      m[j] = static_cast<double>(running_mean[j]);
      inverse[j] = 1 / std::sqrt(static_cast<double>(running_variance[j]) + eps);
    }
  }
};

inline int emit(Builder& b, const BatchNorm& layer, int input) {
  const index n = b.width(input);
  b.needs_two_rows(input);
  const int gamma = layer.scale ? b.parameter({"gamma", {n}, Ones{}, layer.gamma_penalty}) : -1;
  const int beta = layer.center ? b.parameter({"beta", {n}, Zeros{}, layer.beta_penalty}) : -1;
  const int mean = b.statistic("mean", {n}, 0), variance = b.statistic("variance", {n}, layer.initial_variance);
  return b.emit(BatchNormOperation{layer.eps, layer.stats_decay, layer.unbiased, gamma, beta, mean, variance}, input, n);
}

}  // namespace densekit
