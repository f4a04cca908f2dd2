// The words of a spec as the enumerations of the kernels.
#pragma once
#include <stdexcept>
#include <string>

#include "kernels/table.h"

namespace densekit {

inline Activation activation_named(const std::string& name) {
#define ACTIVATION(word, Functor, saves) \
  if (name == #word) return Activation::word;
#include "kernels/activations.def"
#undef ACTIVATION
  throw std::invalid_argument("unknown activation '" + name + "'");
}

}  // namespace densekit
