// Thread-local variables that a thread has from its beginning. In a library that was loaded at run time glibc otherwise makes them at
// the first access, and ends the process if there is no memory for it then. They must be small: the room for them is shared with
// all libraries of the process. Other systems know no difference, or offer no choice.
#pragma once
#include <cstddef>  // says whether the C library is glibc

#if defined(__GLIBC__)
#define DENSEKIT_THREAD_LOCAL thread_local __attribute__((tls_model("initial-exec")))
#else
#define DENSEKIT_THREAD_LOCAL thread_local
#endif
