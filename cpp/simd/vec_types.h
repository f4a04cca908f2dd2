// Vectors of the compiler's own kind: + - * / < ?: work lane by lane. What it cannot express is in isa_*.h.
// The including isa_*.h has defined DENSEKIT_VECTOR_BYTES; CMake defines DENSEKIT_LEVEL, a name such as x86_v4.
#pragma once
#include <cstddef>
#include <cstdint>

// Everything a level compiles is inside these two, so that two builds of one function can never be confused by the linker.
#define DENSEKIT_BEGIN                 \
  namespace densekit::DENSEKIT_LEVEL { \
  namespace {
#define DENSEKIT_END \
  }                  \
  }

DENSEKIT_BEGIN

using index = std::ptrdiff_t;
constexpr index cache_line = 64;  // bytes

template <class T> struct vector_of {
  typedef T type __attribute__((vector_size(DENSEKIT_VECTOR_BYTES)));
};
template <class T> using vec = typename vector_of<T>::type;
template <class T> constexpr int width = DENSEKIT_VECTOR_BYTES / static_cast<int>(sizeof(T));

template <class T> struct integer_of;
template <> struct integer_of<float> {
  using type = std::int32_t;
  using natural = std::uint32_t;
};
template <> struct integer_of<double> {
  using type = std::int64_t;
  using natural = std::uint64_t;
};

// lane<V>: float or double. bits<V>: the signed integer vector of the same shape (comparisons give it, too).
template <class T> struct without_reference {
  using type = T;
};
template <class T> struct without_reference<T&> {
  using type = T;
};
template <class T> struct without_reference<T&&> {
  using type = T;
};
template <class V> using lane = typename without_reference<decltype(V{}[0])>::type;
template <class V> using bits = vec<typename integer_of<lane<V>>::type>;
template <class V> using unsigned_bits = vec<typename integer_of<lane<V>>::natural>;

template <class T> constexpr bool is_float = false;
template <> constexpr bool is_float<float> = true;

// As many floats as vec<double> has lanes. isa_*.h has the verbs: widen, narrow, lower_half, upper_half, join, load_half_n, store_half_n.
typedef float half_floats __attribute__((vector_size(DENSEKIT_VECTOR_BYTES / 2)));

template <class V> inline V broadcast(lane<V> x) { return x - V{}; }  // x - 0 keeps NaN and -0.0, x + 0 would not keep -0.0
template <class V> inline V load(const lane<V>* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
template <class V> inline void store(lane<V>* p, V v) { __builtin_memcpy(p, &v, sizeof v); }
template <class To, class From> inline To bit_cast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &from, sizeof to);
  return to;
}

DENSEKIT_END
