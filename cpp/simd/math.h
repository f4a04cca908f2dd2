// exp, log and their relatives, once for float32 and float64. Every function keeps NaN, and has the bound (in ulp of the
// result, all inputs) that tests/test_math.py holds it to. Coefficients without a named source are Taylor series.
#pragma once
#include "simd/erf_coefficients.h"
#include "simd/vec.h"

DENSEKIT_BEGIN

// Horner's rule, lowest coefficient first.
template <class V, int n> inline V polynomial(V x, const lane<V> (&c)[n]) {
  V sum = V{} + c[n - 1];
  for (int i = n - 2; i >= 0; --i) sum = fma(sum, x, V{} + c[i]);
  return sum;
}

// What differs between the two types: the split of ln 2 (its high part has trailing zeros, so n * ln2_high is exact),
// the shift that rounds to an integer, and the series, as long as the type needs.
template <class T> struct constants;
template <> struct constants<float> {
  static constexpr int mantissa = 23, bias = 127;
  static constexpr float infinity = __builtin_inff(), smallest_normal = 1.17549435e-38f;
  static constexpr float ln2_high = 0.693145751953125f, ln2_low = 1.42860676e-6f, shift = 12582912.0f;  // 1.5 * 2^23
  static constexpr float exp_low = -104.0f, exp_high = 89.0f, expm1_low = -20.0f, tanh_high = 10.0f, gelu_low = -14.5f;
  static constexpr float exp_series[] = {1.f / 2, 1.f / 6, 1.f / 24, 1.f / 120, 1.f / 720, 1.f / 5040};
  static constexpr float log_series[] = {2.f / 3, 2.f / 5, 2.f / 7, 2.f / 9, 2.f / 11};
  static constexpr float half_pi_high = 1.57079637f, half_pi_low = -4.37113900e-8f;
  static constexpr int sine_terms = 4, cosine_terms = 5;
};
template <> struct constants<double> {
  static constexpr int mantissa = 52, bias = 1023;
  static constexpr double infinity = __builtin_inf(), smallest_normal = 2.2250738585072014e-308;
  static constexpr double ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
  static constexpr double shift = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double exp_low = -746.0, exp_high = 710.0, expm1_low = -40.0, tanh_high = 22.0, gelu_low = -39.0;
  static constexpr double exp_series[] = {1. / 2,     1. / 6,      1. / 24,      1. / 120,      1. / 720,       1. / 5040,
                                          1. / 40320, 1. / 362880, 1. / 3628800, 1. / 39916800, 1. / 479001600, 1. / 6227020800};
  static constexpr double log_series[] = {2. / 3, 2. / 5, 2. / 7, 2. / 9, 2. / 11, 2. / 13, 2. / 15, 2. / 17, 2. / 19, 2. / 21, 2. / 23};
  static constexpr double half_pi_high = 1.57079632679489655800e+00, half_pi_low = 6.12323399573676603587e-17;
  static constexpr int sine_terms = 8, cosine_terms = 8;
};
template <class V> using constant = constants<lane<V>>;

template <class V> inline V clamp(V x, lane<V> low, lane<V> high) { return min(V{} + high, max(V{} + low, x)); }

// 2^n for integers n in the range of normal numbers.
template <class V> inline V power_of_two(bits<V> n) { return bit_cast<V>((n + constant<V>::bias) << constant<V>::mantissa); }

// x = n ln 2 + r with |r| <= ln(2)/2: returns r, and n as integers and as numbers of V's kind.
template <class V> inline V reduce_by_ln2(V x, bits<V>& n, V& whole) {
  const V shift = V{} + constant<V>::shift;
  const V shifted = fma(x, V{} + lane<V>(1.4426950408889634), shift);
  n = bit_cast<bits<V>>(shifted) - bit_cast<bits<V>>(shift);
  whole = shifted - shift;
  return fma(whole, V{} - constant<V>::ln2_low, fma(whole, V{} - constant<V>::ln2_high, x));
}
// x 2^n for 1/2 <= x <= 2, rounded once, n as reduce_by_ln2 returns it.
template <class V> inline V scaled_by_power(V x, bits<V> n, V whole) {
#if defined(DENSEKIT_HAS_SCALEF)
  static_cast<void>(n);
  return scalef(x, whole);
#else
  static_cast<void>(whole);
  const bits<V> half = n >> 1;  // in two factors, because 2^n alone leaves the range at both ends
  return x * power_of_two<V>(half) * power_of_two<V>(n - half);
#endif
}
// e^r - 1 for |r| <= ln(2)/2.
template <class V> inline V expm1_reduced(V r) { return fma(r * r, polynomial(r, constant<V>::exp_series), r); }

