// The only place that knows about threads. Tasks are fixed by the shape of the problem; who runs them is not,
// so results never depend on the number of threads or on the backend.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "densekit/threads.h"  // threads, set_threads

namespace densekit {

constexpr int most_threads = 1024;

using index = std::ptrdiff_t;

int threads_of_a_call();  // threads(), which may miss a change of the affinity for some milliseconds

// "pool", and "openmp" where its library is installed; that library is loaded when it is chosen, by DENSEKIT_THREAD_BACKEND or here.
std::vector<std::string> thread_backends();
std::string thread_backend();
void use_thread_backend(const std::string& name);  // std::invalid_argument

// Below this many nanoseconds of estimated serial work a call does not wake anybody. Tests set it to zero.
double serial_threshold();
void set_serial_threshold(double nanoseconds);

// For tests: every call with several tasks waits until each of its workers has begun one.
void set_all_hands(bool on);
int last_workers();  // then: the most that took part in one parallel_for since this was last asked

// Runs body(task, worker) for each task in [0, tasks) once, worker in [0, max_threads), in any order.
// Serial when the work is small, when called from inside a task, and when another thread is using the pool.
// body must not throw.
using TaskFunction = void (*)(const void* body, index task, int worker);
void run_tasks(index tasks, int max_threads, double nanoseconds, TaskFunction function, const void* body);

template <class F> void parallel_for(index tasks, int max_threads, double nanoseconds, const F& body) {
  run_tasks(
      tasks, max_threads, nanoseconds, [](const void* f, index task, int worker) { (*static_cast<const F*>(f))(task, worker); }, &body);
}

}  // namespace densekit
