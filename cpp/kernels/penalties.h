// Penalties on weights with their gradients, soft thresholding, clipping. Sums are carried in float64.
#pragma once
#include "simd/lane_sums.h"
#include "simd/math.h"

DENSEKIT_BEGIN

// f(x, half) in float64 lanes: of the one vector, or of both halves of a float32 vector. Each half has a sum of its own, so that
// additions need not wait for each other.
template <class F> inline void in_double(vec<float> x, F&& f) {
  f(low_half(x), 0);
  f(high_half(x), 1);
}
template <class F> inline void in_double(vec<double> x, F&& f) { f(x, 0); }

// Which of the two a penalty has, and whether its gradient is added to what is there.
struct PenaltyTerms {
  bool l1 = false, l2 = false, adds = false;
};
template <class T, PenaltyTerms has> void penalty(const T* w, T* gradient, index n, T a, T b, double* sums) {
  using V = vec<T>;
  const auto totals = sum_lanes<T, 2>(n, [&](index i, index count, auto& lanes) DENSEKIT_INLINE {
    const V x = load_any<V>(w + i, count);  // lanes beyond count are zero
    in_double(x, [&](vec<double> half, int which) DENSEKIT_INLINE {
      if constexpr (has.l1) lanes.of[0][which] += abs(half);
      if constexpr (has.l2) lanes.of[1][which] = fma(half, half, lanes.of[1][which]);
    });
    V g = V{};
    if constexpr (has.l1) g = a * sign(x);
    if constexpr (has.l2) g = fma(V{} + b, x, g);
    store_any<V>(gradient + i, has.adds ? load_any<V>(gradient + i, count) + g : g, count);
  });
  sums[0] = totals.total[0];
  sums[1] = totals.total[1];
}

template <class T> void soft_threshold(const T* w, T* y, index n, T threshold) {
  using V = vec<T>;
  for_lanes<T>(n, [&](index i, index count) {
    const V x = load_any<V>(w + i, count);
    const V inside = select<V>(x == x, V{}, x);  // NaN stays NaN
    store_any<V>(y + i, select<V>(x > threshold, x - threshold, select<V>(x < -threshold, x + threshold, inside)), count);
  });
}

template <class T> void clip(const T* x, T* y, index n, T low, T high) {
  using V = vec<T>;
  for_lanes<T>(n, [&](index i, index count) { store_any<V>(y + i, clamp(load_any<V>(x + i, count), low, high), count); });
}

template <class T, class F> double sum_of_squares_of(const T* x, index n, F&& scaled) {
  using D = vec<double>;
  return sum_lanes<T, 1, is_float<T> ? 2 : 4>(n,
                                              [&](index i, index count, auto& lanes) DENSEKIT_INLINE {
                                                in_double(load_any<vec<T>>(x + i, count), [&](D half, int which) DENSEKIT_INLINE {
                                                  const D s = scaled(half);
                                                  lanes.of[0][which] = fma(s, s, lanes.of[0][which]);
                                                });
                                              })
      .total[0];
}
template <class T> double sum_of_squares(const T* x, index n, double factor) {
  using D = vec<double>;
  if (factor == 1) return sum_of_squares_of(x, n, [](D v) { return v; });
  return sum_of_squares_of(x, n, [=](D v) { return v * factor; });
}

// y = x factor, x finite, in two parts of T where they stay in range: x high + x low is off by little more than its rounding.
template <class T> void scale_by(const T* x, T* y, index n, double factor) {
  using V = vec<T>;
  const T high = T(factor), low = T(factor - double(high));
  if (factor > 0x1p-60 && factor < 0x1p60)
    for_lanes<T>(n, [=](index i, index count) {
      const V v = load_any<V>(x + i, count);
      store_any<V>(y + i, fma(v, V{} + high, v * low), count);
    });
  else for_lanes<double>(n, [=](index i, index count) { store_from_double(y + i, load_as_double(x + i, count) * factor, count); });
}

template <class T> constexpr PenaltyKernels<T> penalty_kernels{
    {penalty<T, PenaltyTerms{.l1 = true}>, penalty<T, PenaltyTerms{.l2 = true}>, penalty<T, PenaltyTerms{.l1 = true, .l2 = true}>},
    {penalty<T, PenaltyTerms{.l1 = true, .adds = true}>, penalty<T, PenaltyTerms{.l2 = true, .adds = true}>,
     penalty<T, PenaltyTerms{.l1 = true, .l2 = true, .adds = true}>},
    soft_threshold<T>,
    clip<T>,
    sum_of_squares<T>,
    scale_by<T>};

DENSEKIT_END
