// Philox 4x32-10: four random words from a counter of four words and a key of two, by ten rounds of multiplication.
// Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11; constants from section 5.2.
#pragma once
#include "simd/vec.h"

DENSEKIT_BEGIN

// A word sits in the low half of a 64-bit lane, a block in each lane. What is in the high half does not matter, because
// the multiplication does not read it: so a round is two products, two shifts and four exclusive ors. Each waits for the
// one before it, so several vectors of blocks are under way at a time.
using Words = vec<std::uint64_t>;
constexpr index philox_lanes = width<std::uint64_t>, philox_chains = width<std::uint64_t> == 8 ? 4 : 2,
                philox_at_once = philox_chains * philox_lanes;  // blocks

inline void philox_rounds(Words (&c)[philox_chains][4], std::uint32_t key0, std::uint32_t key1) {
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
#pragma GCC unroll 4
    for (auto& w : c) {
      const Words p = multiply_low_halves(w[0], Words{} + 0xD2511F53u), q = multiply_low_halves(w[2], Words{} + 0xCD9E8D57u);
      w[0] = (q >> 32) ^ w[1] ^ key0;
      w[1] = q;
      w[2] = (p >> 32) ^ w[3] ^ key1;
      w[3] = p;
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

// a0 b0 a1 b1 ... of the lower (the upper) half of the lanes.
template <class W> inline W interleave_low(W a, W b) {
  if constexpr (philox_lanes == 8) return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  else if constexpr (philox_lanes == 4) return __builtin_shufflevector(a, b, 0, 4, 1, 5);
  else return __builtin_shufflevector(a, b, 0, 2);
}
template <class W> inline W interleave_high(W a, W b) {
  if constexpr (philox_lanes == 8) return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
  else if constexpr (philox_lanes == 4) return __builtin_shufflevector(a, b, 2, 6, 3, 7);
  else return __builtin_shufflevector(a, b, 1, 3);
}

// Two words of 32 bits in memory order, from the low halves of a and b.
inline Words pairs(Words a, Words b) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  return (a & 0xffffffffu) | (b << 32);
#else
  return (a << 32) | (b & 0xffffffffu);
#endif
}

// The words of philox_at_once blocks, counters (counter[0] + 0, 1, ..., counter[1], counter[2], counter[3]), in the order
// of the blocks.
inline void philox_blocks(const std::uint32_t (&counter)[4], const std::uint32_t (&key)[2], std::uint32_t* words) {
  Words number, c[philox_chains][4];
  for (unsigned i = 0; i < philox_lanes; ++i) number[i] = i;
#pragma GCC unroll 4
  for (unsigned chain = 0; chain < philox_chains; ++chain) {
    c[chain][0] = number + counter[0] + chain * philox_lanes;
#pragma GCC unroll 3
    for (int i = 1; i < 4; ++i) c[chain][i] = Words{} + counter[i];
  }
  philox_rounds(c, key[0], key[1]);
#pragma GCC unroll 4
  for (const auto& w : c) {
    const Words first_pair = pairs(w[0], w[1]), second_pair = pairs(w[2], w[3]);
    const Words ordered[2] = {interleave_low(first_pair, second_pair), interleave_high(first_pair, second_pair)};
    __builtin_memcpy(words, ordered, sizeof ordered);
    words += 4 * philox_lanes;
  }
}

DENSEKIT_END
