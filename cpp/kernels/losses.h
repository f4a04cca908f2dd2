// Pointwise losses and their gradients.
#pragma once
#include "simd/math.h"

DENSEKIT_BEGIN

template <class T> constexpr LossKernels<T> loss_kernels{};

DENSEKIT_END
