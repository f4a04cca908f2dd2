// Finds and loads the OpenMP backend, a library of its own, when somebody chooses it.
#pragma once
#include "core/openmp/table.h"

namespace densekit {

// Whether the library lies beside the file that holds this code, or is loaded already. Loads nothing. A library elsewhere, where
// the system's loader finds it, can be used all the same.
bool openmp_library_is_here();

// Loads it, once, for as long as the process lives. std::invalid_argument says where it was looked for.
const densekit_openmp_table& load_openmp_library();

}  // namespace densekit
