// Loops whose results are only written.
#pragma once
#include "kernels/table.h"
#include "simd/vec.h"

DENSEKIT_BEGIN

// Stores that go past the caches, for arrays that are too large to be found there when they are read again: the line that is
// written is not read first (measured in docs/performance.md). The address is a multiple of a vector's size.
template <class T> struct CachedStore {
  static constexpr bool past = false;
  void operator()(T* p, vec<T> v, index count) const { store_any<vec<T>>(p, v, count); }
};
template <class T> struct PastStore {
  static constexpr bool past = true;
  void operator()(T* p, vec<T> v, index) const { store_past(p, v); }
};
inline void finish(Store store) {
  if (store == Store::past) finish_past();
}
// for_lanes over y[0] … y[n - 1] with body(i, count, put): put(address, vector, count) stores, where y or a row like it lies.
// A kernel that stores so ends with finish(store).
template <class T, class F> inline void for_stored_lanes(const T* y, index n, Store store, F&& body) {
  if (store == Store::cached) return for_lanes<T>(n, [&](index i, index count) { body(i, count, CachedStore<T>{}); });
  const index beyond = static_cast<index>(reinterpret_cast<std::uintptr_t>(y) % DENSEKIT_VECTOR_BYTES);
  const index left = (DENSEKIT_VECTOR_BYTES - beyond) % DENSEKIT_VECTOR_BYTES / static_cast<index>(sizeof(T));
  index i = left < n ? left : n;
  if (i > 0) body(0, i, CachedStore<T>{});
  for (; i + width<T> <= n; i += width<T>) body(i, index{width<T>}, PastStore<T>{});
  if (i < n) body(i, n - i, CachedStore<T>{});
}

DENSEKIT_END
