// The vocabulary that kernels are written in: one instruction set's verbs and what follows from them.
#pragma once
#include DENSEKIT_ISA_HEADER

DENSEKIT_BEGIN

template <class V> inline V select(bits<V> condition, V yes, V no) { return condition ? yes : no; }
template <class V> inline bits<V> sign_bit() { return bits<V>{} + (typename integer_of<lane<V>>::type(1) << (8 * sizeof(lane<V>) - 1)); }
template <class V> inline V abs(V x) { return bit_cast<V>(bit_cast<bits<V>>(x) & ~sign_bit<V>()); }
template <class V> inline V copysign(V magnitude, V sign) {
  return bit_cast<V>((bit_cast<bits<V>>(magnitude) & ~sign_bit<V>()) | (bit_cast<bits<V>>(sign) & sign_bit<V>()));
}
// -1, 0 or 1; NaN stays NaN.
template <class V> inline V sign(V x) { return select<V>(x > 0, V{} + 1, select<V>(x < 0, V{} - 1, x)); }
// NaN if a or b is NaN: for reductions, where max(a, b) would lose one.
template <class V> inline V max_nan(V a, V b) { return select<V>(a == a, max(a, b), a); }
template <class V> inline V min_nan(V a, V b) { return select<V>(a == a, min(a, b), a); }

// Shuffles of n lanes. crossed(x): lane i is x[i ^ d]. Two rows with the d x d blocks beside the diagonal exchanged: lane i of low(a, b) is
// a[i], or b[i - d] where i has bit d; lane i of high(a, b) is a[i + d], or b[i] where i has bit d.
template <int n, int... i> struct exchange : exchange<n - 1, n - 1, i...> {};
template <int... i> struct exchange<0, i...> {
  static constexpr int n = sizeof...(i);
  template <int d, class V> static V crossed(V x) { return __builtin_shufflevector(x, x, (i ^ d)...); }
  template <int d, class V> static V low(V a, V b) { return __builtin_shufflevector(a, b, (i & d ? n + i - d : i)...); }
  template <int d, class V> static V high(V a, V b) { return __builtin_shufflevector(a, b, (i & d ? n + i : i + d)...); }
};
// All lanes combined in one fixed tree: halves, quarters, ... so that the bits never depend on anything but the width.
template <class V, int half = width<lane<V>> / 2> inline lane<V> hsum(V x) {
  x += exchange<width<lane<V>>>::template crossed<half>(x);
  if constexpr (half > 1) return hsum<V, half / 2>(x);
  else return x[0];
}
template <class V, int half = width<lane<V>> / 2> inline lane<V> hmax_nan(V x) {
  x = max_nan(exchange<width<lane<V>>>::template crossed<half>(x), x);
  if constexpr (half > 1) return hmax_nan<V, half / 2>(x);
  else return x[0];
}

// Lanes of a float vector as two double vectors, so that sums of float32 are carried in float64.
inline vec<double> low_half(vec<float> x) { return widen(lower_half(x)); }
inline vec<double> high_half(vec<float> x) { return widen(upper_half(x)); }
inline vec<float> join_halves(vec<double> low, vec<double> high) { return join(narrow(low), narrow(high)); }
inline vec<double> sum_halves(vec<float> x) { return low_half(x) + high_half(x); }
inline vec<double> sum_halves(vec<double> x) { return x; }

// load and store of a whole vector or of its first lanes, whichever count says.
template <class V> inline V load_any(const lane<V>* p, index count) { return count == width<lane<V>> ? load<V>(p) : load_n<V>(p, count); }
template <class V> inline void store_any(lane<V>* p, V v, index count) {
  if (count == width<lane<V>>) store<V>(p, v);
  else store_n(p, v, count);
}
// count float32 or float64 values as float64 lanes, count <= width<double>.
inline vec<double> load_as_double(const double* p, index count) { return load_any<vec<double>>(p, count); }
inline vec<double> load_as_double(const float* p, index count) {
  if (count != width<double>) return widen(load_half_n(p, count));
  half_floats h;
  __builtin_memcpy(&h, p, sizeof h);
  return widen(h);
}

// The first count float64 lanes as count float32 or float64 values. Kernels must not write `p[i] = v[i]` up to a count of
// their own: after a conditional change of v, GCC 12 -O3 stored the old v there at x86_v4. Its two vectorizers together
// do that (either switched off: right; -fno-strict-aliasing: still wrong; sanitizers silent; Clang right).
inline void store_from_double(double* p, vec<double> v, index count) { store_any<vec<double>>(p, v, count); }
inline void store_from_double(float* p, vec<double> v, index count) {
  const half_floats h = narrow(v);
  if (count == width<double>) __builtin_memcpy(p, &h, sizeof h);
  else store_half_n(p, h, count);
}

// True in the first count lanes.
template <class V> inline bits<V> first_lanes(index count) {
  bits<V> lane_number;
  for (int i = 0; i < width<lane<V>>; ++i) lane_number[i] = i;
  return lane_number < bits<V>{} + static_cast<typename integer_of<lane<V>>::type>(count);
}

// Transposes a square of as many vectors as a vector has lanes: blocks of 1, 2, 4, ... are exchanged in turn.
template <class V, int d = 1> inline void transpose(V* rows) {
  constexpr int n = width<lane<V>>;
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i)
    if (!(i & d)) {
      const V a = rows[i], b = rows[i + d];
      rows[i] = exchange<n>::template low<d>(a, b);
      rows[i + d] = exchange<n>::template high<d>(a, b);
    }
  if constexpr (2 * d < n) transpose<V, 2 * d>(rows);
}

// Calls body(i, count) over n elements: whole vectors first (count = width), then the rest, if any.
template <class T, class F> inline void for_lanes(index n, F&& body) {
  index i = 0;
  for (; i + width<T> <= n; i += width<T>) body(i, index{width<T>});
  if (i < n) body(i, n - i);
}
// Calls body(i, k), k = 0 to 3, for whole vectors in groups of four; returns how many elements that were.
template <class T, class F> inline index for_fours(index n, F&& body) {
  index i = 0;
  for (; i + 4 * width<T> <= n; i += 4 * width<T>)
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) body(i + k * width<T>, k);
  return i;
}

DENSEKIT_END
