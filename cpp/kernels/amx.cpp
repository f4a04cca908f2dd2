// The products of bf16_table.h with AMX: tiles of 16 x 16 sums from 16 rows of 32 bfloat16s and 16 rows of 16 pairs of them, two by
// two. In what order a tile's products are added is the processor's: Intel SDM, TDPBF16PS.
#include "kernels/bf16_table.h"
#include "kernels/bf16_x86.h"

namespace densekit::x86_v4_amx {
namespace {

constexpr int tile_rows = 32, tile_width = 32, step = 32;  // step: products along k in one instruction
constexpr index pairs_of_step = tile_rows * step / 2;      // of one part of A, and of B

// The second part of a number below this may be denormal, which the products take for zero: 2^-109.
constexpr unsigned least_in_parts = (127 - 109) << 23;

// float32 of 16 rounded numbers.
inline __m512 widened(__m256i bfloat16s) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bfloat16s), 16)); }

// Rounds 32 numbers: rounded[0], and what it has lost, rounded, in rounded[1].
template <int parts> inline void round_both(__m512 low, __m512 high, __m512bh* rounded) {
  rounded[0] = _mm512_cvtne2ps_pbh(high, low);
  if constexpr (parts == 2) {
    const __m512i bits = (__m512i)rounded[0];
    low = _mm512_sub_ps(low, widened(_mm512_castsi512_si256(bits)));
    high = _mm512_sub_ps(high, widened(_mm512_extracti64x4_epi64(bits, 1)));
    rounded[1] = _mm512_cvtne2ps_pbh(high, low);
  }
}

// 16 lanes of one step, as to[r * row_length + i]: r runs over pairs of k and i over lanes, or, `by_lane`, the other way round.
// Lane i < lanes is from[i * lane_stride + p * depth_stride], p < depth; one of the strides is 1. The parts are pairs_of_step apart.
template <int parts, bool by_lane> inline __mmask16 pack_square(index lanes, index depth, const float* from, index lane_stride,
                                                                index depth_stride, std::uint32_t* to, index row_length) {
  constexpr unsigned least = parts == 2 ? least_in_parts : least_normal;
  const bool along = depth_stride == 1;
  __m512i square[parts][width];
  __mmask16 bad = 0;
  for (int i = 0; i < width; ++i) {
    __m512 low, high;
    if (along) {
      const float* row = from + (i < lanes ? i : 0) * lane_stride;
      const index here = i < lanes ? depth : 0;
      low = _mm512_maskz_loadu_ps(first(here), row);
      high = _mm512_maskz_loadu_ps(first(here - width), row + width);
    } else {
      low = _mm512_maskz_loadu_ps(2 * i < depth ? first(lanes) : __mmask16{0}, from + 2 * i * depth_stride);
      high = _mm512_maskz_loadu_ps(2 * i + 1 < depth ? first(lanes) : __mmask16{0}, from + (2 * i + 1) * depth_stride);
    }
    bad |= lost(low, least) | lost(high, least);
    __m512bh rounded[parts];
    round_both<parts>(low, high, rounded);
    for (int part = 0; part < parts; ++part) square[part][i] = along ? (__m512i)rounded[part] : interleaved(rounded[part]);
  }
  for (int part = 0; part < parts; ++part) {
    if (along != by_lane) transpose(square[part]);
    for (int r = 0; r < width; ++r) _mm512_storeu_si512(to + part * pairs_of_step + r * row_length, square[part][r]);
  }
  return bad;
}

// For each step and part: 32 rows of 16 pairs.
template <int parts> bool pack_a(index rows, index k, const float* a, index row_stride, index depth_stride, std::uint32_t* packed) {
  __mmask16 bad = 0;
  for (index p = 0; p < k; p += step, packed += parts * pairs_of_step)
    for (index i = 0; i < rows; i += width)
      bad |= pack_square<parts, true>(rows - i, k - p, a + i * row_stride + p * depth_stride, row_stride, depth_stride, packed + i * width,
                                      width);
  return !bad;
}

// For each step and part: 16 rows of 32 pairs.
template <int parts> bool pack_b(index k, index cols, const float* b, index depth_stride, index column_stride, std::uint32_t* packed) {
  __mmask16 bad = 0;
  for (index p = 0; p < k; p += step, packed += parts * pairs_of_step)
    for (index j = 0; j < cols; j += width)
      bad |= pack_square<parts, false>(cols - j, k - p, b + p * depth_stride + j * column_stride, column_stride, depth_stride, packed + j,
                                       tile_width);
  return !bad;
}

