// Penalties on weights, soft thresholding and clipping.
#pragma once
#include "simd/math.h"

DENSEKIT_BEGIN

template <class T> constexpr PenaltyKernels<T> penalty_kernels{};

DENSEKIT_END
