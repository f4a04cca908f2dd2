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

// All lanes combined in one fixed tree: halves, quarters, ... so that the bits never depend on anything but the width.
template <class V> inline lane<V> hsum(V x) {
  for (int half = width<lane<V>> / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) x[i] += x[i + half];
  return x[0];
}
template <class V> inline lane<V> hmax_nan(V x) {
  lane<V> m = x[0];
  for (int i = 1; i < width<lane<V>>; ++i) m = m != m || x[i] <= m ? m : x[i];
  return m;
}

// Lanes of a float vector as two double vectors, so that sums of float32 are carried in float64.
typedef float half_floats __attribute__((vector_size(DENSEKIT_VECTOR_BYTES / 2)));
inline vec<double> low_half(vec<float> x) {
  half_floats h;
  __builtin_memcpy(&h, &x, sizeof h);
  return __builtin_convertvector(h, vec<double>);
}
inline vec<double> high_half(vec<float> x) {
  half_floats h;
  __builtin_memcpy(&h, reinterpret_cast<const char*>(&x) + sizeof h, sizeof h);
  return __builtin_convertvector(h, vec<double>);
}
inline vec<float> join_halves(vec<double> low, vec<double> high) {
  const half_floats parts[] = {__builtin_convertvector(low, half_floats), __builtin_convertvector(high, half_floats)};
  vec<float> x;
  __builtin_memcpy(&x, parts, sizeof x);
  return x;
}
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
  half_floats h{};
  if (count == width<double>) __builtin_memcpy(&h, p, sizeof h);
  else
    for (index i = 0; i < count; ++i) h[i] = p[i];
  return __builtin_convertvector(h, vec<double>);
}

// The first count float64 lanes as count float32 or float64 values. Kernels must not write `p[i] = v[i]` up to a count of
// their own: after a conditional change of v, GCC 12 -O3 stored the old v there at x86_v4. Its two vectorizers together
// do that (either switched off: right; -fno-strict-aliasing: still wrong; sanitizers silent; Clang right).
inline void store_from_double(double* p, vec<double> v, index count) { store_any<vec<double>>(p, v, count); }
inline void store_from_double(float* p, vec<double> v, index count) {
  const half_floats h = __builtin_convertvector(v, half_floats);
  if (count == width<double>) __builtin_memcpy(p, &h, sizeof h);
  else
    for (index i = 0; i < count; ++i) p[i] = h[i];
}

// True in the first count lanes.
template <class V> inline bits<V> first_lanes(index count) {
  bits<V> lane_number;
  for (int i = 0; i < width<lane<V>>; ++i) lane_number[i] = i;
  return lane_number < bits<V>{} + static_cast<typename integer_of<lane<V>>::type>(count);
}

// Two rows with the d x d blocks beside the diagonal exchanged: lane i of low(a, b) is a[i], or b[i - d] where i has bit d;
// lane i of high(a, b) is a[i + d], or b[i] where i has bit d.
template <int n, int... i> struct exchange : exchange<n - 1, n - 1, i...> {};
template <int... i> struct exchange<0, i...> {
  static constexpr int n = sizeof...(i);
  template <int d, class V> static V low(V a, V b) { return __builtin_shufflevector(a, b, (i & d ? n + i - d : i)...); }
  template <int d, class V> static V high(V a, V b) { return __builtin_shufflevector(a, b, (i & d ? n + i : i + d)...); }
};
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

DENSEKIT_END
