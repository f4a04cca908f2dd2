// One X for each head of a network. Up to four of them need no allocation.
#pragma once
#include <array>
#include <cstddef>
#include <vector>

namespace densekit {

template <class X> class PerHead {
 public:
  PerHead() = default;
  explicit PerHead(std::size_t heads) : size_(heads), many_(heads > few ? heads : 0) {}

  std::size_t size() const { return size_; }
  X* begin() { return size_ > few ? many_.data() : few_.data(); }
  X* end() { return begin() + size_; }
  const X* begin() const { return size_ > few ? many_.data() : few_.data(); }
  const X* end() const { return begin() + size_; }
  X& operator[](std::size_t head) { return begin()[head]; }
  const X& operator[](std::size_t head) const { return begin()[head]; }

 private:
  static constexpr std::size_t few = 4;
  std::size_t size_ = 0;
  std::array<X, few> few_{};
  std::vector<X> many_;
};

}  // namespace densekit
