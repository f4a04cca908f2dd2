// How the calling thread rounds and whether it flushes denormals. A task runs with the state of the thread that made the
// call, whoever runs it: another library may have changed that thread's, and bits must not depend on who runs a task.
#pragma once

namespace densekit {

#if defined(__SSE2__)
using FloatState = unsigned;
inline FloatState float_state() { return __builtin_ia32_stmxcsr() & ~0x3fu; }  // without the exception flags
inline void set_float_state(FloatState state) { __builtin_ia32_ldmxcsr(state); }
#elif defined(__aarch64__)
using FloatState = unsigned long;
inline FloatState float_state() {
  FloatState state;
  asm volatile("mrs %0, fpcr" : "=r"(state));
  return state;
}
inline void set_float_state(FloatState state) { asm volatile("msr fpcr, %0" : : "r"(state)); }
#else
using FloatState = int;
inline FloatState float_state() { return 0; }
inline void set_float_state(FloatState) {}
#endif

// The same, but denormal operands and results are zero.
inline FloatState flushing(FloatState state) {
#if defined(__SSE2__)
  return state | 0x8040u;  // FTZ, DAZ
#elif defined(__aarch64__)
  return state | 1ul << 24;  // FZ
#else
  return state;
#endif
}

class WithFloatState {
 public:
  explicit WithFloatState(FloatState wanted) : before_(float_state()), changed_(wanted != before_) {
    if (changed_) set_float_state(wanted);
  }
  ~WithFloatState() {
    if (changed_) set_float_state(before_);
  }
  WithFloatState(const WithFloatState&) = delete;
  WithFloatState& operator=(const WithFloatState&) = delete;

 private:
  FloatState before_;
  bool changed_;
};

}  // namespace densekit
