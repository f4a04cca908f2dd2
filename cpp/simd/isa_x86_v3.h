// x86-64-v3: AVX2 and FMA.
#pragma once
#define DENSEKIT_VECTOR_BYTES 32
#include <immintrin.h>
#include "simd/vec_types.h"

DENSEKIT_BEGIN

// b when a and b do not compare: max(0, NaN) is NaN, max(NaN, 0) is 0.
inline vec<float> max(vec<float> a, vec<float> b) { return (vec<float>)_mm256_max_ps((__m256)a, (__m256)b); }
inline vec<double> max(vec<double> a, vec<double> b) { return (vec<double>)_mm256_max_pd((__m256d)a, (__m256d)b); }
inline vec<float> min(vec<float> a, vec<float> b) { return (vec<float>)_mm256_min_ps((__m256)a, (__m256)b); }
inline vec<double> min(vec<double> a, vec<double> b) { return (vec<double>)_mm256_min_pd((__m256d)a, (__m256d)b); }
inline vec<float> fma(vec<float> a, vec<float> b, vec<float> c) { return (vec<float>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
inline vec<double> fma(vec<double> a, vec<double> b, vec<double> c) {
  return (vec<double>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
}
inline vec<float> sqrt(vec<float> x) { return (vec<float>)_mm256_sqrt_ps((__m256)x); }
inline vec<double> sqrt(vec<double> x) { return (vec<double>)_mm256_sqrt_pd((__m256d)x); }

// The first n lanes, 0 <= n <= width; the others read as zero, are not written and cannot fault.
inline __m256i first(index n, float) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline __m256i first(index n, double) { return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3)); }
template <class V> inline V load_n(const lane<V>* p, index n) {
  if constexpr (is_float<lane<V>>) return (V)_mm256_maskload_ps(p, first(n, 0.0f));
  else return (V)_mm256_maskload_pd(p, first(n, 0.0));
}
inline void store_n(float* p, vec<float> v, index n) { _mm256_maskstore_ps(p, first(n, 0.0f), (__m256)v); }
inline void store_n(double* p, vec<double> v, index n) { _mm256_maskstore_pd(p, first(n, 0.0), (__m256d)v); }

inline vec<double> widen(half_floats h) { return (vec<double>)_mm256_cvtps_pd((__m128)h); }
inline half_floats narrow(vec<double> x) { return (half_floats)_mm256_cvtpd_ps((__m256d)x); }
inline half_floats lower_half(vec<float> x) { return (half_floats)_mm256_castps256_ps128((__m256)x); }
inline half_floats upper_half(vec<float> x) { return (half_floats)_mm256_extractf128_ps((__m256)x, 1); }
inline vec<float> join(half_floats lower, half_floats upper) { return (vec<float>)_mm256_set_m128((__m128)upper, (__m128)lower); }
inline __m128i first_of_half(index n) { return _mm_cmpgt_epi32(_mm_set1_epi32(static_cast<int>(n)), _mm_setr_epi32(0, 1, 2, 3)); }
inline half_floats load_half_n(const float* p, index n) { return (half_floats)_mm_maskload_ps(p, first_of_half(n)); }
inline void store_half_n(float* p, half_floats h, index n) { _mm_maskstore_ps(p, first_of_half(n), (__m128)h); }

// Past the caches, to a multiple of 32 bytes; finish_past makes them visible to others.
inline void store_past(float* p, vec<float> v) { _mm256_stream_ps(p, (__m256)v); }
inline void store_past(double* p, vec<double> v) { _mm256_stream_pd(p, (__m256d)v); }
inline void finish_past() { _mm_sfence(); }

// The 64-bit products of the low 32 bits of each lane.
inline vec<std::uint64_t> multiply_low_halves(vec<std::uint64_t> a, vec<std::uint64_t> b) {
  return (vec<std::uint64_t>)_mm256_mul_epu32((__m256i)a, (__m256i)b);
}

DENSEKIT_END
