// What a call of a network runs with.
#pragma once
#include "core/context.h"
#include "core/float_state.h"
#include "core/interrupt.h"
#include "densekit/spec.h"

namespace densekit {

// Denormals flushed, and the question whether to stop.
class Call {
 public:
  // trained: the spec, in calls that train: their products may be less precise. Predictions may not, lest a row depend on its batch.
  explicit Call(bool (*stop)(), const Spec* trained = nullptr) : interrupt_(stop) {
    if (stop) context.interrupt = &interrupt_;
    if (trained) context.bf16 = bf16_kernels(parts(trained->precision));
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  Context context = current_context();

 private:
  // That stand for an operand of a product; 0: float32.
  static int parts(Precision least) { return least == Precision::medium ? 1 : least == Precision::high ? 2 : 0; }
  const WithFloatState flush_{flushing(float_state())};
  Interrupt interrupt_;
};

}  // namespace densekit