// float32: 1.1 ulp, float64: 1.5 ulp; results below the smallest normal number are denormal.
template <class V> inline V exp(V x) {
  bits<V> n;
  V whole;
  const V r = reduce_by_ln2(clamp(x, constant<V>::exp_low, constant<V>::exp_high), n, whole);
  return scaled_by_power(1 + expm1_reduced(r), n, whole);
}

// e^x - 1. 2 ulp.
template <class V> inline V expm1(V x) {
  bits<V> n;
  V whole;
  const V r = reduce_by_ln2(clamp(x, constant<V>::expm1_low, constant<V>::exp_high), n, whole);
  const V half = power_of_two<V>(n - 1);
  const V y = 2 * fma(half, expm1_reduced(r), half - lane<V>(0.5));
  return select<V>(x < constant<V>::expm1_low, V{} - 1, y);
}

// x = m 2^e with m in [sqrt(1/2), sqrt(2)): returns m. For x normal and positive; where the machine can, for any: 0 has the
// exponent -infinity, infinity infinity, NaN and numbers below 0 have the significand NaN.
#if defined(DENSEKIT_HAS_GETEXP)
constexpr bool splits_any = true;
template <class V> inline V split_exponent(V x, V& e) {
  const V m = significand(x);  // in [1, 2)
  e = exponent(x);
  const bits<V> large = m >= lane<V>(1.4142135623730951);
  e = select<V>(large, e + 1, e);
  return select<V>(large, lane<V>(0.5) * m, m);
}
#else
constexpr bool splits_any = false;
template <class V> inline V split_exponent(V x, V& e) {
  const bits<V> root_half = bit_cast<bits<V>>(V{} + lane<V>(0.70710678118654752));
  // Unsigned: the distance of what is not positive leaves the range of signed numbers (such lanes are replaced later).
  const bits<V> distance = bit_cast<bits<V>>(bit_cast<unsigned_bits<V>>(x) - bit_cast<unsigned_bits<V>>(root_half));
  const bits<V> whole = distance >> constant<V>::mantissa;
  const V shift = V{} + constant<V>::shift;
  e = bit_cast<V>(whole + bit_cast<bits<V>>(shift)) - shift;
  return bit_cast<V>((distance & ((typename integer_of<lane<V>>::type(1) << constant<V>::mantissa) - 1)) + root_half);
}
#endif
// log(m 2^e (1 + c)), m in [sqrt(1/2), sqrt(2)), with a correction c.
// The arrangement of the sum is that of FreeBSD's e_log.c; the series is that of atanh(f / (2 + f)).
template <class V> inline V log_of_parts(V m, V e, V c) {
  const V f = m - 1, s = f / (2 + f), z = s * s, half_square = lane<V>(0.5) * f * f;
  const V r = z * polynomial(z, constant<V>::log_series);
  const V low = fma(s, half_square + r, fma(e, V{} + constant<V>::ln2_low, c));
  return fma(e, V{} + constant<V>::ln2_high, f - (half_square - low));
}
template <class V> inline V log_special_cases(V x, V below, V y) {  // below: where the logarithm is -infinity
  if constexpr (splits_any) return y;
  y = select<V>(x == constant<V>::infinity, x, y);
  y = select<V>(x == below, V{} - constant<V>::infinity, y);
  return select<V>(x < below, bit_cast<V>(~bits<V>{}), select<V>(x != x, x, y));
}

