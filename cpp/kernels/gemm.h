// The matrix product's tiles. One summation order everywhere: an element of C is, for each block of k_block products, a
// chain of FMAs from zero in the order of k; the blocks are added to C in order. Lanes run over columns, never over k,
// so the bits of an element do not depend on the tile it falls in, on packing, or on threads.
#pragma once
#include "kernels/asking.h"
#include "kernels/transpose.h"

DENSEKIT_BEGIN

// Tile sizes: as many accumulators as the registers hold beside two vectors of B and a broadcast.
#if defined(__AVX512F__)
constexpr int packed_rows = 14, direct_rows = 8, tile_vectors = 2;
#elif defined(__AVX2__)
constexpr int packed_rows = 6, direct_rows = 6, tile_vectors = 2;
#elif defined(__aarch64__)
constexpr int packed_rows = 8, direct_rows = 8, tile_vectors = 2;
#else
constexpr int packed_rows = 4, direct_rows = 4, tile_vectors = 2;
#endif

// Whether tiles ask for memory ahead: with vectors of 16 bytes that takes longer than it saves.
constexpr bool asks = DENSEKIT_VECTOR_BYTES > 16;

// A number in a type, so that a lambda can take it for a size.
template <int n> struct whole {
  constexpr operator int() const { return n; }
};

inline constexpr Ahead nothing_ahead{};

// What a tile is, and what it does beside its products.
struct Tile {
  int vectors = tile_vectors;  // of a row of b
  bool packed_a = false;       // a is as pack_a makes it, and what `ahead` lists is asked for on the way
  bool tail = false;           // the last vector of b must be read by load_n, for there may be nothing behind it
  bool far = false;            // the rows of b are so far apart that the hardware does not foresee them; they are fetched 16 ahead
  bool packing = false;        // b is copied to `packed` on the way, rows one tile apart
};

// c (rows, cols) with leading dimension ldc, cols = (vectors - 1) * width + last, 0 < last <= width:
// c = a b or, if accumulate, c += a b. a[i * a_row + p * a_depth] is element (i, p), row p of b starts at b + p * b_depth.
template <class T, int rows, Tile is> void tile(index k, const T* a, index a_row, index a_depth, const T* b, index b_depth, T* c, index ldc,
                                                index last, bool accumulate, const Ahead* ahead = nullptr, T* packed = nullptr) {
  constexpr int vectors = is.vectors;
  constexpr bool fetching = asks && is.packed_a;
  using V = vec<T>;
  V sum[rows][vectors] = {};
  [[maybe_unused]] Asking asking(fetching ? *ahead : nothing_ahead);
  for (index p = 0; p < k; ++p) {
    if constexpr (fetching) asking.ask();
    if constexpr (is.far)
      for (int v = 0; v < vectors; ++v) __builtin_prefetch(b + 16 * b_depth + v * width<T>);
    V row_of_b[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v)
      row_of_b[v] = is.tail && v == vectors - 1 ? load_n<V>(b + v * width<T>, last) : load<V>(b + v * width<T>);
    if constexpr (is.packing) {
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) store<V>(packed + v * width<T>, row_of_b[v]);
      packed += vectors * width<T>;
    }
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      const V element = broadcast<V>(a[i * a_row]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sum[i][v] = fma(element, row_of_b[v], sum[i][v]);
    }
    a += a_depth;
    b += b_depth;
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      T* out = c + i * ldc + v * width<T>;
      const index count = v == vectors - 1 ? last : index{width<T>};
      store_any<V>(out, accumulate ? load_any<V>(out, count) + sum[i][v] : sum[i][v], count);
    }
  }
}

