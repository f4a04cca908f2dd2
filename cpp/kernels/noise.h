// Gaussian noise from Philox words. Box and Muller, Ann. Math. Statist. 29 (1958): two words give two normal numbers.
#pragma once
#include "kernels/dropout.h"
#include "simd/math.h"

DENSEKIT_BEGIN

// Words as signed numbers: those from 2^31 on are less by 2^32.
typedef std::int32_t half_signed_words __attribute__((vector_size(DENSEKIT_VECTOR_BYTES / 2)));
template <class V> inline bits<V> load_signed(const std::uint32_t* words) {
  if constexpr (is_float<lane<V>>) {
    bits<V> all;
    __builtin_memcpy(&all, words, sizeof all);
    return all;
  } else {
    half_signed_words half;
    __builtin_memcpy(&half, words, sizeof half);
    return __builtin_convertvector(half, bits<V>);
  }
}

// sqrt(-2 log u), u = (w + 1/2) / 2^32. Where u is near 1 and float32 could not tell it from 1, the logarithm is taken
// from 1 - u, which the complement of w gives.
template <class V> inline V radius(bits<V> w) {
  const V near = (__builtin_convertvector(w ^ (w >> 31), V) + lane<V>(0.5)) * lane<V>(1 / 4294967296.0);  // min(u, 1 - u)
  const V u = select<V>(w < 0, 1 - near, near), lost = select<V>(w < 0, (1 - u) - near, V{});
  V e;
  const V m = split_exponent(u, e);
  return sqrt(-2 * log_of_parts(m, e, lost / u));
}

// The normal numbers of the blocks that philox_blocks draws at once.
template <class T> inline void normal_numbers(const std::uint32_t* words, T* z) {
  constexpr index half = words_at_once / 2;
  std::uint32_t even[half], odd[half];
  for (index i = 0; i < half; ++i) {
    even[i] = words[2 * i];
    odd[i] = words[2 * i + 1];
  }
  T cosines[half], sines[half];
  for (index i = 0; i < half; i += width<T>) {
    using V = vec<T>;
    const V r = radius<V>(load_signed<V>(even + i));
    V sine, cosine;
    sincos2pi<V>(__builtin_convertvector(load_signed<V>(odd + i), V) * T(1 / 4294967296.0), sine, cosine);  // of v or v - 1
    store<V>(cosines + i, r * cosine);
    store<V>(sines + i, r * sine);
  }
  for (index i = 0; i < half; ++i) {
    z[2 * i] = cosines[i];
    z[2 * i + 1] = sines[i];
  }
}

template <class T> void gaussian_noise(const DropoutStream& stream, std::uint64_t first, const T* x, T* y, index n, T std) {
  using V = vec<T>;
  for_words(stream, first, n, [&](index i, const std::uint32_t* words, index all) {
    T z[words_at_once + width<T>]{};
    const index skip = i == 0 ? static_cast<index>(first % 4) : 0;
    normal_numbers<T>(words - skip, z);
    for_lanes<T>(all, [&](index j, index count) {
      const V noisy = fma(V{} + std, load<V>(z + skip + j), load_any<V>(x + i + j, count));
      store_any<V>(y + i + j, noisy, count);
    });
  });
}

template <class T> constexpr NoiseKernels<T> noise_kernels{gaussian_noise<T>};

DENSEKIT_END
