// The OpenMP backend: a library of its own, so that only a process that chooses it loads an OpenMP runtime (core/openmp_library.cpp).
#include <omp.h>

#include <cstdlib>

#include "core/openmp/table.h"

namespace {

int run(std::ptrdiff_t tasks, int workers, densekit_task_function function, const void* body) {
  if (omp_in_parallel()) return 0;
#pragma omp parallel for schedule(dynamic, 1) num_threads(workers)
  for (std::ptrdiff_t task = 0; task < tasks; ++task) function(body, task, omp_get_thread_num());
  return 1;
}

// What the runtime takes when nobody has said anything in the program: OMP_NUM_THREADS (its first number), else the processors.
int threads_of_the_environment() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  const long count = text ? std::strtol(text, nullptr, 10) : 0;
  return count >= 1 ? static_cast<int>(count) : omp_get_num_procs();
}

int limit() {
  static const int unlimited = threads_of_the_environment();
  const int now = omp_get_max_threads();
  return now == unlimited ? 0 : now;
}

constexpr densekit_openmp_table table{DENSEKIT_OPENMP_TABLE, DENSEKIT_VERSION, run, limit};

}  // namespace

extern "C" __attribute__((visibility("default"))) const densekit_openmp_table* densekit_openmp() { return &table; }
