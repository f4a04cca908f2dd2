// Entropies and log-likelihoods: sums over probabilities.
#pragma once
#include "simd/math.h"

DENSEKIT_BEGIN

template <class T> constexpr InformationKernels<T> information_kernels{};

DENSEKIT_END
