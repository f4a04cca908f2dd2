// The functions of simd/math.h over arrays, so that tests can hold each to its bound on every instruction set.
#pragma once
#include "simd/math.h"

DENSEKIT_BEGIN

template <class T> constexpr MathKernels<T> math_kernels{{
#define MATH_FUNCTION(name)                                                                                                \
  [](const T* x, T* y, index n) {                                                                                          \
    for_lanes<T>(n, [&](index i, index count) { store_any<vec<T>>(y + i, name(load_any<vec<T>>(x + i, count)), count); }); \
  },
#include "kernels/math.def"
#undef MATH_FUNCTION
}};

DENSEKIT_END
