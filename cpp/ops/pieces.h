// How work is cut into pieces.
#pragma once
#include <algorithm>

#include "core/view.h"

namespace densekit {

inline index ceil_div(index a, index b) { return a / b + (a % b > 0); }  // a >= 0

// n elements in pieces of nearly equal length, the longer ones first.
struct Pieces {
  Pieces(index n, index pieces) : whole(n / pieces), rest(n % pieces) {}
  index start(index piece) const { return piece * whole + std::min(piece, rest); }
  index length(index piece) const { return whole + (piece < rest); }
  index whole, rest;
};
inline index piece_start(index n, index pieces, index p) { return Pieces(n, pieces).start(p); }

// A guess of what a product takes; decides only whether threads are woken.
inline double flops_time(index m, index n, index k) {
  constexpr double flops_per_nanosecond = 40;
  return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) / flops_per_nanosecond;
}

}  // namespace densekit
