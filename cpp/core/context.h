// What an operation runs with: one instruction set and a number of threads, the same for the whole call.
#pragma once
#include "core/cpu.h"
#include "core/interrupt.h"
#include "core/parallel.h"

namespace densekit {

enum class Road { automatic, direct, packed };  // how a matrix product goes; all give the same bits

struct Context {
  const Table* table;
  int threads;
  Road road = Road::automatic;
  const Bf16Kernels* bf16 = nullptr;  // products of float32 may round their operands to bfloat16; null: they must not
  Interrupt* interrupt = nullptr;     // once it says stop, no further task begins, and results are left unfinished

  // Whether a task is to end early: for tasks that may take longer than some milliseconds. worker: who runs it.
  bool stopped(int worker) const { return interrupt && (worker == 0 ? interrupt->poll() : interrupt->stopped()); }

  template <class T> const Kernels<T>& kernels() const { return table->of<T>(); }

  // Runs body(task, worker) over tasks; nanoseconds estimates the serial work of all of them together.
  template <class F> void parallel(index tasks, double nanoseconds, const F& body) const {
    parallel_for(tasks, threads, nanoseconds, [&](index task, int worker) {
      if (tasks > 1 && stopped(worker)) return;
      body(task, worker);
    });
  }

  // Runs body(begin, length, worker) over pieces of n elements; the cut depends on n alone.
  static constexpr index piece = 16384;
  template <class F> void parallel_pieces(index n, double nanoseconds_each, const F& body) const {
    parallel((n + piece - 1) / piece, nanoseconds_each * static_cast<double>(n), [&](index task, int worker) {
      const index begin = task * piece;
      body(begin, n - begin < piece ? n - begin : piece, worker);
    });
  }
};

// Throws Interrupted if the call is to stop. Only on the thread that made it, not inside a task.
inline void check_interrupt(const Context& context) {
  if (context.interrupt && context.interrupt->poll()) throw Interrupted{};
}

Context current_context();
void force_road(Road road);  // for tests

}  // namespace densekit