// All tiles are 16 rows of 64 bytes.
struct alignas(64) Configuration {
  std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
  std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
void begin() {
  static constexpr Configuration configuration;
  _tile_loadconfig(&configuration);
}
void end() { _tile_release(); }

// Which squares a tile has beside the first. lower: there are rows beyond the 16th; right: columns beyond the 16th.
struct Squares {
  bool lower = false, right = false;
};

// Sums: 0 1 / 2 3. Rows of A: 4, 5. Columns of B: 6, 7.
template <Squares has> inline void multiply() {
  _tile_dpbf16ps(0, 4, 6);
  if constexpr (has.right) _tile_dpbf16ps(1, 4, 7);
  if constexpr (has.lower) _tile_dpbf16ps(2, 5, 6);
  if constexpr (has.lower && has.right) _tile_dpbf16ps(3, 5, 7);
}
template <bool lower> inline void load_a(const std::uint32_t* a) {
  _tile_loadd(4, a, 64);
  if constexpr (lower) _tile_loadd(5, a + width * width, 64);
}
template <bool right> inline void load_b(const std::uint32_t* b) {
  _tile_loadd(6, b, 4 * tile_width);
  if constexpr (right) _tile_loadd(7, b + width, 4 * tile_width);
}

// A square of sums, which lie at `sums`, to c.
inline void put(const float* sums, index rows, index cols, float* c, index ldc, bool accumulate) {
  const __mmask16 lanes = first(cols);
  for (index i = 0; i < rows && i < width; ++i) {
    __m512 value = _mm512_load_ps(sums + i * width);
    if (accumulate) value = _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, c + i * ldc), value);
    _mm512_mask_storeu_ps(c + i * ldc, lanes, value);
  }
}

template <int parts, Squares has> void sized_tile(index m, index n, index k, const std::uint32_t* a, const std::uint32_t* b, float* c,
                                                  index ldc, bool accumulate, const Ahead* ahead) {
  Asking asking(*ahead);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  for (index p = 0; p < k; p += step, a += parts * pairs_of_step, b += parts * pairs_of_step) {
    for (int i = 0; i < step / 2; ++i) asking.ask();
    if constexpr (parts == 2) {  // the small ones first
      load_a<has.lower>(a + pairs_of_step);
      load_b<has.right>(b);
      multiply<has>();
      load_a<has.lower>(a);
      multiply<has>();
      load_b<has.right>(b + pairs_of_step);
      multiply<has>();
    } else {
      load_a<has.lower>(a);
      load_b<has.right>(b);
      multiply<has>();
    }
  }
  alignas(64) float sums[4][width * width];
  _tile_stored(0, sums[0], 64);
  put(sums[0], m, n, c, ldc, accumulate);
  if constexpr (has.right) {
    _tile_stored(1, sums[1], 64);
    put(sums[1], m, n - width, c + width, ldc, accumulate);
  }
  if constexpr (has.lower) {
    _tile_stored(2, sums[2], 64);
    put(sums[2], m - width, n, c + width * ldc, ldc, accumulate);
  }
  if constexpr (has.lower && has.right) {
    _tile_stored(3, sums[3], 64);
    put(sums[3], m - width, n - width, c + width * ldc + width, ldc, accumulate);
  }
}

template <int parts> void tile(index m, index n, index k, const std::uint32_t* a, const std::uint32_t* b, float* c, index ldc,
                               bool accumulate, const Ahead* ahead) {
  constexpr Squares one{}, lower{.lower = true}, right{.right = true}, all{.lower = true, .right = true};
  const auto size = m > width   ? n > width ? sized_tile<parts, all> : sized_tile<parts, lower>
                    : n > width ? sized_tile<parts, right>
                                : sized_tile<parts, one>;
  size(m, n, k, a, b, c, ldc, accumulate, ahead);
}

template <int parts> constexpr Bf16Kernels kernels{
    tile_rows, tile_width, (512 << 10) / sizeof(std::uint32_t), parts, step, true, begin, end, pack_a<parts>, pack_b<parts>, tile<parts>};

}  // namespace

extern const Bf16Kernels table[2];
const Bf16Kernels table[2] = {kernels<1>, kernels<2>};

}  // namespace densekit::x86_v4_amx
