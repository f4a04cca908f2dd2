// The kernel's clock of some milliseconds a tick, which costs a fifth of an exact one to ask.
#pragma once
#include <chrono>
#include <cstdint>
#if defined(__linux__)
#include <ctime>
#endif

namespace densekit {

inline std::int64_t coarse_nanoseconds() {
#if defined(__linux__)
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
#else
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
#endif
}

}  // namespace densekit
