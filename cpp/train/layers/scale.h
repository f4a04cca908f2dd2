// y = scale x, a trained factor for each column, from 1: a batch norm whose statistics are 0 and 1.
#pragma once
#include <algorithm>

#include "ops/normalization.h"
#include "train/builder.h"
#include "train/step.h"

namespace densekit {

struct ScaleLayerOperation {
  int scale;

  enum Kept { zeros, ones };  // of the columns
  static constexpr OperationTraits traits{.gradient_in_place = true, .takes_epilogue = true};
  Segments parameters() const { return {scale}; }
  static KeptLengths kept(const Wiring& w, index) { return {w.outputs, w.outputs}; }
  template <class T> static Bytes scratch_bytes(const Context&, const Wiring& w, index rows, Purpose purpose) {
    const ChannelShape shape{rows, w.outputs, 1};
    const Bytes forward = normalize_scratch_bytes<T>(shape);
    return purpose == Purpose::inference ? forward : std::max(forward, batch_norm_backward_scratch_bytes<T>(shape));
  }

  template <class T> void forward(const Step<T>& s) const {
    std::fill_n(s.kept.doubles[zeros], s.outputs(), 0.0);
    std::fill_n(s.kept.doubles[ones], s.outputs(), 1.0);
    const auto dropout = s.merged_dropout();
    normalize(s.context(), s.x(), ChannelShape{s.rows(), s.outputs(), 1}, s.kept.doubles[zeros], s.kept.doubles[ones], s.parameter(scale),
              static_cast<const T*>(nullptr), s.y(), s.ws.scratch, s.epilogue(dropout));
  }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T* gradients) const {
    batch_norm_backward(s.context(), dy, s.x(), ChannelShape{s.rows(), s.outputs(), 1}, s.kept.doubles[zeros], s.kept.doubles[ones],
                        s.parameter(scale), false, {dx, s.ws.or_sink(s.gradient(gradients, scale), 0), s.ws.or_sink(nullptr, 1)},
                        s.ws.scratch);
  }
};

inline int emit(Builder& b, const Scale& layer, int input) {
  const index n = b.width(input);
  return b.emit(ScaleLayerOperation{b.parameter({"scale", {n}, Ones{}, layer.scale_penalty})}, input, n);
}

}  // namespace densekit
