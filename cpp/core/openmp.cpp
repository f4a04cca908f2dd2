// The OpenMP backend. A forked child runs serially: libgomp's threads are gone there and waiting for them hangs.
#if defined(DENSEKIT_OPENMP)
#include <omp.h>

#include <atomic>
#include <mutex>

#include "core/backends.h"
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace densekit {
namespace {

std::atomic<bool> in_forked_child{false};

void watch_for_forks() {
#if defined(__unix__) || defined(__APPLE__)
  static std::once_flag once;
  std::call_once(once, [] { pthread_atfork(nullptr, nullptr, [] { in_forked_child = true; }); });
#endif
}

}  // namespace

bool run_on_openmp(index tasks, int workers, TaskFunction function, const void* body) {
  watch_for_forks();
  if (in_forked_child || omp_in_parallel()) return false;
#pragma omp parallel for schedule(dynamic, 1) num_threads(workers)
  for (index task = 0; task < tasks; ++task) function(body, task, omp_get_thread_num());
  return true;
}

int openmp_threads() { return omp_get_max_threads(); }

}  // namespace densekit
#endif
