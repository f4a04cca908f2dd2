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

// Runs function(body) without the lock. If a signal raised an exception in Python meanwhile, that comes out, whether the call was stopped
// by it, ended first, or threw something because it was stopped.
void run_unlocked(void (*function)(const void*), const void* body);

// Runs body() without the lock: calls of the engine, which asks `signalled` by itself.
template <class F> auto unlocked(const F& body) {
  using Result = std::invoke_result_t<F>;
  if constexpr (std::is_void_v<Result>) {
    run_unlocked([](const void* f) { (*static_cast<const F*>(f))(); }, &body);
  } else {
    Result result{};
    const auto keep = [&] { result = body(); };
    unlocked(keep);
    return result;
  }
}

// Runs body(context) without the lock: operations, which a signal ends early. What they wrote is then left unfinished.
template <class F> auto interruptible(Context context, const F& body) {
  Interrupt interrupt(signalled);
  context.interrupt = &interrupt;
  return unlocked([&] { return body(static_cast<const Context&>(context)); });
}
template <class F> auto interruptible(const F& body) { return interruptible(current_context(), body); }

}  // namespace densekit::bindings
