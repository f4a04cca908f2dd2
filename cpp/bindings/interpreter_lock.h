// The interpreter lock: given back while the engine works, taken for questions to Python, and what happens when Python ends meanwhile.
//
// A daemon thread may be here when the main thread leaves Python. Up to Python 3.13 such a thread is ended by pthread_exit as soon as
// it wants the lock, which unwinds its stack: through destructors, which may not let it pass (std::terminate), and which would touch
// Python's objects without the lock. So it is stopped where it stands and sleeps until the process is gone, as Python 3.14 does itself.
#pragma once
#include <pybind11/pybind11.h>

#include <exception>
#include <type_traits>

#include "core/context.h"

namespace densekit::bindings {

namespace py = pybind11;

[[noreturn]] void sleep_until_the_process_ends();

// Calls body, which calls Python; if Python ends the thread in there, it sleeps here. The body must hold no object whose destructor
// touches Python: it would run before.
template <class F> auto surviving_exit(const F& body) {
  try {
    return body();
  } catch (const std::exception&) { throw; } catch (...) {
    sleep_until_the_process_ends();
  }  // the second is pthread_exit
}

// Without the lock, from here to the end of the scope.
class Unlocked {
 public:
  Unlocked();
  ~Unlocked();
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;
};

// With the lock again, on the thread of an Unlocked; where the lock is held anyway, nothing.
class Locked {
 public:
  Locked();
  ~Locked();
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  const bool taken_;
};

// Whether a signal handler of Python's raised an exception, KeyboardInterrupt as a rule; asked without the lock.
bool signalled();

// So that a thread can throw: the C++ library makes the thread's exceptions a place at the first throw, and ends the process if there
// is no memory for it. py::call_guard of all that may throw std::bad_alloc.
class ReadyToThrow {
 public:
  ReadyToThrow();
};

void run_unlocked(Context context, void (*function)(const Context&, const void*), const void* body);

// Runs body(context) without the lock. A signal ends it early, what it wrote is left unfinished, and Python's exception comes out.
template <class F> auto unlocked(const Context& context, const F& body) {
  using Result = std::invoke_result_t<F, const Context&>;
  if constexpr (std::is_void_v<Result>) {
    run_unlocked(context, [](const Context& c, const void* f) { (*static_cast<const F*>(f))(c); }, &body);
  } else {
    Result result{};
    const auto keep = [&](const Context& c) { result = body(c); };
    unlocked(context, keep);
    return result;
  }
}
template <class F> auto unlocked(const F& body) { return unlocked(current_context(), body); }

}  // namespace densekit::bindings
