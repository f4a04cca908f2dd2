#include "roofline.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

#include "buffer.h"

namespace densekit {

#define LEVEL(name)                               \
  namespace name {                                \
  extern const bench::ProbeKernels probe_kernels; \
  }
#include "built_levels.def"
#undef LEVEL

namespace bench {
namespace {

const ProbeKernels& kernels_of(const std::string& level) {
#define LEVEL(name) \
  if (level == #name) return name::probe_kernels;
#include "built_levels.def"
#undef LEVEL
  throw std::invalid_argument("no probe for the instruction set " + level);
}

double seconds(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Median seconds of body(task, worker) over all tasks.
template <class F> double median_seconds(const Context& context, int samples, index tasks, const F& body) {
  const clockid_t clock = context.threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
  std::vector<double> times;
  for (int s = 0; s <= samples; ++s) {
    const double start = seconds(clock);
    context.parallel(tasks, 1e9, body);
    if (s) times.push_back(seconds(clock) - start);  // the first one warms caches and threads
  }
  std::nth_element(times.begin(), times.begin() + samples / 2, times.end());
  return times[static_cast<std::size_t>(samples / 2)];
}

template <class T> double fma_rate(const Context& context, void (*chains)(index, T*), double flops) {
  constexpr index rounds = 20000;
  const index tasks = 8 * context.threads;
  std::vector<std::array<T, 64>> state(static_cast<std::size_t>(tasks));
  for (auto& s : state) s = {T(0.999), T(0.001)};
  const double time =
      median_seconds(context, 15, tasks, [&](index task, int) { chains(rounds, state[static_cast<std::size_t>(task)].data()); });
  return flops * static_cast<double>(rounds * tasks) / time;
}

// Arrays read and written, as STREAM counts them, and arrays that there are.
double streams(Traffic traffic) { return traffic == Traffic::read ? 1 : traffic == Traffic::copy ? 2 : 3; }
double arrays(Traffic traffic) { return traffic == Traffic::update ? 2 : streams(traffic); }

struct Arrays {
  const float* x;
  float *y, *z, *sink;
};

void sweep(const ProbeKernels& kernels, Traffic traffic, const Arrays& a, index length) {
  switch (traffic) {
    case Traffic::read:
      kernels.read(a.x, length, a.sink);
      break;
    case Traffic::copy:
      kernels.copy(a.x, a.y, length);
      break;
    case Traffic::triad:
      kernels.triad(a.x, a.y, a.z, length);
      break;
    default:
      kernels.update(a.x, a.y, length);
  }
}

}  // namespace

const char* name(Traffic traffic) {
  constexpr const char* names[] = {"read", "copy", "triad", "update"};
  return names[static_cast<int>(traffic)];
}
const char* name(Memory memory) {
  constexpr const char* names[] = {"L2", "L3", "DRAM"};
  return names[static_cast<int>(memory)];
}

index array_bytes(Memory memory) {
  constexpr index bytes[] = {index{256} << 10, index{8} << 20, index{256} << 20};
  return bytes[static_cast<int>(memory)];
}
Memory home(double bytes, int threads) {
  if (bytes <= 3.0 * static_cast<double>(array_bytes(Memory::l2)) * threads) return Memory::l2;
  return bytes <= 3.0 * static_cast<double>(array_bytes(Memory::l3)) ? Memory::l3 : Memory::dram;
}

Roofline probe(const std::string& level, const Context& context) {
  const ProbeKernels& kernels = kernels_of(level);
  Roofline result;
  result.fma_f32 = fma_rate(context, kernels.fma_f32, kernels.flops_f32);
  result.fma_f64 = fma_rate(context, kernels.fma_f64, kernels.flops_f64);
  for (const Memory memory : {Memory::l2, Memory::l3, Memory::dram}) {
    const bool own = memory == Memory::l2;  // each worker its own arrays; else each task a piece of common ones
    const index tasks = 16 * context.threads, pieces = own ? context.threads : tasks;
    const index length = array_bytes(memory) / 4 / (own ? 1 : tasks) / 128 * 128;  // of a piece
    const index sweeps = std::max<index>(1, (index{4} << 20) / (array_bytes(memory) * (own ? 1 : 0) + 1));
    const index rounds = own ? sweeps : 1, repeats = memory == Memory::l3 ? 2 : 1;
    const Buffer<float> x(pieces * length), y(pieces * length), z(pieces * length);
    std::vector<std::array<float, 16>> sink(static_cast<std::size_t>(context.threads));
    for (const Traffic traffic : {Traffic::read, Traffic::copy, Traffic::triad, Traffic::update}) {
      const auto body = [&](index task, int worker) {
        const index at = (own ? worker : task % tasks) * length;
        const Arrays a{x.get() + at, y.get() + at, z.get() + at, sink[static_cast<std::size_t>(worker)].data()};
        for (index r = 0; r < rounds; ++r) sweep(kernels, traffic, a, length);
      };
      const double time = median_seconds(context, memory == Memory::dram ? 3 : 9, tasks * repeats, body);
      const double bytes = streams(traffic) * 4.0 * static_cast<double>(length * rounds * tasks * repeats);
      result.bytes[static_cast<int>(traffic)][static_cast<int>(memory)] = bytes / time;
    }
  }
  return result;
}

double fma_f32(const std::string& level, const Context& context) {
  const ProbeKernels& kernels = kernels_of(level);
  return fma_rate(context, kernels.fma_f32, kernels.flops_f32);
}

double stream(const std::string& level, const Context& context, Traffic traffic, double bytes) {
  const ProbeKernels& kernels = kernels_of(level);
  const index length = std::max<index>(1, static_cast<index>(bytes / arrays(traffic) / 4 / context.threads) / 128) * 128;
  const index all = length * context.threads, spare = traffic == Traffic::read ? 0 : all;
  const Buffer<float> x(all), y(spare), z(traffic == Traffic::triad ? all : 0);
  std::vector<std::array<float, 16>> sink(static_cast<std::size_t>(context.threads));
  const index tasks = 8 * context.threads, rounds = std::max<index>(1, (index{1} << 20) / length);
  const auto body = [&](index, int worker) {
    const index at = worker * length;
    const Arrays a{x.get() + at, y.get() + at, z.get() + at, sink[static_cast<std::size_t>(worker)].data()};
    for (index r = 0; r < rounds; ++r) sweep(kernels, traffic, a, length);
  };
  const double time = median_seconds(context, bytes > 1e8 ? 3 : 9, tasks, body);
  return streams(traffic) * 4.0 * static_cast<double>(length * rounds * tasks) / time;
}

}  // namespace bench
}  // namespace densekit
