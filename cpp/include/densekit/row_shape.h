// The shape of one row of a network: {784} for a plain one, {28, 28, 1} for an image.
#pragma once
#include <cstddef>
#include <initializer_list>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace densekit {

using index = std::ptrdiff_t;

inline constexpr std::size_t most_axes = 8;

// In memory a row is size() numbers, the last axis the fastest. Layers work along the last axis: to them a row is repeat() rows of
// last() columns.
struct RowShape {
  std::vector<index> axes;
  RowShape(index columns = 0) : axes{columns} {}
  RowShape(std::initializer_list<index> lengths) : axes(lengths) {}
  explicit RowShape(std::vector<index> lengths) : axes(std::move(lengths)) {}

  index last() const { return axes.back(); }
  index repeat() const { return product(axes.size() - 1); }
  index size() const { return product(axes.size()); }
  bool plain() const { return axes.size() == 1; }
  bool operator==(const RowShape&) const = default;

  std::string text() const {  // (28, 28, 1)
    std::string all;
    for (const index length : axes) all += (all.empty() ? "(" : ", ") + std::to_string(length);
    return all + (plain() ? ",)" : ")");
  }

 private:
  index product(std::size_t axes_of_it) const {
    constexpr index most = std::numeric_limits<index>::max();
    index all = 1;
    for (std::size_t i = 0; i < axes_of_it; ++i) all = axes[i] > 0 && all > most / axes[i] ? most : all * axes[i];
    return all;
  }
};

}  // namespace densekit
