// Dropout masks from Philox 4x32-10, regenerated wherever they are needed.
#pragma once
#include "simd/math.h"

DENSEKIT_BEGIN

template <class T> constexpr DropoutKernels<T> dropout_kernels{};

DENSEKIT_END
