// Any machine: 16-byte vectors as the compiler gives them (SSE2 on x86-64, NEON on aarch64 has its own file).
// fma is a product and a sum, rounded twice, because the hardware may have no fused one.
#pragma once
#define DENSEKIT_VECTOR_BYTES 16
#include "simd/halves.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

DENSEKIT_BEGIN

// b when a and b do not compare, as the x86 instructions do: max(0, NaN) is NaN, max(NaN, 0) is 0.
template <class V> inline V max(V a, V b) { return a > b ? a : b; }
template <class V> inline V min(V a, V b) { return a < b ? a : b; }
template <class V> inline V fma(V a, V b, V c) { return a * b + c; }

#if defined(__SSE2__)
inline vec<float> sqrt(vec<float> x) { return (vec<float>)_mm_sqrt_ps((__m128)x); }
inline vec<double> sqrt(vec<double> x) { return (vec<double>)_mm_sqrt_pd((__m128d)x); }
#else
inline vec<float> sqrt(vec<float> x) {
  for (int i = 0; i < 4; ++i) x[i] = __builtin_sqrtf(x[i]);
  return x;
}
inline vec<double> sqrt(vec<double> x) {
  for (int i = 0; i < 2; ++i) x[i] = __builtin_sqrt(x[i]);
  return x;
}
#endif

// The first n lanes, 0 <= n <= width; the others read as zero and are not written.
template <class V> inline V load_n(const lane<V>* p, index n) {
  V v{};
  for (index i = 0; i < n; ++i) v[i] = p[i];
  return v;
}
template <class V> inline void store_n(lane<V>* p, V v, index n) {
  for (index i = 0; i < n; ++i) p[i] = v[i];
}

// Past the caches, where the machine can, to a multiple of 16 bytes; finish_past makes them visible to others.
#if defined(__SSE2__)
inline void store_past(float* p, vec<float> v) { _mm_stream_ps(p, (__m128)v); }
inline void store_past(double* p, vec<double> v) { _mm_stream_pd(p, (__m128d)v); }
inline void finish_past() { _mm_sfence(); }
#else
template <class V> inline void store_past(lane<V>* p, V v) { store<V>(p, v); }
inline void finish_past() {}
#endif

// The 64-bit products of the low 32 bits of each lane.
inline vec<std::uint64_t> multiply_low_halves(vec<std::uint64_t> a, vec<std::uint64_t> b) {
#if defined(__SSE2__)
  return (vec<std::uint64_t>)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
  return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

DENSEKIT_END
