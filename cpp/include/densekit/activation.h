// The activations by name, and their numbers.
#pragma once

namespace densekit {

// Those of one element first, for which there are kernels; those of whole rows behind them.
enum class Activation : int {
#define ACTIVATION(name, Functor, saves, parameter, usual, range) name,
#define ROW_ACTIVATION(name, parameter, usual, range) name,
#include "densekit/activations.def"
#undef ROW_ACTIVATION
#undef ACTIVATION
};

}  // namespace densekit
