// A question that a long call asks now and then on its own thread: is it to stop? (Ctrl-C, as a rule.)
#pragma once
#include <atomic>
#include <cstdint>

#include "core/clock.h"
#include "densekit/interrupted.h"

namespace densekit {

class Interrupt {
 public:
  using Ask = bool (*)();
  explicit Interrupt(Ask ask) : ask_(ask) {}

  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }
  // Only by the thread that made the call; asks every 50 ms, for the first time after 50: short calls cost no question.
  bool poll() {
    if (stopped()) return true;
    const std::int64_t now = coarse_nanoseconds();
    if (now < next_) return false;
    next_ = now + interval;
    if (ask_()) stopped_.store(true, std::memory_order_relaxed);
    return stopped();
  }

 private:
  static constexpr std::int64_t interval = 50'000'000;
  Ask ask_;
  std::int64_t next_ = coarse_nanoseconds() + interval;
  std::atomic<bool> stopped_{false};
};

}  // namespace densekit
