// Batch and layer normalisation: statistics, the affine map and their backward passes.
#pragma once
#include "simd/math.h"

DENSEKIT_BEGIN

template <class T> constexpr NormalizationKernels<T> normalization_kernels{};

DENSEKIT_END
