// The OpenMP backend. A forked child runs serially: libgomp's threads are gone there and waiting for them hangs.
#if defined(DENSEKIT_OPENMP)
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <climits>

#include "core/backends.h"
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace densekit {
namespace {

std::atomic<bool> in_forked_child{false};

// From the moment of loading: another library may have started libgomp's threads before this one uses them.
#if defined(__unix__) || defined(__APPLE__)
[[maybe_unused]] const int watching = pthread_atfork(nullptr, nullptr, [] { in_forked_child = true; });
#endif
const int threads_at_load = omp_get_max_threads();

}  // namespace

bool run_on_openmp(index tasks, int workers, TaskFunction function, const void* body) {
  if (in_forked_child || omp_in_parallel()) return false;
#pragma omp parallel for schedule(dynamic, 1) num_threads(workers)
  for (index task = 0; task < tasks; ++task) function(body, task, omp_get_thread_num());
  return true;
}

int openmp_limit() {
  const int now = omp_get_max_threads();
  return now == threads_at_load ? INT_MAX : std::max(1, now);
}

}  // namespace densekit
#endif
