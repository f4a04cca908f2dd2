// Hammers core/parallel from several threads at once. Meant for ThreadSanitizer, which sees what no result shows;
// it fails by itself, too, when a task is lost, is run twice, or runs while its call has already returned.
//   pool_test [seconds] [pool | openmp]
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>
// ThreadSanitizer does not follow a fork of a process with threads; AddressSanitizer's allocator, in which another thread
// may be at that moment, stays locked in the child.
#if defined(__unix__) && !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
#define FORKS 1
#include <sys/wait.h>
#include <unistd.h>
#endif

#include "core/parallel.h"

namespace {

using densekit::index;  // not outside: POSIX has a function of that name

std::atomic<long> calls{0}, failures{0};

void expect(bool condition, const char* what) {
  if (!condition && failures++ < 10) std::fprintf(stderr, "pool_test: %s\n", what);
}

// Each task adds to its own plain int and to a slot of its worker: a race on either is a bug of the pool.
void one_call(index tasks, int threads, bool nested) {
  std::vector<int> runs(static_cast<std::size_t>(tasks), 0);
  std::vector<long> of_worker(static_cast<std::size_t>(threads), 0);
  densekit::parallel_for(tasks, threads, 1e9, [&](index task, int worker) {
    expect(worker >= 0 && worker < threads, "a worker's number is out of range");
    ++runs[static_cast<std::size_t>(task)];
    ++of_worker[static_cast<std::size_t>(worker)];
    if (!nested) return;
    int inner[3] = {0, 0, 0};  // inside a task everything is serial
    densekit::parallel_for(3, threads, 1e9, [&](index i, int w) {
      expect(w == 0, "a nested call is not serial");
      ++inner[i];
    });
    expect(inner[0] == 1 && inner[1] == 1 && inner[2] == 1, "a nested call lost a task");
  });
  long total = 0;
  for (const int count : runs) expect(count == 1, "a task did not run exactly once");
  for (const long count : of_worker) total += count;
  expect(total == tasks, "the workers' counts do not add up");
  ++calls;
}

void hammer(double seconds, unsigned seed) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (std::chrono::steady_clock::now() < end) {
    seed = seed * 1664525u + 1013904223u;
    one_call(1 + (seed >> 8) % 40, 1 + static_cast<int>((seed >> 16) % 9), (seed >> 24) % 4 == 0);
    if ((seed >> 26) == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));  // lets the workers fall asleep
  }
}

#if FORKS
void fork_and_call() {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    one_call(16, 4, false);
    _exit(failures == 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a forked child did not finish its call");
}
#endif

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2;
  if (argc > 2) densekit::use_thread_backend(argv[2]);
  densekit::set_serial_threshold(0);
  densekit::set_all_hands(true);
  one_call(8, 4, false);
  densekit::set_all_hands(false);
  expect(densekit::last_workers() > 1, "nobody but the caller worked");
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 4; ++i) threads.emplace_back(hammer, seconds, i + 1);
#if FORKS
  if (argc <= 3)  // "without-forks"
    for (int i = 0; i < 20; ++i) fork_and_call();
#endif
  for (std::thread& thread : threads) thread.join();
  std::printf("pool_test: %ld calls on the %s backend, %ld failures\n", calls.load(), densekit::thread_backend().c_str(), failures.load());
  return failures == 0 ? 0 : 1;
}
