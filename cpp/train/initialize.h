// Initial values of parameters, by docs/network.md: functions of the seed and the number of the segment.
#pragma once
#include "core/context.h"
#include "densekit/spec.h"

namespace densekit {

// Fills out, an array of that shape. fan_in and fan_out: inputs and units of the layer's kernel. Drawn in float64, rounded
// at the end. std::invalid_argument if the shape has more elements than one segment of random numbers
// can serve (2^34), or an orthogonal array is not a matrix. Allocates: it is no part of a step.
template <class T> void initialize(const Context& context, const Initializer& initializer, std::uint64_t seed, index segment,
                                   const std::vector<index>& shape, double fan_in, double fan_out, T* out);

}  // namespace densekit
