// What core/parallel.cpp needs of a thread backend.
#pragma once
#include "core/parallel.h"

namespace densekit {

// Runs the tasks on up to `workers` threads, the caller included as worker 0; false: nothing was run, because the pool is
// busy or, unless the caller is patient, because workers were late a moment ago, or sleep and the work is too small to wake
// them.
bool run_on_pool(index tasks, int workers, double nanoseconds, TaskFunction function, const void* body, bool patient);
#if defined(DENSEKIT_OPENMP)
bool run_on_openmp(index tasks, int workers, TaskFunction function, const void* body);
int openmp_limit();  // set since the import, by threadpoolctl or omp_set_num_threads; else no limit
#endif

}  // namespace densekit
