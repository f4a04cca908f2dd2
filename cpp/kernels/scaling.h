// Column-wise scaling of data.
#pragma once
#include "simd/math.h"

DENSEKIT_BEGIN

template <class T> constexpr ScalingKernels<T> scaling_kernels{};

DENSEKIT_END