// Calls tile<rows, …> for a number of rows known only at run time.
template <class T, int rows, Tile is, class... Rest>
inline void choose_rows(index m, index k, const T* a, index a_row, index a_depth, Rest... rest) {
  if (m == rows) {
    if constexpr (is.packed_a) tile<T, rows, is>(k, a, 1, rows, rest...);
    else tile<T, rows, is>(k, a, a_row, a_depth, rest...);
  } else if constexpr (rows > 1) {
    choose_rows<T, rows - 1, is>(m, k, a, a_row, a_depth, rest...);
  }
}

template <class T>
void packed_tile(index m, index n, index k, const T* a, const T* b, T* c, index ldc, bool accumulate, const Ahead* ahead) {
  constexpr index b_depth = tile_vectors * width<T>;
  constexpr Tile wide{.packed_a = true}, narrow{.vectors = 1, .packed_a = true};
  static_assert(wide.vectors == 2);
  if (n > width<T>) choose_rows<T, packed_rows, wide>(m, k, a, 0, 0, b, b_depth, c, ldc, n - width<T>, accumulate, ahead);
  else choose_rows<T, packed_rows, narrow>(m, k, a, 0, 0, b, b_depth, c, ldc, n, accumulate, ahead);
}

template <class T> void packing_tile(index m, index k, const T* a, const T* b, index b_depth, T* packed, T* c, index ldc, bool accumulate,
                                     const Ahead* ahead) {
  choose_rows<T, packed_rows, Tile{.packed_a = true, .far = true, .packing = true}>(m, k, a, 0, 0, b, b_depth, c, ldc, width<T>, accumulate,
                                                                                    ahead, packed);
}

template <class T> void direct_tile(index m, index n, index k, const T* a, index a_row, index a_depth, const T* b, index b_depth, T* c,
                                    index ldc, bool accumulate) {
  constexpr index w = width<T>;
  if (n == 2 * w && b_depth * static_cast<index>(sizeof(T)) >= 512)
    choose_rows<T, direct_rows, Tile{.far = true}>(m, k, a, a_row, a_depth, b, b_depth, c, ldc, w, accumulate);
  else if (n == 2 * w) choose_rows<T, direct_rows, Tile{}>(m, k, a, a_row, a_depth, b, b_depth, c, ldc, w, accumulate);
  else if (n > w) choose_rows<T, direct_rows, Tile{.tail = true}>(m, k, a, a_row, a_depth, b, b_depth, c, ldc, n - w, accumulate);
  else if (n == w) choose_rows<T, direct_rows, Tile{.vectors = 1}>(m, k, a, a_row, a_depth, b, b_depth, c, ldc, w, accumulate);
  else choose_rows<T, direct_rows, Tile{.vectors = 1, .tail = true}>(m, k, a, a_row, a_depth, b, b_depth, c, ldc, n, accumulate);
}

// One or two rows, with sums that stay in L1, so that four rows of b are read from end to end at a time: it is read only once, and
// the hardware fetches ahead along rows, not down columns.
template <class T, int rows>
void few_rows(index n, index k, const T* a, index a_row, index a_depth, const T* b, index b_depth, T* c, index ldc, bool accumulate) {
  using V = vec<T>;
  constexpr index strip = 2048 / sizeof(T), together = 4;
  alignas(64) T sums[rows][strip];
  const auto add = [&](index j, index cols, index p, auto size) {
    constexpr int depth = size;
    V element[rows][depth];
    for (int i = 0; i < rows; ++i)
      for (int q = 0; q < depth; ++q) element[i][q] = broadcast<V>(a[i * a_row + (p + q) * a_depth]);
    for_lanes<T>(cols, [&](index lane, index count) {
      V row_of_b[depth];
#pragma GCC unroll 4
      for (int q = 0; q < depth; ++q) row_of_b[q] = load_any<V>(b + (p + q) * b_depth + j + lane, count);
#pragma GCC unroll 4
      for (int i = 0; i < rows; ++i) {
        V sum = p > 0 ? load<V>(sums[i] + lane) : V{};
#pragma GCC unroll 4
        for (int q = 0; q < depth; ++q) sum = fma(element[i][q], row_of_b[q], sum);
        store<V>(sums[i] + lane, sum);
      }
    });
  };
  for (index j = 0; j < n; j += strip) {
    const index cols = n - j < strip ? n - j : strip;
    index p = 0;
    for (; p + together <= k; p += together) add(j, cols, p, whole<together>{});
    for (; p < k; ++p) add(j, cols, p, whole<1>{});
    for (int i = 0; i < rows; ++i)
      for_lanes<T>(cols, [&](index lane, index count) {
        T* out = c + i * ldc + j + lane;
        const V sum = load<V>(sums[i] + lane);
        store_any<V>(out, accumulate ? load_any<V>(out, count) + sum : sum, count);
      });
  }
}

