// Products of operands rounded to bfloat16 (8 significant bits, the exponents of float32) and summed in float32: what
// precision="medium" allows; and of operands in two such parts, the second being what the first has lost, without the product of
// the second parts: precision="high". Only for processors that compute them faster than float32; see core/cpu.h.
#pragma once
#include <cstdint>

#include "kernels/table.h"

namespace densekit {

// The blocks of k: their sums start from zero and are added in order.
constexpr index bf16_block = 2 * k_block;

struct Bf16Kernels {
  int rows, tile_width;   // the largest tile
  index resident;         // pairs of A, as in GemmKernels
  int parts, depth_step;  // k is filled up with zeros to a multiple of depth_step
  bool whole_strips;      // packed A takes up whole tiles, whatever its rows are
  // Before the first tile of a task and after its last, if not null.
  void (*begin)();
  void (*end)();
  // Both pack pairs of neighbours in k, the bfloat16 of the first one lower; how the pairs lie is the tile's business, but steps of
  // 32 of k lie one after another. They need a unit stride in one of the two directions. False: something is not finite, or is so
  // large or small that bfloat16 loses it; then the packed panel is worth nothing.
  bool (*pack_a)(index rows, index k, const float* a, index row_stride, index depth_stride, std::uint32_t* packed);
  bool (*pack_b)(index k, index cols, const float* b, index depth_stride, index column_stride, std::uint32_t* packed);
  // c (m, n), rows ldc apart, = a b or += a b; m <= rows, n <= tile_width, k <= bf16_block.
  void (*tile)(index m, index n, index k, const std::uint32_t* a, const std::uint32_t* b, float* c, index ldc, bool accumulate,
               const Ahead* ahead);
};

}  // namespace densekit
