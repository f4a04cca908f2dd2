// Scratch memory of the calling thread, kept for the next call unless it is large.
#pragma once
#include "core/arena.h"

namespace densekit::bindings {

class Scratch {
 public:
  explicit Scratch(Bytes bytes) : arena_(of_this_thread()), block_(arena_.reserve(bytes)) {}
  ~Scratch() {
    if (arena_.size() > kept) arena_.release();
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  void* get() const { return block_; }

 private:
  static constexpr std::size_t kept = std::size_t{32} << 20;
  static Arena& of_this_thread();  // std::bad_alloc

  Arena& arena_;
  void* block_;
};

}  // namespace densekit::bindings
