#include "bindings/interpreter_lock.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "core/thread_local.h"

namespace densekit::bindings {
namespace {

// The thread's state while it is without the lock. PyEval_RestoreThread takes it even after Python is gone; PyGILState_Ensure would not.
DENSEKIT_THREAD_LOCAL PyThreadState* released = nullptr;
DENSEKIT_THREAD_LOCAL bool can_throw = false;

void take(PyThreadState* state) {
  surviving_exit([&] { PyEval_RestoreThread(state); });
}

}  // namespace

void sleep_until_the_process_ends() {
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

Unlocked::Unlocked() { released = PyEval_SaveThread(); }
Unlocked::~Unlocked() {
  PyThreadState* const state = released;
  released = nullptr;
  take(state);
}

Locked::Locked() : taken_(released != nullptr) {
  if (!taken_) return;
  PyThreadState* const state = released;
  released = nullptr;
  take(state);
}
Locked::~Locked() {
  if (taken_) released = PyEval_SaveThread();
}

bool signalled() {
  const Locked locked;
  return surviving_exit([] { return PyErr_CheckSignals(); }) != 0;
}

void run_unlocked(void (*function)(const void*), const void* body) {
  try {
    const Unlocked released;
    function(body);
  } catch (const Interrupted&) {
  } catch (const std::exception&) {
    if (!PyErr_Occurred()) throw;
  }
  if (PyErr_Occurred()) throw py::error_already_set();
}

ReadyToThrow::ReadyToThrow() {
  if (can_throw) return;
  // Memory for that place, in case there is none left: a block that is given back when it is needed.
  static std::atomic<void*> reserve{std::malloc(4096)};
  void* probe = std::malloc(4096);
  if (!probe) std::free(reserve.exchange(nullptr));
  std::free(probe);
  (void)std::uncaught_exceptions();  // makes the place
  if (!reserve.load()) {
    void* fresh = std::malloc(4096);
    void* none = nullptr;
    if (!reserve.compare_exchange_strong(none, fresh)) std::free(fresh);
  }
  can_throw = true;
}

}  // namespace densekit::bindings
