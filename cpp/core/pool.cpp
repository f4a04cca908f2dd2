// A thread pool whose caller works too and waits only for tasks that somebody else has claimed: a worker that the
// system does not let run delays nobody. One job at a time; who finds the pool busy works alone.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <system_error>
#include <thread>

#include "core/backends.h"
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#endif

namespace densekit {
namespace {

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Signals belong to the program's own threads: one taken by a worker would not interrupt what the main thread waits for.
// Faults stay unblocked, so that their handlers run.
class WithoutSignals {
 public:
#if defined(__unix__) || defined(__APPLE__)
  WithoutSignals() {
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP}) sigdelset(&blocked, fault);
    pthread_sigmask(SIG_BLOCK, &blocked, &before_);
  }
  ~WithoutSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
#endif
};

// A caller that waited long for a worker which the system did not let run (somebody else wants that processor) works alone
// for a while: 4 ms at first, twice as long each time that it happens again soon, at most 256 ms. Only who runs a task
// changes by this, never a result.
class Patience {
 public:
  using Clock = std::chrono::steady_clock;
  bool rests(Clock::time_point now) const { return now < until_; }
  // worked: on tasks of the call's own; waited: after that, for the others'.
  void saw(Clock::duration worked, Clock::duration waited, Clock::time_point now) {
    if (waited < std::chrono::microseconds(200) + worked + worked / 2) return;  // of three equal tasks, the last is waited for as long
    rest_ = now < until_ + 8 * rest_ ? std::min(2 * rest_, longest) : first;
    until_ = now + rest_;
  }

 private:
  static constexpr Clock::duration first = std::chrono::milliseconds(4), longest = std::chrono::milliseconds(256);
  Clock::duration rest_ = first;
  Clock::time_point until_{};
};

class Pool {
 public:
  bool run(index tasks, int workers, double nanoseconds, TaskFunction function, const void* body, bool patient) {
    std::unique_lock<std::mutex> owner(busy_, std::try_to_lock);
    if (!owner || tasks >= static_cast<index>(closed)) return false;
    const auto start = Patience::Clock::now();
    if (!patient && (patience_.rests(start) || (nanoseconds < worth_waking && (started_ < workers - 1 || sleepers_.load() > 0))))
      return false;
    start_threads(workers - 1);
    // The fields change only while the claim is closed, so whoever saw a new field cannot claim from the old job.
    const std::uint64_t job = (claim_.load() >> 32) + 2;
    claim_.store((job - 1) << 32 | closed);
    function_.store(function, std::memory_order_release);
    body_.store(body, std::memory_order_release);
    tasks_.store(static_cast<std::uint32_t>(tasks), std::memory_order_release);
    workers_.store(workers, std::memory_order_release);
    done_.store(0, std::memory_order_release);
    claim_.store(job << 32);
    if (sleepers_.load() > 0) {
      { std::lock_guard<std::mutex> lock(sleep_); }
      wake_.notify_all();
    }
    work(0);
    const auto worked = Patience::Clock::now();
    for (int spins = 0; done_.load(std::memory_order_acquire) != static_cast<std::uint32_t>(tasks); ++spins) {
      if (spins < 4096) pause();
      else std::this_thread::yield();
    }
    const auto end = Patience::Clock::now();
    patience_.saw(worked - start, end - worked, end);
    return true;
  }

 private:
  static constexpr std::uint64_t closed = 0xffffffff;
  static constexpr double worth_waking = 60e3;  // nanoseconds; see docs/performance.md, "Two threads, and a busy neighbour"

  // Claims and runs tasks of the current job until none is left; returns the job's number.
  std::uint64_t work(int worker) {
    std::uint64_t claim = claim_.load();
    const std::uint64_t job = claim >> 32;
    const TaskFunction function = function_.load(std::memory_order_acquire);
    const void* body = body_.load(std::memory_order_acquire);
    const std::uint32_t tasks = tasks_.load(std::memory_order_acquire);
    if (worker >= workers_.load(std::memory_order_acquire)) return job;
    while (claim >> 32 == job && static_cast<std::uint32_t>(claim) < tasks) {
      if (!claim_.compare_exchange_weak(claim, claim + 1)) continue;
      function(body, static_cast<index>(static_cast<std::uint32_t>(claim)), worker);
      done_.fetch_add(1, std::memory_order_release);
      claim = claim_.load();
    }
    return job;
  }

  void live(int worker) {
    for (std::uint64_t seen = 0;;) {
      for (int spins = 0; spins < 2000 && claim_.load(std::memory_order_relaxed) >> 32 == seen; ++spins) pause();
      if (claim_.load() >> 32 == seen) {
        std::unique_lock<std::mutex> lock(sleep_);
        ++sleepers_;
        wake_.wait(lock, [&] { return claim_.load() >> 32 != seen; });
        --sleepers_;
      }
      seen = work(worker);
    }
  }

  // As many as the system grants: the caller runs whatever nobody else does.
  void start_threads(int wanted) {
    if (started_ >= wanted) return;
    [[maybe_unused]] const WithoutSignals inherited;
    try {
      for (; started_ < wanted; ++started_) std::thread([this, worker = started_ + 1] { live(worker); }).detach();
    } catch (const std::system_error&) {}
  }

  std::mutex busy_, sleep_;
  std::condition_variable wake_;
  std::atomic<std::uint64_t> claim_{closed};  // number of the job << 32 | next task
  std::atomic<TaskFunction> function_{nullptr};
  std::atomic<const void*> body_{nullptr};
  std::atomic<std::uint32_t> tasks_{0}, done_{0};
  std::atomic<int> workers_{0}, sleepers_{0};
  int started_ = 0;
  Patience patience_;
};

// Never destroyed: its threads may outlive main. A forked child has none of them, and makes a new one when it needs it.
std::atomic<Pool*> pool{nullptr};
#if defined(__unix__) || defined(__APPLE__)
[[maybe_unused]] const int watching = pthread_atfork(nullptr, nullptr, [] { pool = nullptr; });
#endif

Pool& the_pool() {
  Pool* current = pool;
  if (current) return *current;
  Pool* fresh = new Pool;
  if (pool.compare_exchange_strong(current, fresh)) return *fresh;
  delete fresh;  // another thread was first
  return *current;
}

}  // namespace

bool run_on_pool(index tasks, int workers, double nanoseconds, TaskFunction function, const void* body, bool patient) {
  return the_pool().run(tasks, workers, nanoseconds, function, body, patient);
}

}  // namespace densekit
