// aarch64: 16-byte vectors with a fused multiply-add.
#pragma once
#define DENSEKIT_VECTOR_BYTES 16
#include <arm_neon.h>
#include "simd/halves.h"

DENSEKIT_BEGIN

// b when a and b do not compare, as on x86 (NEON's own min and max return NaN).
template <class V> inline V max(V a, V b) { return a > b ? a : b; }
template <class V> inline V min(V a, V b) { return a < b ? a : b; }
inline vec<float> fma(vec<float> a, vec<float> b, vec<float> c) {
  return (vec<float>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
inline vec<double> fma(vec<double> a, vec<double> b, vec<double> c) {
  return (vec<double>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
inline vec<float> sqrt(vec<float> x) { return (vec<float>)vsqrtq_f32((float32x4_t)x); }
inline vec<double> sqrt(vec<double> x) { return (vec<double>)vsqrtq_f64((float64x2_t)x); }

// The first n lanes, 0 <= n <= width; the others read as zero and are not written.
template <class V> inline V load_n(const lane<V>* p, index n) {
  V v{};
  for (index i = 0; i < n; ++i) v[i] = p[i];
  return v;
}
template <class V> inline void store_n(lane<V>* p, V v, index n) {
  for (index i = 0; i < n; ++i) p[i] = v[i];
}

// There is no store past the caches of one vector.
template <class V> inline void store_past(lane<V>* p, V v) { store<V>(p, v); }
inline void finish_past() {}

// The 64-bit products of the low 32 bits of each lane.
inline vec<std::uint64_t> multiply_low_halves(vec<std::uint64_t> a, vec<std::uint64_t> b) {
  return (vec<std::uint64_t>)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
}

DENSEKIT_END
