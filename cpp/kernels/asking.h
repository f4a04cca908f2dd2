// Asking for lines of memory ahead of their use. Without names outside the file that includes it, as all code of the levels.
#pragma once
#include "kernels/table.h"

namespace densekit {
namespace {

// Where a tile is in what it has been given to ask for.
struct Asking {
  explicit Asking(const Ahead& ahead) : block(ahead.blocks), at(block->at), lines(block->lines), runs(block->runs) {}
  [[gnu::always_inline]] void ask() {  // a call would spill a whole tile
    __builtin_prefetch(at);
    at += 64;
    if (--lines > 0) return;
    at += block->jump;
    lines = block->lines;
    if (--runs > 0) return;
    ++block;
    at = block->at, lines = block->lines, runs = block->runs;
  }
  const Ahead::Block* block;
  const char* at;
  index lines, runs;
};

}  // namespace
}  // namespace densekit
