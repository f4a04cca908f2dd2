// Activations, element by element.
#pragma once
#include "core/context.h"

namespace densekit {

// y = f(z); y may be z.
template <class T> void activation_forward(const Context& context, Activation kind, const T* z, T* y, index n, T parameter);
// dz = dy f'(z), saved being z or y as activations.def says; dz may be dy.
template <class T>
void activation_backward(const Context& context, Activation kind, const T* dy, const T* saved, T* dz, index n, T parameter);

// Whether the slope is computed from z (else from y).
constexpr bool saves_input(Activation kind) {
  constexpr bool z = true, y = false;
  constexpr bool saves[] = {
#define ACTIVATION(name, Functor, saves, parameter, usual, range) saves,
#include "densekit/activations.def"
#undef ACTIVATION
  };
  static_assert(z != y);
  return saves[static_cast<int>(kind)];
}

}  // namespace densekit