// 1 ulp.
template <class V> inline V log(V x) {
  V e;
  if constexpr (splits_any) {
    const V m = split_exponent(x, e);
    return log_of_parts(m, e, V{});
  }
  const bits<V> tiny = x < constant<V>::smallest_normal;
  const V m = split_exponent(select<V>(tiny, x * lane<V>(std::int64_t(1) << 54), x), e);
  return log_special_cases(x, V{}, log_of_parts(m, select<V>(tiny, e - 54, e), V{}));
}

// log(1 + x). 1 ulp.
template <class V> inline V log1p(V x) {
  const V u = 1 + x;
  const V lost = select<V>(abs(x) < 1, x - (u - 1), 1 - (u - x));  // what rounding 1 + x lost
  V e;
  const V m = split_exponent(u, e), y = log_of_parts(m, e, select<V>((u > 0) & (u < constant<V>::infinity), lost / u, V{}));
  return log_special_cases(x, V{} - 1, select<V>(abs(x) < constant<V>::smallest_normal, x, y));
}

// 2.5 ulp. tanh x = E / (E + 2) with E = e^(2x) - 1 keeps every digit near 0. E as in expm1, where nothing leaves the range.
template <class V> inline V tanh(V x) {
  bits<V> n;
  V whole;
  const V r = reduce_by_ln2(2 * min(V{} + constant<V>::tanh_high, abs(x)), n, whole);
  const V scale = power_of_two<V>(n), e = fma(scale, expm1_reduced(r), scale - 1);
  return copysign(e / (e + 2), x);
}

// 1 / (1 + e^-x), from e^-|x|, which cannot overflow. 2.5 ulp.
template <class V> inline V sigmoid(V x) {
  const V e = exp(-abs(x));
  return select<V>(x < 0, e, V{} + 1) / (1 + e);
}

// log(1 + e^x). 2 ulp.
template <class V> inline V softplus(V x) { return max(V{}, x) + log1p(exp(-abs(x))); }

// What rounding x * x lost, by Dekker's splitting.
template <class V> inline V square_rest(V x, V square) {
  const lane<V> split = lane<V>((std::int64_t(1) << (constant<V>::mantissa / 2 + 1)) + 1);
  const V big = split * x, high = big - (big - x), low = x - high;
  return ((high * high - square) + 2 * high * low) + low * low;
}
// erfc(x) = e^(-x^2) / (1 + 2x) * Q(t) for x >= 0.7; x^2 comes in two parts, because exp magnifies its error.
template <class V> inline V erfc_tail(V x, V square, V rest) {
  const V e = exp(-square), t = (x - 2) / (x + 2);
  V q;
  if constexpr (is_float<lane<V>>) q = polynomial(t, erfc_f32);
  else q = polynomial(t, erfc_f64);
  return fma(-e, rest, e) * q / fma(V{} + 2, x, V{} + 1);
}

// 1.5 ulp.
template <class V> inline V erf(V x) {
  const V a = abs(x), inner = min(V{} + 1, x), outer = clamp(a, 1, 10), square = outer * outer;
  V p;
  if constexpr (is_float<lane<V>>) p = polynomial(inner * inner, erf_f32);
  else p = polynomial(inner * inner, erf_f64);
  const V outside = 1 - erfc_tail(outer, square, square_rest(outer, square));
  return select<V>(a > 1, copysign(outside, x), fma(inner, p, inner));
}

// The distribution function of the standard normal, (1 + erf(x / sqrt 2)) / 2. float32: 5 ulp, float64: 6 ulp; 3 ulp where
// x > -1. The tail is taken from erfc, where nothing cancels, and its exponent x^2 / 2 from x itself, whose digits count.
template <class V> inline V normal_cdf(V x) {
  const V a = abs(x), outer = clamp(a, 1, 39), square = outer * outer, middle = clamp(x, -1, 1);
  const V tail =
      lane<V>(0.5) * erfc_tail(outer * lane<V>(0.70710678118654752), lane<V>(0.5) * square, lane<V>(0.5) * square_rest(outer, square));
  V h;
  if constexpr (is_float<lane<V>>) h = polynomial(middle * middle, half_normal_f32);
  else h = polynomial(middle * middle, half_normal_f64);
  const V y = select<V>(a > 1, select<V>(x > 0, 1 - tail, tail), fma(middle, h, V{} + lane<V>(0.5)));
  return select<V>(x != x, x, y);
}

