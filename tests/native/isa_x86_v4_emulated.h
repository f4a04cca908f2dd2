// The level x86_v4 for machines without AVX-512: vectors of 64 bytes, as the compiler makes them of shorter ones, and what
// AVX-512 has instructions for, lane by lane. Slow, for tests: it must give the bits of x86_v3 and neon.
#pragma once
#define DENSEKIT_VECTOR_BYTES 64
#include <immintrin.h>
#include "simd/halves.h"

DENSEKIT_BEGIN

template <class V, class F> inline V by_lane(V a, V b, F&& f) {
  for (int i = 0; i < width<lane<V>>; ++i) a[i] = f(a[i], b[i]);
  return a;
}
template <class V> inline V max(V a, V b) {
  return by_lane(a, b, [](auto x, auto y) { return x > y ? x : y; });
}
template <class V> inline V min(V a, V b) {
  return by_lane(a, b, [](auto x, auto y) { return x < y ? x : y; });
}
template <class V> inline V fma(V a, V b, V c) {
  for (int i = 0; i < width<lane<V>>; ++i)
    if constexpr (is_float<lane<V>>) a[i] = __builtin_fmaf(a[i], b[i], c[i]);
    else a[i] = __builtin_fma(a[i], b[i], c[i]);
  return a;
}
template <class V> inline V sqrt(V x) {
  for (int i = 0; i < width<lane<V>>; ++i)
    if constexpr (is_float<lane<V>>) x[i] = __builtin_sqrtf(x[i]);
    else x[i] = __builtin_sqrt(x[i]);
  return x;
}

#define DENSEKIT_HAS_SCALEF
template <class V> inline V scalef(V x, V n) {
  return by_lane(x, n, [](auto a, auto b) -> lane<V> {
    if (a != a || b != b) return a + b;
    if (b > 4000) return a == 0 ? a : a * lane<V>(__builtin_inf());
    if (b < -4000) return a * lane<V>(0);
    return lane<V>(__builtin_ldexpl(static_cast<long double>(a), static_cast<int>(__builtin_floor(b))));
  });
}

#define DENSEKIT_HAS_GETEXP
template <class V> inline V exponent(V x) {
  return by_lane(x, x, [](auto a, auto) -> lane<V> {
    if (a != a) return a;
    if (a == 0) return -lane<V>(__builtin_inf());
    if (a - a != 0) return lane<V>(__builtin_inf());
    int e;
    __builtin_frexp(static_cast<double>(a), &e);
    return lane<V>(e - 1);
  });
}
template <class V> inline V significand(V x) {
  return by_lane(x, x, [](auto a, auto) -> lane<V> {
    if (a != a || a < 0) return lane<V>(__builtin_nan(""));
    if (a == 0 || a - a != 0) return 1;
    int e;
    return lane<V>(2 * __builtin_frexp(static_cast<double>(a), &e));
  });
}

template <class V> inline V load_n(const lane<V>* p, index n) {
  V v{};
  for (index i = 0; i < n; ++i) v[i] = p[i];
  return v;
}
template <class V> inline void store_n(lane<V>* p, V v, index n) {
  for (index i = 0; i < n; ++i) p[i] = v[i];
}
inline void store_past(float* p, vec<float> v) { store<vec<float>>(p, v); }
inline void store_past(double* p, vec<double> v) { store<vec<double>>(p, v); }
inline void finish_past() {}
inline vec<std::uint64_t> multiply_low_halves(vec<std::uint64_t> a, vec<std::uint64_t> b) { return (a & 0xffffffffu) * (b & 0xffffffffu); }

DENSEKIT_END
