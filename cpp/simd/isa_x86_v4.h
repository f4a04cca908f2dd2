// x86-64-v4: AVX-512 F, BW, CD, DQ, VL.
#pragma once
#define DENSEKIT_VECTOR_BYTES 64
#include <immintrin.h>
#include "simd/vec_types.h"

DENSEKIT_BEGIN

// b when a and b do not compare: max(0, NaN) is NaN, max(NaN, 0) is 0.
inline vec<float> max(vec<float> a, vec<float> b) { return (vec<float>)_mm512_max_ps((__m512)a, (__m512)b); }
inline vec<double> max(vec<double> a, vec<double> b) { return (vec<double>)_mm512_max_pd((__m512d)a, (__m512d)b); }
inline vec<float> min(vec<float> a, vec<float> b) { return (vec<float>)_mm512_min_ps((__m512)a, (__m512)b); }
inline vec<double> min(vec<double> a, vec<double> b) { return (vec<double>)_mm512_min_pd((__m512d)a, (__m512d)b); }
inline vec<float> fma(vec<float> a, vec<float> b, vec<float> c) { return (vec<float>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
inline vec<double> fma(vec<double> a, vec<double> b, vec<double> c) {
  return (vec<double>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
}
inline vec<float> sqrt(vec<float> x) { return (vec<float>)_mm512_sqrt_ps((__m512)x); }
inline vec<double> sqrt(vec<double> x) { return (vec<double>)_mm512_sqrt_pd((__m512d)x); }

// The first n lanes, 0 <= n <= width; the others read as zero, are not written and cannot fault.
inline unsigned first(index n) { return (1u << n) - 1u; }
template <class V> inline V load_n(const lane<V>* p, index n) {
  if constexpr (is_float<lane<V>>) return (V)_mm512_maskz_loadu_ps(static_cast<__mmask16>(first(n)), p);
  else return (V)_mm512_maskz_loadu_pd(static_cast<__mmask8>(first(n)), p);
}
inline void store_n(float* p, vec<float> v, index n) { _mm512_mask_storeu_ps(p, static_cast<__mmask16>(first(n)), (__m512)v); }
inline void store_n(double* p, vec<double> v, index n) { _mm512_mask_storeu_pd(p, static_cast<__mmask8>(first(n)), (__m512d)v); }

// The 64-bit products of the low 32 bits of each lane.
inline vec<std::uint64_t> multiply_low_halves(vec<std::uint64_t> a, vec<std::uint64_t> b) {
  return (vec<std::uint64_t>)_mm512_mul_epu32((__m512i)a, (__m512i)b);
}

DENSEKIT_END
