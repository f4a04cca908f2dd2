// A thread pool whose caller works too and waits only for tasks that somebody else has claimed: a worker that the
// system does not let run delays nobody. One job at a time; who finds the pool busy works alone.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <thread>

#include "core/backends.h"
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#endif

namespace densekit {
namespace {

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
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
    if (!owner || static_cast<std::uint64_t>(tasks) >= low) return false;
    const auto start = Patience::Clock::now();
    if (!patient && (patience_.rests(start) || (nanoseconds < worth_waking && (started_ < workers - 1 || sleepers_.load() > 0))))
      return false;
    start_threads(workers - 1);
    // The fields change only while all claims are closed, so whoever saw a new field cannot claim from the old job.
    const std::uint64_t job = job_.load() + 1;
    for (int w = 0; w < std::max(workers, workers_.load()); ++w) claims_[w].next.store(closed);
    function_.store(function, std::memory_order_release);
    body_.store(body, std::memory_order_release);
    tasks_.store(static_cast<std::uint32_t>(tasks), std::memory_order_release);
    workers_.store(workers, std::memory_order_release);
    done_.store(0, std::memory_order_release);
    for (int w = 0; w < workers; ++w) claims_[w].next.store((job & low) << 32 | share_begin(tasks, workers, w));
    job_.store(job);
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
  // A claim is the job's number (its low half) << 32 | the next task of a worker's share.
  static constexpr std::uint64_t low = 0xffffffff, closed = low << 32 | low;
  struct alignas(64) Claim {
    std::atomic<std::uint64_t> next{closed};
  };
  static constexpr double worth_waking = 60e3;  // nanoseconds; see docs/performance.md, "Two threads, and a busy neighbour"

  // Each worker begins with a share of neighbouring tasks of its own, the same in each job of the same kind, so that what it wrote
  // is still in its cache; then it helps the others.
  static std::uint32_t share_begin(index tasks, int workers, int worker) {
    return static_cast<std::uint32_t>(std::int64_t{tasks} * worker / workers);
  }

  // Claims and runs tasks of the current job until none is left; returns the job's number.
  std::uint64_t work(int worker) {
    const std::uint64_t job = job_.load();
    const TaskFunction function = function_.load(std::memory_order_acquire);
    const void* body = body_.load(std::memory_order_acquire);
    const index tasks = tasks_.load(std::memory_order_acquire);
    const int workers = workers_.load(std::memory_order_acquire);
    for (int i = 0; worker < workers && i < workers; ++i) {
      const int whose = (worker + i) % workers;
      const std::uint32_t end = share_begin(tasks, workers, whose + 1);
      std::atomic<std::uint64_t>& next = claims_[whose].next;
      std::uint64_t claim = next.load();
      while (claim >> 32 == (job & low) && static_cast<std::uint32_t>(claim) < end) {
        if (!next.compare_exchange_weak(claim, claim + 1)) continue;
        function(body, static_cast<index>(static_cast<std::uint32_t>(claim)), worker);
        done_.fetch_add(1, std::memory_order_release);
        claim = next.load();
      }
    }
    return job;
  }

  void live(int worker) {
    for (std::uint64_t seen = 0;;) {
      for (int spins = 0; spins < 2000 && job_.load(std::memory_order_relaxed) == seen; ++spins) pause();
      if (job_.load() == seen) {
        std::unique_lock<std::mutex> lock(sleep_);
        ++sleepers_;
        wake_.wait(lock, [&] { return job_.load() != seen; });
        --sleepers_;
      }
      seen = work(worker);
    }
  }

  // As many as the system grants: the caller runs whatever nobody else does. After a refusal (std::system_error for a limit on
  // threads, std::bad_alloc for memory) it is not tried again for a while, because a try costs as much as a small call.
  void start_threads(int wanted) {
    if (started_ >= wanted) return;
    const auto now = Patience::Clock::now();
    if (now < next_start_) return;
    [[maybe_unused]] const WithoutSignals inherited;
    try {
      for (; started_ < wanted; ++started_) std::thread([this, worker = started_ + 1] { live(worker); }).detach();
    } catch (const std::exception&) { next_start_ = now + std::chrono::milliseconds(100); }
  }

  std::mutex busy_, sleep_;
  std::condition_variable wake_;
  std::atomic<std::uint64_t> job_{0};
  const std::unique_ptr<Claim[]> claims_{new Claim[most_threads]};
  std::atomic<TaskFunction> function_{nullptr};
  std::atomic<const void*> body_{nullptr};
  std::atomic<std::uint32_t> tasks_{0}, done_{0};
  std::atomic<int> workers_{0}, sleepers_{0};
  int started_ = 0;
  Patience::Clock::time_point next_start_{};
  Patience patience_;
};

// Never destroyed: its threads may outlive main. A forked child has none of them, and makes a new one when it needs it.
std::atomic<Pool*> pool{nullptr};
#if defined(__unix__) || defined(__APPLE__)
[[maybe_unused]] const int watching = pthread_atfork(nullptr, nullptr, [] { pool = nullptr; });
#endif

// Null if there is no memory for one.
Pool* the_pool() {
  Pool* current = pool;
  if (current) return current;
  Pool* fresh = nullptr;
  try {
    fresh = new Pool;
  } catch (const std::bad_alloc&) { return nullptr; }
  if (pool.compare_exchange_strong(current, fresh)) return fresh;
  delete fresh;  // another thread was first
  return current;
}

}  // namespace

bool run_on_pool(index tasks, int workers, double nanoseconds, TaskFunction function, const void* body, bool patient) {
  Pool* const all = the_pool();
  return all && all->run(tasks, workers, nanoseconds, function, body, patient);
}

}  // namespace densekit
