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

// x 2^n, rounded once.
#define DENSEKIT_HAS_SCALEF
inline vec<float> scalef(vec<float> x, vec<float> n) { return (vec<float>)_mm512_scalef_ps((__m512)x, (__m512)n); }
inline vec<double> scalef(vec<double> x, vec<double> n) { return (vec<double>)_mm512_scalef_pd((__m512d)x, (__m512d)n); }

// x = significand 2^exponent, the significand in [1, 2), or NaN where x is NaN or below 0; the exponent of 0 is -infinity.
#define DENSEKIT_HAS_GETEXP
inline vec<float> exponent(vec<float> x) { return (vec<float>)_mm512_getexp_ps((__m512)x); }
inline vec<double> exponent(vec<double> x) { return (vec<double>)_mm512_getexp_pd((__m512d)x); }
inline vec<float> significand(vec<float> x) { return (vec<float>)_mm512_getmant_ps((__m512)x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_nan); }
inline vec<double> significand(vec<double> x) { return (vec<double>)_mm512_getmant_pd((__m512d)x, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_nan); }

// The first n lanes, 0 <= n <= width; the others read as zero, are not written and cannot fault.
inline unsigned first(index n) { return (1u << n) - 1u; }
template <class V> inline V load_n(const lane<V>* p, index n) {
  if constexpr (is_float<lane<V>>) return (V)_mm512_maskz_loadu_ps(static_cast<__mmask16>(first(n)), p);
  else return (V)_mm512_maskz_loadu_pd(static_cast<__mmask8>(first(n)), p);
}
inline void store_n(float* p, vec<float> v, index n) { _mm512_mask_storeu_ps(p, static_cast<__mmask16>(first(n)), (__m512)v); }
inline void store_n(double* p, vec<double> v, index n) { _mm512_mask_storeu_pd(p, static_cast<__mmask8>(first(n)), (__m512d)v); }

// Written out, because of a conversion of eight lanes GCC 12 makes two of four, through memory.
inline vec<double> widen(half_floats h) { return (vec<double>)_mm512_cvtps_pd((__m256)h); }
inline half_floats narrow(vec<double> x) { return (half_floats)_mm512_cvtpd_ps((__m512d)x); }
inline half_floats lower_half(vec<float> x) { return (half_floats)_mm512_castps512_ps256((__m512)x); }
inline half_floats upper_half(vec<float> x) { return (half_floats)_mm512_extractf32x8_ps((__m512)x, 1); }
inline vec<float> join(half_floats lower, half_floats upper) {
  return (vec<float>)_mm512_insertf32x8(_mm512_castps256_ps512((__m256)lower), (__m256)upper, 1);
}
inline half_floats load_half_n(const float* p, index n) { return (half_floats)_mm256_maskz_loadu_ps(static_cast<__mmask8>(first(n)), p); }
inline void store_half_n(float* p, half_floats h, index n) { _mm256_mask_storeu_ps(p, static_cast<__mmask8>(first(n)), (__m256)h); }

// Past the caches, to a multiple of 64 bytes; finish_past makes them visible to others.
inline void store_past(float* p, vec<float> v) { _mm512_stream_ps(p, (__m512)v); }
inline void store_past(double* p, vec<double> v) { _mm512_stream_pd(p, (__m512d)v); }
inline void finish_past() { _mm_sfence(); }

// The 64-bit products of the low 32 bits of each lane.
inline vec<std::uint64_t> multiply_low_halves(vec<std::uint64_t> a, vec<std::uint64_t> b) {
  return (vec<std::uint64_t>)_mm512_mul_epu32((__m512i)a, (__m512i)b);
}

DENSEKIT_END
