// How many threads a call may use, for the whole process. Results do not depend on it.
#pragma once

namespace densekit {

// The caller included: what set_threads said, else the environment's DENSEKIT_NUM_THREADS, else OMP_NUM_THREADS, else the processors
// of the affinity mask, or fewer if the cgroup's quota says so.
int threads();
void set_threads(int count);  // 1 to 1024, or 0: back to the default. std::invalid_argument if it is another number

}  // namespace densekit
