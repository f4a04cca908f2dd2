// A block of memory that grows and is used again: scratch for the operations, which never allocate.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace densekit {

constexpr std::size_t alignment = 64;  // a cache line, and the widest vector

// Sizes of memory have 64 bits on every machine, so that no sum of them wraps; Arena refuses what an index cannot count.
using Bytes = std::int64_t;

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() { release(); }

  // At least `wanted` bytes, aligned; what was in them is lost when the block has to grow.
  void* reserve(Bytes wanted) {
    if (wanted < 0 || wanted > std::numeric_limits<std::ptrdiff_t>::max()) throw std::bad_alloc();
    const std::size_t bytes = static_cast<std::size_t>(wanted);
    if (bytes > size_) {
      release();
      const bool large = bytes >= large_bytes;  // on huge pages: fewer of them to touch and to look up
      align_ = large ? huge_page : alignment;
      data_ = ::operator new(bytes, std::align_val_t(align_));
      size_ = bytes;
#if defined(__linux__)
      if (large) madvise(data_, bytes / huge_page * huge_page, MADV_HUGEPAGE);
#endif
    }
    return data_;
  }
  void release() {
    if (data_) ::operator delete(data_, std::align_val_t(align_));
    data_ = nullptr;
    size_ = 0;
  }
  std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t huge_page = std::size_t{2} << 20, large_bytes = 2 * huge_page;
  void* data_ = nullptr;
  std::size_t size_ = 0, align_ = alignment;
};

// Hands out consecutive aligned pieces of a scratch block.
class Carver {
 public:
  explicit Carver(void* block) : next_(static_cast<char*>(block)) {}
  template <class T> T* take(std::ptrdiff_t count) {
    T* piece = reinterpret_cast<T*>(next_);
    next_ += static_cast<std::ptrdiff_t>(bytes<T>(count));
    return piece;
  }
  void* rest() { return next_; }  // for an operation that carves its own pieces
  // Bytes that a piece takes. A count may come from shapes without memory (broadcast views): what overflows is more than
  // any allocation gives, which is a std::bad_alloc, and never a small number.
  template <class T> static Bytes bytes(Bytes count, Bytes times = 1) {
    const Bytes whole = alignment;
    Bytes size = 0;
    if (__builtin_mul_overflow(count, times, &size) || __builtin_mul_overflow(size, static_cast<Bytes>(sizeof(T)), &size) ||
        __builtin_add_overflow(size, whole - 1, &size) || size > too_many)
      return too_many;
    return size / whole * whole;
  }
  static constexpr Bytes too_many = Bytes{1} << 60;  // the sum of a few still fits

 private:
  char* next_;
};

}  // namespace densekit
