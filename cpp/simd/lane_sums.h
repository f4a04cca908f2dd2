// Sums over a run of elements that have the same bits for every width of vectors.
//
// A sum is carried in float64 by a fixed number of virtual lanes, whatever an instruction set has: element i goes to lane
// i mod lanes, and the lanes are added in one fixed tree, halves first. A block is one element for each virtual lane: 64 bytes of T,
// or several times as many (`chains`), to hide the latency of additions; what is left behind the last whole block goes to the first
// chain in blocks of 64 bytes.
#pragma once
#include "simd/vec.h"

DENSEKIT_BEGIN

// For the bodies of sums: they are called in several places of a function, and GCC would not inline all of them.
#define DENSEKIT_INLINE __attribute__((always_inline))

template <int n> struct Constant {
  static constexpr int value = n;
};
// f(Constant<0>), …, f(Constant<n - 1>): indices of arrays of vectors must be constants for the vectors to stay in registers.
template <int n, class F> [[gnu::always_inline]] inline void unrolled(F&& f) {
  if constexpr (n > 0) {
    unrolled<n - 1>(f);
    f(Constant<n - 1>{});
  }
}

constexpr int virtual_bytes = 64;  // the widest vector of any instruction set
constexpr int virtual_vectors = virtual_bytes / DENSEKIT_VECTOR_BYTES;
template <class T> constexpr int virtual_lanes = virtual_bytes / static_cast<int>(sizeof(T));

// The lanes of one vector of T, for `count` sums at the same time.
template <class T, int count> struct Lanes {
  static constexpr int halves = sizeof(double) / sizeof(T);
  vec<double> of[count][halves] = {};

  template <int which = 0> void add(vec<float> x) {
    of[which][0] += low_half(x);
    of[which][1] += high_half(x);
  }
  template <int which = 0> void add(vec<double> x) { of[which][0] += x; }
  [[gnu::always_inline]] void operator+=(const Lanes& other) {
    unrolled<count>([&](auto s) { unrolled<halves>([&](auto h) { of[s.value][h.value] += other.of[s.value][h.value]; }); });
  }
};
template <int count> struct Totals {
  double total[count];
};

// The fixed tree: lane i and lane i + lanes / 2, and so on. vectors: a power of two.
template <int vectors, class T, int count> [[gnu::always_inline]] inline Totals<count> tree(Lanes<T, count>* lanes) {
  if constexpr (vectors > 1) {
    unrolled<vectors / 2>([&](auto v) { lanes[v.value] += lanes[v.value + vectors / 2]; });
    return tree<vectors / 2>(lanes);
  } else {
    Totals<count> totals;
    unrolled<count>([&](auto s) {
      vec<double> x = lanes[0].of[s.value][0];
      if constexpr (Lanes<T, count>::halves == 2) x += lanes[0].of[s.value][1];
      totals.total[s.value] = hsum(x);
    });
    return totals;
  }
}

// `count` sums over n elements. body(i, elements, lanes) adds what elements i, …, i + elements - 1 give to the lanes of a vector; with
// elements < width, lanes behind them must be given 0. The lanes are an array with constant indices whose address never leaves this
// function: only then do they stay in registers.
template <class T, int count, int chains = 1, class F> [[gnu::always_inline]] inline Totals<count> sum_lanes(index n, F&& body) {
  constexpr int w = width<T>, one = virtual_vectors, all = chains * one;
  Lanes<T, count> lanes[all];
  index i = 0;
  if constexpr (chains > 1)
    for (; i + all * w <= n; i += all * w) unrolled<all>([&](auto v) DENSEKIT_INLINE { body(i + v.value * w, index{w}, lanes[v.value]); });
  for (; i + one * w <= n; i += one * w) unrolled<one>([&](auto v) DENSEKIT_INLINE { body(i + v.value * w, index{w}, lanes[v.value]); });
  unrolled<one>([&](auto v) DENSEKIT_INLINE {
    const index left = n - i - v.value * w;
    if (left > 0) body(i + v.value * w, left < w ? left : index{w}, lanes[v.value]);
  });
  if (n < all * w) return tree<one>(lanes);  // the lanes of the other chains are 0
  return tree<all>(lanes);
}

// x, and 0 behind the first `elements` lanes.
template <class V> inline V only_first(index elements, V x) {
  return elements == width<lane<V>> ? x : select<V>(first_lanes<V>(elements), x, V{});
}

DENSEKIT_END
