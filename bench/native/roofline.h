// What this machine can do at most: FMAs a second per instruction set, and bytes a second from L2, L3 and memory.
// Every percentage that the benchmarks print is of one of these figures, measured in the same process.
#pragma once
#include <cstddef>
#include <string>

#include "core/context.h"

namespace densekit::bench {

// The probe's loops for one instruction set (roofline_kernels.cpp).
struct ProbeKernels {
  // rounds of `chains` independent vector FMAs; flops counts one round.
  void (*fma_f32)(index rounds, float* state);
  void (*fma_f64)(index rounds, double* state);
  double flops_f32, flops_f64;
  // n floats, a multiple of 128
  void (*read)(const float* x, index n, float* sink);                // sums x
  void (*copy)(const float* x, float* y, index n);                   // y = x
  void (*triad)(const float* x, const float* y, float* z, index n);  // z = x + s y
  void (*update)(const float* x, float* y, index n);                 // y = y + s x
};

// Which stream an operation resembles. A store to memory that was not read costs the reading of its line as well
// (write-allocate), which nobody counts; an update in place does not pay it, so it has a limit of its own.
enum class Traffic : int { read, copy, triad, update, count };
enum class Memory : int { l2, l3, dram, count };

const char* name(Traffic traffic);
const char* name(Memory memory);

// Bytes of each of the probe's arrays (L2: for each thread).
index array_bytes(Memory memory);
// Where an operation that touches this many bytes in all, again and again, has its data.
Memory home(double bytes, int threads);

struct Roofline {
  double fma_f32 = 0, fma_f64 = 0;                                                       // FLOP/s
  double bytes[static_cast<int>(Traffic::count)][static_cast<int>(Memory::count)] = {};  // bytes/s, counted as STREAM does

  double bandwidth(Traffic traffic, Memory memory) const { return bytes[static_cast<int>(traffic)][static_cast<int>(memory)]; }
};

// Probes with the context's instruction set and threads; medians of several samples. One thread is timed by its own
// CPU time, so that other processes on the machine disturb little; several threads by the clock on the wall.
Roofline probe(const std::string& level, const Context& context);

// The two limits of one workload: FLOP/s in float32, and bytes/s of a stream through arrays of `bytes` in all, of which
// each thread has its own part.
double fma_f32(const std::string& level, const Context& context);
double stream(const std::string& level, const Context& context, Traffic traffic, double bytes);

}  // namespace densekit::bench
