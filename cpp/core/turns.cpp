#include "core/turns.h"

#ifndef _WIN32
#include <pthread.h>
#endif

namespace densekit {
namespace {

std::atomic<std::uint32_t> count{0};
#ifndef _WIN32
[[maybe_unused]] const int watching = pthread_atfork(nullptr, nullptr, [] { ++count; });
#endif

}  // namespace

std::uint32_t forks() { return count.load(std::memory_order_relaxed); }

}  // namespace densekit
