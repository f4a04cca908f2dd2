// A question that a long call asks now and then on its own thread: is it to stop? (Ctrl-C, as a rule.)
#pragma once
#include <atomic>
#include <chrono>

namespace densekit {

struct Interrupted {};  // thrown by a call that was stopped

class Interrupt {
 public:
  using Ask = bool (*)();
  explicit Interrupt(Ask ask) : ask_(ask) {}

  bool stopped() const { return stopped_.load(std::memory_order_relaxed); }
  // Only by the thread that made the call; asks at most every 50 ms.
  bool poll() {
    if (stopped()) return true;
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return false;
    next_ = now + std::chrono::milliseconds(50);
    if (ask_()) stopped_.store(true, std::memory_order_relaxed);
    return stopped();
  }

 private:
  Ask ask_;
  std::chrono::steady_clock::time_point next_{};
  std::atomic<bool> stopped_{false};
};

}  // namespace densekit
