// What the kernels of bfloat16 share: float32 rounded 16 lanes at a time, and the elements that bfloat16 cannot hold. Only for
// files that are compiled for AVX-512 with its bfloat16 conversions.
#pragma once
#include <immintrin.h>

#include "kernels/asking.h"

namespace densekit {
namespace {

constexpr int width = 16;

inline __mmask16 first(index n) { return static_cast<__mmask16>(n >= width ? 0xffff : (1u << (n > 0 ? n : 0)) - 1u); }

// Lanes that bfloat16 cannot hold: not finite, rounded to infinity, or not zero and below `least` (bits of a positive number).
inline __mmask16 lost(__m512 x, unsigned least) {
  const __m512i magnitude = _mm512_and_si512(_mm512_castps_si512(x), _mm512_set1_epi32(0x7fffffff));
  const __mmask16 large = _mm512_cmpge_epu32_mask(magnitude, _mm512_set1_epi32(0x7f7f8000));
  const __mmask16 small =
      _mm512_cmplt_epu32_mask(_mm512_sub_epi32(magnitude, _mm512_set1_epi32(1)), _mm512_set1_epi32(static_cast<int>(least - 1)));
  return large | small;
}
constexpr unsigned least_normal = 0x00800000;  // 2^-126: products take what is smaller for zero

// Two vectors of numbers as one of pairs: (low[0], high[0]), (low[1], high[1]), ...
inline __m512i interleaved(__m512bh both) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3,
                                         18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(order, (__m512i)both);
}

// Transposes 16 x 16 of 32 bits.
inline void transpose(__m512i* r) {
  __m512i t[width];
  for (int i = 0; i < width; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < width; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
  for (int i = 0; i < 8; ++i) {
    r[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    r[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
  }
}

}  // namespace
}  // namespace densekit