template <class T> void row_tile(index m, index n, index k, const T* a, index a_row, index a_depth, const T* b, index b_depth, T* c,
                                 index ldc, bool accumulate) {
  static_assert(most_row_tile == 2);
  if (m == 1) few_rows<T, 1>(n, k, a, a_row, a_depth, b, b_depth, c, ldc, accumulate);
  else few_rows<T, 2>(n, k, a, a_row, a_depth, b, b_depth, c, ldc, accumulate);
}

// a (rows, k) by strides -> packed[p * rows + i].
template <class T> void pack_a(index rows, index k, const T* a, index row_stride, index depth_stride, T* packed) {
  using V = vec<T>;
  if (row_stride == 1) {
    for_lanes<T>(rows, [&](index i, index count) {
      for (index p = 0; p < k; ++p) store_any<V>(packed + p * rows + i, load_any<V>(a + i + p * depth_stride, count), count);
    });
  } else if (depth_stride == 1) {
    for_lanes<T>(rows, [&](index i, index count) { transpose_strip(count, k, a + i * row_stride, row_stride, packed + i, rows, count); });
  } else {
    for (index i = 0; i < rows; ++i)
      for (index p = 0; p < k; ++p) packed[p * rows + i] = a[i * row_stride + p * depth_stride];
  }
}

// b (k, cols) by strides, cols <= tile width -> packed[p * tile_width + j], zeros behind the last column.
template <class T> void pack_b(index k, index cols, const T* b, index depth_stride, index col_stride, T* packed) {
  using V = vec<T>;
  constexpr index w = width<T>, tile_width = tile_vectors * w;
  if (col_stride == 1) {
    for (index p = 0; p < k; ++p) {
      const T* row = b + p * depth_stride;
      T* out = packed + p * tile_width;
      for (index v = 0; v < tile_width; v += w) {
        const index count = cols - v;
        store<V>(out + v, count >= w ? load<V>(row + v) : load_n<V>(row + v, count > 0 ? count : 0));
      }
    }
  } else if (depth_stride == 1) {
    for (index j = 0; j < tile_width; j += w) {
      const index count = cols - j < w ? cols - j : w;
      transpose_strip(count > 0 ? count : 0, k, b + j * col_stride, col_stride, packed + j, tile_width, w);
    }
  } else {
    constexpr index strip = 16;  // rows of the packed panel at a time, so that what is written stays in L1
    for (index start = 0; start < k; start += strip) {
      const index end = start + strip < k ? start + strip : k;
      for (index j = 0; j < tile_width; ++j)
        for (index p = start; p < end; ++p) packed[p * tile_width + j] = j < cols ? b[p * depth_stride + j * col_stride] : T(0);
    }
  }
}

template <class T> constexpr GemmKernels<T> gemm_kernels{packed_rows,
                                                         direct_rows,
                                                         tile_vectors * width<T>,
                                                         (512 << 10) / sizeof(T),  // half of a 1 MiB L2
                                                         pack_a<T>,
                                                         pack_b<T>,
                                                         packed_tile<T>,
                                                         packing_tile<T>,
                                                         direct_tile<T>,
                                                         row_tile<T>};

DENSEKIT_END
