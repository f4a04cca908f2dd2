// Data from Philox 4x32-10 by exact arithmetic alone, as python/densekit/_verify.py makes it.
#pragma once
#include <algorithm>
#include <numeric>
#include <vector>

#include "core/cpu.h"

namespace densekit {

struct GoldenData {
  std::uint32_t seed;

  std::vector<std::uint32_t> words(std::uint32_t stream, index count) const {
    const std::uint32_t counter[4] = {0, stream, 0, 0}, key[2] = {seed, 0};
    std::vector<std::uint32_t> drawn(static_cast<std::size_t>((count + 3) / 4 * 4));
    baseline_table().f32.dropout.philox(counter, key, drawn.data(), (count + 3) / 4);
    drawn.resize(static_cast<std::size_t>(count));
    return drawn;
  }
  // In (-1, 1).
  std::vector<double> numbers(std::uint32_t stream, index count) const {
    std::vector<double> made;
    for (const std::uint32_t word : words(stream, count)) made.push_back((word + 0.5) / 2147483648.0 - 1);
    return made;
  }
  template <class T> std::vector<T> numbers_of(std::uint32_t stream, index count, double scale = 1) const {
    std::vector<T> made;
    for (const double x : numbers(stream, count)) made.push_back(static_cast<T>(scale * x));
    return made;
  }
  std::vector<std::int64_t> order(std::uint32_t stream, index count) const {
    const std::vector<std::uint32_t> keys = words(stream, count);
    std::vector<std::int64_t> rows(keys.size());
    std::iota(rows.begin(), rows.end(), 0);
    std::stable_sort(rows.begin(), rows.end(),
                     [&](std::int64_t a, std::int64_t b) { return keys[static_cast<std::size_t>(a)] < keys[static_cast<std::size_t>(b)]; });
    return rows;
  }
};

}  // namespace densekit
