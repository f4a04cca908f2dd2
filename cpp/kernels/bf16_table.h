// Products of operands rounded to bfloat16 (8 significant bits, the exponents of float32) and summed in float32: what
// precision="medium" allows. Only for processors that compute them faster than float32; see core/cpu.h.
#pragma once
#include <cstdint>

#include "kernels/table.h"

namespace densekit {

// An element of the product is, for each block of bf16_block products, a chain over pairs of k from zero, each pair added
// by one instruction; the blocks are added in order. Lanes run over columns.
constexpr index bf16_block = 2 * k_block;

struct Bf16Kernels {
  int rows, tile_width;  // the largest tile
  index resident;        // pairs of A, as in GemmKernels
  // Both pack pairs of neighbours in k: element (p / 2, i) holds the bfloat16s of p and p + 1, the first one lower; behind an
  // odd k stands a zero. They need a unit stride in one of the two directions. False: something is not finite, or is so large
  // or small that bfloat16 loses it; then the packed panel is worth nothing.
  bool (*pack_a)(index rows, index k, const float* a, index row_stride, index depth_stride, std::uint32_t* packed);  // [p / 2][rows]
  bool (*pack_b)(index k, index cols, const float* b, index depth_stride, index column_stride,
                 std::uint32_t* packed);  // [p / 2][tile_width]
  // c (m, n), rows ldc apart, = a b or += a b; m <= rows, n <= tile_width, k <= bf16_block.
  void (*tile)(index m, index n, index k, const std::uint32_t* a, const std::uint32_t* b, float* c, index ldc, bool accumulate,
               const Ahead* ahead);
};

}  // namespace densekit
