// What core/parallel.cpp needs of a thread backend.
#pragma once
#include "core/parallel.h"

namespace densekit {

// Runs the tasks on up to `workers` threads, the caller included as worker 0; false: nothing was run, because the pool is
// busy or, unless the caller is patient, because workers were late a moment ago, or sleep and the work is too small to wake
// them.
bool run_on_pool(index tasks, int workers, double nanoseconds, TaskFunction function, const void* body, bool patient);

}  // namespace densekit
