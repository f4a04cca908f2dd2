// Labels and row numbers in the caller's memory. They become addresses, and whoever owns them may write them at any time; so
// each is read once, checked, and kept in memory of the call, which is all that anything after it looks at.
#pragma once
#include <cstdint>
#include <optional>

#include "core/parallel.h"

namespace densekit {

// Labels from 0 to count - 1, and the one that is ignored, which may be any number.
struct Classes {
  index count = 0;
  std::optional<std::int64_t> ignored{};
  bool all = false;  // every number is one
  static Classes any() { return {.all = true}; }
  bool has(std::int64_t label) const { return all || (label >= 0 && label < count) || (ignored && label == *ignored); }
};

// to[i] = labels[i], or labels[order[i]] if order is not null, for i < rows; std::invalid_argument names the first label that is
// no class, and its row. order must have been checked.
void take_labels(const std::int64_t* labels, const std::int64_t* order, index rows, const Classes& classes, std::int64_t* to);

// to[i] = order[i] for i < count, each in [0, rows); std::invalid_argument names the first that is not, as element first + i.
void take_order(const std::int64_t* order, index first, index count, index rows, std::int64_t* to);

}  // namespace densekit
