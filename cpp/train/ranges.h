// The ranges of rows that a batch is cut into: at multiples of 4 rows, so that a block of random words belongs to one of them.
#pragma once
#include <algorithm>

#include "densekit/row_shape.h"

namespace densekit {

class Ranges {
 public:
  // needs_two_rows: a last range of a single row joins the one before it.
  Ranges(index rows, index count, bool needs_two_rows) : rows_(rows), count_(count) {
    fours_ = rows / 4 + (rows % 4 > (needs_two_rows && rows > 1 ? 1 : 0));
  }
  index begin(index range) const { return range >= count_ ? rows_ : std::min(rows_, 4 * share(range)); }
  index end(index range) const { return share(range + 1) == fours_ ? (share(range) == fours_ ? begin(range) : rows_) : begin(range + 1); }
  index most_rows() const { return count_ == 1 ? rows_ : std::min(rows_, 4 * (fours_ / count_ + 1) + 1); }

 private:
  // Of fours, below fours_ · range / count: without a product that might be too large.
  index share(index range) const { return fours_ / count_ * range + fours_ % count_ * range / count_; }
  index rows_, count_, fours_;
};

}  // namespace densekit