// (-1)^k (pi/2)^(2k + first) / (2k + first)! for k = 1, 2, ...: the Taylor series of sin and cos of quarter turns, behind
// their first terms.
template <class T, int terms> struct QuarterTurnSeries {
  T c[terms];
  constexpr explicit QuarterTurnSeries(int first) : c{} {
    constexpr double half_pi = 1.5707963267948966;
    double term = first == 1 ? half_pi : 1;
    for (int k = 1; k <= terms; ++k) {
      const int n = 2 * k + first;
      term *= -half_pi * half_pi / (n * (n - 1));
      c[k - 1] = static_cast<T>(term);
    }
  }
};

// sin(2 pi x) and cos(2 pi x), 2 ulp: x loses its whole turns, then its whole quarters, both exactly.
template <class V> inline void sincos2pi(V x, V& sine, V& cosine) {
  using C = constant<V>;
  const V a = abs(x), integral = V{} + lane<V>(std::int64_t(1) << C::mantissa);  // from here on every number is whole
  const V turn = a - select<V>(a < integral, (a + integral) - integral, a);      // [-1/2, 1/2]; NaN for infinity
  const V shift = V{} + C::shift, shifted = fma(V{} + 4, turn, shift);
  const bits<V> quarter = bit_cast<bits<V>>(shifted) - bit_cast<bits<V>>(shift);
  const V f = 4 * turn - (shifted - shift), z = f * f;  // [-1/2, 1/2] quarters
  static constexpr QuarterTurnSeries<lane<V>, C::sine_terms> s(1);
  static constexpr QuarterTurnSeries<lane<V>, C::cosine_terms> c(0);
  const V sin_f = fma(f, V{} + C::half_pi_high, f * fma(z, polynomial(z, s.c), V{} + C::half_pi_low));
  const V cos_f = fma(z, polynomial(z, c.c), V{} + 1);
  const bits<V> odd = (quarter & 1) != 0;
  const auto negated_if = [](V y, bits<V> condition) { return select<V>(condition, -y, y); };
  sine = negated_if(select<V>(odd, cos_f, sin_f), ((quarter & 2) != 0) ^ (x < 0));
  cosine = negated_if(select<V>(odd, sin_f, cos_f), ((quarter + 1) & 2) != 0);
}
template <class V> inline V sin2pi(V x) {
  V sine, cosine;
  sincos2pi(x, sine, cosine);
  return sine;
}
template <class V> inline V cos2pi(V x) {
  V sine, cosine;
  sincos2pi(x, sine, cosine);
  return cosine;
}

// log Gamma(x) for x > 0: Stirling's series at x + k >= 8, less log(x (x + 1) ... (x + k - 1)); its coefficients are
// B_2k / (2k (2k - 1)), and the first one left out contributes 8e-17 at 8. 4 ulp, and 8e-15 absolute where the zeros at
// 1 and 2 make the parts cancel (x < 8). float32 goes through float64: 1 ulp.
inline vec<double> log_gamma(vec<double> x) {
  using V = vec<double>;
  constexpr double series[] = {1. / 12, -1. / 360, 1. / 1260, -1. / 1680, 1. / 1188, -691. / 360360, 1. / 156, -3617. / 122400};
  V y = x, product = V{} + 1;
  for (int k = 0; k < 8; ++k) {
    const bits<V> small = y < 8;
    product = select<V>(small, product * y, product);
    y = select<V>(small, y + 1, y);
  }
  const V inverse = 1 / y;
  const V tail = fma(inverse, polynomial(inverse * inverse, series), V{} + 0.41893853320467274178);  // log(2 pi) / 2 - 1 / 2
  const V sum = fma(y - 0.5, log(y) - 1, tail) - log(product);
  return select<V>(x == 1 || x == 2, V{}, sum);
}
inline vec<float> log_gamma(vec<float> x) { return join_halves(log_gamma(low_half(x)), log_gamma(high_half(x))); }

DENSEKIT_END
