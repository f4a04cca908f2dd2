// Memory for benchmarks: aligned, on huge pages where the system grants them, written once.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <new>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "core/context.h"

namespace densekit::bench {

template <class T> class Buffer {
 public:
  // n values, uniform in [low, high), the same in every run.
  explicit Buffer(index n, double low = -1, double high = 1) : size_(n) {
    constexpr std::size_t page = std::size_t{2} << 20;
    const std::size_t wanted = static_cast<std::size_t>(n) * sizeof(T), unit = wanted < page ? 64 : page;
    const std::size_t bytes = (wanted + unit) / unit * unit;
    data_ = static_cast<T*>(std::aligned_alloc(unit, bytes));
    if (!data_) throw std::bad_alloc();
#if defined(__linux__)
    if (unit == page) madvise(data_, bytes, MADV_HUGEPAGE);
#endif
    std::uint64_t state = 88172645463325252u;
    const double scale = (high - low) * 0x1p-64;
    for (index i = 0; i < n; ++i) {  // xorshift64, Marsaglia 2003
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      data_[i] = static_cast<T>(low + scale * static_cast<double>(state));
    }
  }
  Buffer(Buffer&& other) noexcept : data_(other.data_), size_(other.size_) { other.data_ = nullptr; }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { std::free(data_); }

  T* get() const { return data_; }
  index size() const { return size_; }

 private:
  T* data_;
  index size_;
};

}  // namespace densekit::bench
