// y = f(x): activations of elements, and of whole rows.
#pragma once
#include <algorithm>

#include "ops/activations.h"
#include "ops/penalties.h"
#include "ops/softmax.h"
#include "train/builder.h"
#include "train/step.h"

namespace densekit {

struct ActivationOperation : NoParameters, NoScratch, KeepsNothing {
  ActivationFunction function;
  static constexpr OperationTraits traits{.gradient_in_place = true, .takes_epilogue = false};

  template <class T> void forward(const Step<T>& s) const {
    activation_forward(s.context(), function.name, s.x(), s.y(), s.elements(), static_cast<T>(function.parameter));
  }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T*) const {
    const T* saved = s.wiring.saved >= 0 ? s.ws.buffer(s.wiring.saved) : s.y();
    activation_backward(s.context(), function.name, dy, saved, dx, s.elements(), static_cast<T>(function.parameter));
  }
};

// y = factor x.
struct ScaleOperation : NoParameters, NoScratch, KeepsNothing {
  double factor;
  static constexpr OperationTraits traits{.gradient_in_place = true, .takes_epilogue = false};

  template <class T> void forward(const Step<T>& s) const { scale_by(s.context(), s.x(), s.y(), s.elements(), factor); }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T*) const { scale_by(s.context(), dy, dx, s.elements(), factor); }
};

struct SoftmaxOperation : NoParameters, NoScratch, KeepsNothing {
  double temperature;
  static constexpr OperationTraits traits{.gradient_in_place = true, .takes_epilogue = false};

  template <class T> T factor() const { return static_cast<T>(1 / temperature); }
  template <class T> void forward(const Step<T>& s) const { softmax(s.context(), s.x(), s.y(), s.rows(), s.outputs(), factor<T>()); }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T*) const {
    softmax_backward(s.context(), dy, s.y(), dx, s.rows(), s.outputs(), factor<T>());
  }
};

struct LogSoftmaxOperation : NoParameters, KeepsNothing {
  double temperature;
  static constexpr OperationTraits traits{.gradient_in_place = true, .takes_epilogue = false};

  template <class T> static Bytes scratch_bytes(const Context& context, const Wiring& w, index, Purpose) {
    return log_softmax_scratch_bytes<T>(context, w.outputs);
  }
  template <class T> T factor() const { return static_cast<T>(1 / temperature); }
  template <class T> void forward(const Step<T>& s) const {
    log_softmax(s.context(), s.x(), s.y(), s.rows(), s.outputs(), factor<T>(), s.ws.scratch);
  }
  template <class T> void backward(const Step<T>& s, T* dy, T* dx, T*) const {
    log_softmax_backward(s.context(), dy, s.y(), dx, s.rows(), s.outputs(), factor<T>());
  }
};

// An operation of its own, or none for the identity.
inline int emit_activation(Builder& b, ActivationFunction f, int input) {
  const index width = b.width(input);
  if (f.name == Activation::identity) return input;
  if (f.name == Activation::softmax) return b.emit(SoftmaxOperation{{}, {}, {}, f.parameter}, input, width);
  if (f.name == Activation::log_softmax) return b.emit(LogSoftmaxOperation{{}, {}, f.parameter}, input, width);
  return b.emit(ActivationOperation{{}, {}, {}, f}, input, width);
}

inline int emit(Builder& b, const ActivationLayer& layer, int input) { return emit_activation(b, layer.activation, input); }

}  // namespace densekit
