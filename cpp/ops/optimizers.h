// Updates of parameters in place.
#pragma once
#include "core/context.h"

namespace densekit {

// p <- keep p - rate g
template <class T> void sgd(const Context& context, T* p, const T* g, index n, double keep, double rate);

}  // namespace densekit
