// One at a time, in the order of arrival: for what two threads do to the same memory now and then.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <thread>

namespace densekit {

// How many forks lie between this process and the one that loaded the library.
std::uint32_t forks();

// A free turn costs two atomic additions, and who waits looks again every 20 us: no lock that a fork could leave closed.
class Turns {
 public:
  class Turn {
   public:
    // std::runtime_error in a forked child whose parent had the turn: what it was doing is half done here.
    explicit Turn(Turns& turns) : turns_(turns) {
      const std::uint64_t mine = turns.next_.fetch_add(1);
      for (int looked = 0; turns.serving_.load() != mine; ++looked) {
        if (turns.forks_.load() != forks())
          throw std::runtime_error(
              "another thread was changing this network when the process forked; load it from a file, or make it anew");
        if (looked < 50) std::this_thread::yield();
        else std::this_thread::sleep_for(std::chrono::microseconds(20));
      }
      turns.forks_.store(forks(), std::memory_order_relaxed);
    }
    ~Turn() { turns_.serving_.fetch_add(1); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Turns& turns_;
  };

 private:
  std::atomic<std::uint64_t> next_{0}, serving_{0};
  std::atomic<std::uint32_t> forks_{forks()};
};

}  // namespace densekit
