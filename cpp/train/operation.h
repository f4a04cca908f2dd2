// One operation of a plan: how it is wired, and which it is. Each kind of operation lives beside the layer that emits it
// (train/layers/) and has:
//
//   static constexpr OperationTraits traits{…};   every field named
//   Segments parameters() const;                  those it trains
//   Bytes scratch_bytes<T>(context, wiring, rows, purpose) const;   rows: of the operation
//   KeptLengths kept(wiring, rows) const;         doubles that forward leaves for backward, or for itself
//   void forward(step) const;
//   void backward(step, dy, dx, gradients) const;       gradients: the flat array; step.wants_dx: whether dx is used
//
// One with running statistics has statistics(), commit(step, to, decay) and stats_decay as well. Nothing has a default: what is left
// out does not compile.
#pragma once
#include <array>
#include <vector>

#include "core/arena.h"
#include "core/context.h"
#include "densekit/spec.h"

namespace densekit {

enum class Purpose { inference, training };  // training: everything that backward needs is kept

// output (rows, outputs) from input (rows, inputs), buffers by number. A row of the network is `repeat` of these rows.
struct Wiring {
  int layer = 0;  // index into Plan::layers
  int input = 0, output = -1;
  int second = -1;  // another buffer that it reads, as wide as the input; its gradient is that of the output
  index inputs = 0, outputs = 0, repeat = 1;
  bool trainable = true;
  bool trains_itself = false, input_is_trained = false;  // it has parameters that are trained; what made its input has
  // Done to each finished element, where the traits say so (ops/epilogue.h).
  ActivationFunction activation{};
  int dropout = -1;  // index into Plan::layers of the dropout merged into this operation
  int saved = -1;    // a buffer for what the slope is computed from; -1: the output has it
  // How the gradient of the input is made: written where the gradient of the output was, or elsewhere, or added.
  int gradient_slot = -1;  // of the output
  int input_slot = -1;     // of the input; -1: not wanted
  int work_slot = -1;      // where it is computed first when it has to be added
};

struct OperationTraits {
  bool gradient_in_place;  // the gradient of the input may be written over that of the output
  bool takes_epilogue;     // an activation and a dropout behind it may be done to each finished element
};

using Segments = std::vector<int>;  // segments by number
inline constexpr int most_kept = 3;
using KeptLengths = std::array<index, most_kept>;

// Of operations that need none.
struct NoParameters {
  static Segments parameters() { return {}; }
};
struct NoScratch {
  template <class T> static Bytes scratch_bytes(const Context&, const Wiring&, index, Purpose) { return 0; }
};
struct KeepsNothing {
  static KeptLengths kept(const Wiring&, index) { return {}; }
};

}  // namespace densekit
