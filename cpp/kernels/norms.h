// Sums of powers, extremes: what norms and distances are made of.
#pragma once
#include "simd/math.h"

DENSEKIT_BEGIN

template <class T> constexpr NormKernels<T> norm_kernels{};

DENSEKIT_END
