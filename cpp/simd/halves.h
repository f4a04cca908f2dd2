// Halves of float vectors, as the compiler makes them: for instruction sets whose halves are 8 bytes.
#pragma once
#include "simd/vec_types.h"

DENSEKIT_BEGIN

inline vec<double> widen(half_floats h) { return __builtin_convertvector(h, vec<double>); }
inline half_floats narrow(vec<double> x) { return __builtin_convertvector(x, half_floats); }
inline half_floats lower_half(vec<float> x) {
  half_floats h;
  __builtin_memcpy(&h, &x, sizeof h);
  return h;
}
inline half_floats upper_half(vec<float> x) {
  half_floats h;
  __builtin_memcpy(&h, reinterpret_cast<const char*>(&x) + sizeof h, sizeof h);
  return h;
}
inline vec<float> join(half_floats lower, half_floats upper) {
  const half_floats parts[] = {lower, upper};
  vec<float> x;
  __builtin_memcpy(&x, parts, sizeof x);
  return x;
}
inline half_floats load_half_n(const float* p, index n) {
  half_floats h{};
  for (index i = 0; i < n; ++i) h[i] = p[i];
  return h;
}
inline void store_half_n(float* p, half_floats h, index n) {
  for (index i = 0; i < n; ++i) p[i] = h[i];
}

DENSEKIT_END
