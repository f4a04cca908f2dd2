// Sums of powers, extremes, and the rotation of two vectors: what norms and singular values are made of. Sums are carried
// in float64, in four chains a call, so that an addition need not wait for the one before it.
#pragma once
#include "simd/lane_sums.h"
#include "simd/math.h"

DENSEKIT_BEGIN

namespace norms {

using D = vec<double>;

// step(…step(step(0, x0), x1)…, xn) in lanes and chains; lanes behind the end see `filler`.
template <class T, class Step> double fold(const T* x, index n, double filler, Step step) {
  return sum_lanes<double, 1, 4>(n,
                                 [&](index i, index count, auto& lanes) DENSEKIT_INLINE {
                                   D v = load_as_double(x + i, count);
                                   if (count < width<double>) v = select<D>(first_lanes<D>(count), v, D{} + filler);
                                   lanes.of[0][0] = step(lanes.of[0][0], v);
                                 })
      .total[0];
}

// (a / b)^p for 0 <= a <= b, 0 < b, a < infinity, p > 0. A quotient below the normal numbers is formed 2^1200 times as
// large, because its power may still count. (Such an a is below 2^24, unless b is infinite and the quotient 0.)
inline D ratio_power(D a, D b, double p) {
  const bits<D> far = (a < b * 0x1p-1000) & (a < 0x1p24);
  const D q = select<D>(far, a * 0x1p600, a) / select<D>(far, b * 0x1p-600, b);
  return exp(p * (log(q) - select<D>(far, D{} + 831.7766166719344, D{})));  // 1200 ln 2
}

// scale * sum^(1/p), in two factors because the power alone may leave the range.
inline D scaled_root(D scale, D sum, double p) {
  if (p == 2) return scale * sqrt(sum);
  const D half = exp(log(sum) / (2 * p));
  return scale * half * half;
}

template <class T> double largest(const T* x, index n) {
  using V = vec<T>;
  V m{};
  for_lanes<T>(n, [&](index i, index count) { m = max_nan(abs(load_any<V>(x + i, count)), m); });
  return hmax_nan(m);
}
template <class T> double smallest(const T* x, index n) {
  using V = vec<T>;
  const V infinity = V{} + constant<V>::infinity;
  V m = infinity;
  for_lanes<T>(n,
               [&](index i, index count) { m = min_nan(select<V>(first_lanes<V>(count), abs(load_any<V>(x + i, count)), infinity), m); });
  return -hmax_nan(-m);
}
template <class T> double nonzeros(const T* x, index n) {
  return fold(x, n, 0, [](D sum, D v) { return sum + select<D>(v == 0, D{}, D{} + 1); });
}
template <class T> double sum(const T* x, index n) {
  return fold(x, n, 0, [](D sum, D v) { return sum + abs(v); });
}
template <class T> double squares(const T* x, index n) {
  return fold(x, n, 0, [](D sum, D v) { return fma(v, v, sum); });
}
template <class T> double powers(const T* x, index n, double p, double scale) {
  const D s = D{} + scale;
  if (p == 2)
    return fold(x, n, 0, [&](D sum, D v) {
      const D q = v / s;
      return fma(q, q, sum);
    });
  if (p > 0) return fold(x, n, 0, [&](D sum, D v) { return sum + ratio_power(abs(v), s, p); });
  return fold(x, n, double(constant<D>::infinity), [&](D sum, D v) { return sum + ratio_power(s, abs(v), -p); });
}
inline double root(double scale, double sum, double p) { return scaled_root(D{} + scale, D{} + sum, p)[0]; }

inline void products(const double* x, const double* y, index n, double* xx, double* yy, double* xy) {
  const auto sums = sum_lanes<double, 3>(n, [&](index i, index count, auto& lanes) DENSEKIT_INLINE {
    const D u = load_any<D>(x + i, count), v = load_any<D>(y + i, count);
    lanes.of[0][0] = fma(u, u, lanes.of[0][0]);
    lanes.of[1][0] = fma(v, v, lanes.of[1][0]);
    lanes.of[2][0] = fma(u, v, lanes.of[2][0]);
  });
  *xx = sums.total[0];
  *yy = sums.total[1];
  *xy = sums.total[2];
}
inline void rotate(double* x, double* y, index n, double cosine, double sine) {
  const D c = D{} + cosine, s = D{} + sine;
  for_lanes<double>(n, [&](index i, index count) {
    const D u = load_any<D>(x + i, count), v = load_any<D>(y + i, count);
    store_any<D>(x + i, fma(c, u, -s * v), count);
    store_any<D>(y + i, fma(s, u, c * v), count);
  });
}

}  // namespace norms

template <class T> constexpr NormKernels<T> norm_kernels{norms::largest<T>, norms::smallest<T>, norms::nonzeros<T>,
                                                         norms::sum<T>,     norms::squares<T>,  norms::powers<T>,
                                                         norms::root,       norms::products,    norms::rotate};

DENSEKIT_END
