// What a fuzzer's bytes mean: a sequence of choices. When they are used up, every choice is the first one.
#pragma once
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

namespace densekit::fuzz {

class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  bool left() const { return at_ < size_; }
  unsigned byte() { return at_ < size_ ? data_[at_++] : 0; }
  std::size_t below(std::size_t count) { return byte() % count; }
  bool rarely() { return byte() % 16 == 15; }
  template <class T, std::size_t n> const T& of(const T (&list)[n]) { return list[below(n)]; }

  // Mostly ordinary numbers; infinities, NaN, denormal and largest ones among them.
  double number() {
    constexpr double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
    constexpr double list[] = {0,     0.5,   1,      -1,     0.1,  2,   -0.25, 1e-3, 3,  0.9,  0.999, -3,  7,  -0.0, 1e-8, 10,
                               1e300, 1e-45, 3.4e38, 1e-310, -inf, nan, inf,   -1e9, 88, -104, 710,   1e5, 20, 1e-5, 1e38, 0.3};
    return byte() % 8 ? (static_cast<double>(byte()) - 128) / 32 : of(list);
  }
  // Mostly small and above 0.
  std::ptrdiff_t count(std::ptrdiff_t most) {
    if (!rarely()) return 1 + static_cast<std::ptrdiff_t>(byte()) % most;
    constexpr std::ptrdiff_t list[] = {0, -1, std::ptrdiff_t{1} << 31, std::ptrdiff_t{1} << 48, std::numeric_limits<std::ptrdiff_t>::max()};
    return of(list);
  }
  // A length that is right, or in one of 16 cases somewhat less or more.
  std::size_t length(std::size_t right) {
    if (!rarely()) return right;
    const std::size_t off = 1 + below(3);
    return byte() % 2 && right >= off ? right - off : right + off;
  }
  // On the heap, so that AddressSanitizer sees both ends. The numbers follow from one byte: what is fuzzed is not their values,
  // but for one of them.
  template <class T> std::vector<T> numbers(std::size_t count) {
    std::vector<T> all(length(count));
    unsigned state = byte();
    for (T& value : all) value = static_cast<T>((state = state * 1103515245 + 12345) >> 16 & 255) / 64 - 2;
    if (!all.empty() && byte() % 4 == 3) all[below(all.size())] = static_cast<T>(number());
    return all;
  }
  // Labels or row numbers below `end`; in one of 16 cases one is wrong.
  std::vector<std::int64_t> whole(std::size_t count, std::ptrdiff_t end) {
    std::vector<std::int64_t> all(length(count));
    for (std::size_t i = 0, first = byte(); i < all.size(); ++i)
      all[i] = static_cast<std::int64_t>((first + i * 7) % static_cast<std::size_t>(end));
    constexpr std::int64_t wrong[] = {-1, -100, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(),
                                      1 << 20};
    if (!all.empty() && rarely()) all[below(all.size())] = byte() % 2 ? of(wrong) : end;
    return all;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_, at_ = 0;
};

}  // namespace densekit::fuzz
