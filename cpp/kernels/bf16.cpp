// The products of bf16_table.h with AVX512_BF16, for the level x86_v4.
#include "kernels/bf16_table.h"
#include "kernels/bf16_x86.h"

namespace densekit::x86_v4_bf16 {
namespace {

constexpr int tile_rows = 14, tile_vectors = 2, tile_width = tile_vectors * width;

// to[p / 2 * to_stride + i] from rows p and p + 1 of `from`, whose rows are from_stride apart and n long; zeros up to `lanes`.
__mmask16 pack_across(index k, index n, const float* from, index from_stride, std::uint32_t* to, index to_stride, index lanes) {
  __mmask16 bad = 0;
  for (index p = 0; p < k; p += 2) {
    const float* low_row = from + p * from_stride;
    for (index j = 0; j < lanes; j += width) {
      const __m512 low = _mm512_maskz_loadu_ps(first(n - j), low_row + j);
      const __m512 high = _mm512_maskz_loadu_ps(p + 1 < k ? first(n - j) : __mmask16{0}, low_row + from_stride + j);
      bad |= lost(low, least_normal) | lost(high, least_normal);
      const __m512i pairs = interleaved(_mm512_cvtne2ps_pbh(high, low));
      _mm512_mask_storeu_epi32(to + p / 2 * to_stride + j, first(lanes - j), pairs);
    }
  }
  return bad;
}

// The same from rows that lie along k: row i < n of `from` gives lane i.
__mmask16 pack_along(index k, index n, const float* from, index from_stride, std::uint32_t* to, index to_stride, index lanes) {
  __mmask16 bad = 0;
  for (index j = 0; j < lanes; j += width) {
    for (index p = 0; p < k; p += 2 * width) {
      __m512i square[width];
#pragma GCC unroll 16
      for (int i = 0; i < width; ++i) {
        const index depth = j + i < n ? k - p : 0;
        const float* row = from + (j + i < n ? j + i : 0) * from_stride + p;
        const __m512 low = _mm512_maskz_loadu_ps(first(depth), row), high = _mm512_maskz_loadu_ps(first(depth - width), row + width);
        bad |= lost(low, least_normal) | lost(high, least_normal);
        square[i] = (__m512i)_mm512_cvtne2ps_pbh(high, low);
      }
      transpose(square);
      const index pairs = (k - p + 1) / 2;
      for (int q = 0; q < width && q < pairs; ++q) _mm512_mask_storeu_epi32(to + (p / 2 + q) * to_stride + j, first(lanes - j), square[q]);
    }
  }
  return bad;
}

bool pack_a(index rows, index k, const float* a, index row_stride, index depth_stride, std::uint32_t* packed) {
  return !(depth_stride == 1 ? pack_along(k, rows, a, row_stride, packed, rows, rows)
                             : pack_across(k, rows, a, depth_stride, packed, rows, rows));
}

bool pack_b(index k, index cols, const float* b, index depth_stride, index column_stride, std::uint32_t* packed) {
  return !(column_stride == 1 ? pack_across(k, cols, b, depth_stride, packed, tile_width, tile_width)
                              : pack_along(k, cols, b, column_stride, packed, tile_width, tile_width));
}

template <int rows, int vectors> void tile(index pairs, const std::uint32_t* a, const std::uint32_t* b, float* c, index ldc, index last,
                                           bool accumulate, const Ahead* ahead) {
  __m512 sum[rows][vectors] = {};
  Asking asking(*ahead);
  for (index p = 0; p < pairs; ++p) {
    asking.ask();
    __m512bh row_of_b[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) row_of_b[v] = (__m512bh)_mm512_loadu_si512(b + v * width);
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      const __m512bh element = (__m512bh)_mm512_set1_epi32(static_cast<int>(a[i]));
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sum[i][v] = _mm512_dpbf16_ps(sum[i][v], element, row_of_b[v]);
    }
    a += rows;
    b += tile_width;
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) {
      float* out = c + i * ldc + v * width;
      const __mmask16 lanes = first(v == vectors - 1 ? last : index{width});
      const __m512 value = accumulate ? _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, out), sum[i][v]) : sum[i][v];
      _mm512_mask_storeu_ps(out, lanes, value);
    }
  }
}

template <int rows> void choose_rows(index m, index n, index k, const std::uint32_t* a, const std::uint32_t* b, float* c, index ldc,
                                     bool accumulate, const Ahead* ahead) {
  if (m == rows) {
    if (n > width) tile<rows, 2>((k + 1) / 2, a, b, c, ldc, n - width, accumulate, ahead);
    else tile<rows, 1>((k + 1) / 2, a, b, c, ldc, n, accumulate, ahead);
  } else if constexpr (rows > 1) {
    choose_rows<rows - 1>(m, n, k, a, b, c, ldc, accumulate, ahead);
  }
}

}  // namespace

extern const Bf16Kernels table;
const Bf16Kernels table{
    tile_rows, tile_width, (512 << 10) / sizeof(std::uint32_t), 1, 2, false, nullptr, nullptr, pack_a, pack_b, choose_rows<tile_rows>};

}  // namespace densekit::x86_v4_bf16
