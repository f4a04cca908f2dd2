// Dropout masks from Philox 4x32-10, regenerated wherever they are needed.
#pragma once
#include "simd/philox.h"

DENSEKIT_BEGIN

constexpr index words_at_once = 4 * philox_at_once;

inline void philox(const std::uint32_t* counter, const std::uint32_t* key, std::uint32_t* words, index blocks) {
  const std::uint32_t k[2] = {key[0], key[1]};
  for (index b = 0; b < blocks; b += philox_at_once) {
    const std::uint32_t c[4] = {counter[0] + static_cast<std::uint32_t>(b), counter[1], counter[2], counter[3]};
    std::uint32_t some[words_at_once];
    philox_blocks(c, k, some);
    const index count = blocks - b < philox_at_once ? blocks - b : philox_at_once;
    __builtin_memcpy(words + 4 * b, some, static_cast<std::size_t>(4 * count) * sizeof *some);
  }
}

// Calls body(i, words, count) over n elements: words[j] decides element i + j. A whole vector may be read from any
// words + j, j < count.
template <class F> inline void for_words(const DropoutStream& stream, std::uint64_t first, index n, F&& body) {
  std::uint32_t words[words_at_once + width<std::uint32_t>]{};
  std::uint32_t counter[4] = {static_cast<std::uint32_t>(first / 4), stream.layer, stream.step[0], stream.step[1]};
  index skip = static_cast<index>(first % 4);  // only the first block can begin in its middle
  for (index i = 0; i < n;) {
    philox_blocks(counter, stream.key, words);
    const index count = n - i < words_at_once - skip ? n - i : words_at_once - skip;
    body(i, words + skip, count);
    i += count;
    skip = 0;
    counter[0] += static_cast<std::uint32_t>(philox_at_once);
  }
}

inline void dropout_mask(const DropoutStream& stream, std::uint64_t first, std::uint8_t* kept, index n) {
  for_words(stream, first, n, [&](index i, const std::uint32_t* words, index count) {
    for (index j = 0; j < count; ++j) kept[i + j] = words[j] > stream.limit;
  });
}

// words[j] > limit for each lane of V.
typedef std::uint32_t half_words __attribute__((vector_size(DENSEKIT_VECTOR_BYTES / 2)));
template <class V> inline bits<V> exceed(const std::uint32_t* words, std::uint32_t limit) {
  if constexpr (is_float<lane<V>>) {
    return load<vec<std::uint32_t>>(words) > vec<std::uint32_t>{} + limit;
  } else {
    half_words half;
    __builtin_memcpy(&half, words, sizeof half);
    return __builtin_convertvector(half, bits<V>) > bits<V>{} + static_cast<std::int64_t>(limit);
  }
}

template <class T> void dropout(const DropoutStream& stream, std::uint64_t first, const T* x, T* y, index n, T factor) {
  using V = vec<T>;
  const std::uint32_t limit = stream.limit;
  for_words(stream, first, n, [=](index i, const std::uint32_t* words, index all) {  // copies: a store cannot change them
    for_lanes<T>(all, [=](index j, index count) {
      // Drawing words keeps the processor from seeing far enough ahead: without this, three times as long from memory.
      __builtin_prefetch(x + i + j + 1024);
      __builtin_prefetch(y + i + j + 1024, 1);
      const V kept = load_any<V>(x + i + j, count) * factor;
      store_any<V>(y + i + j, select<V>(exceed<V>(words + j, limit), kept, V{}), count);
    });
  });
}

template <class T> void scaled_copy(const T* x, T* y, index n, T factor) {
  using V = vec<T>;
  for_lanes<T>(n, [&](index i, index count) { store_any<V>(y + i, load_any<V>(x + i, count) * factor, count); });
}

template <class T> constexpr DropoutKernels<T> dropout_kernels{philox, dropout_mask, dropout<T>, scaled_copy<T>};

DENSEKIT_END
