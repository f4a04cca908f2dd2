// The probe's loops, compiled once per instruction set like the kernels and in the same vocabulary.
#include "roofline.h"
#include "simd/vec.h"

DENSEKIT_BEGIN

// Enough chains to cover the latency of an FMA (about 4 cycles, two a cycle), and of a product and a sum where there
// is no FMA, in the registers that every level has.
constexpr int chains = 12;

template <class T> void fma_chains(index rounds, T* state) {
  using V = vec<T>;
  const V factor = V{} + state[0], term = V{} + state[1];
  V x[chains];
#pragma GCC unroll 16
  for (int i = 0; i < chains; ++i) x[i] = V{} + T(i);
  for (index r = 0; r < rounds; ++r) {
#pragma GCC unroll 16
    for (int i = 0; i < chains; ++i) x[i] = fma(x[i], factor, term);
  }
  V total = x[0];
#pragma GCC unroll 16
  for (int i = 1; i < chains; ++i) total += x[i];
  state[2] = hsum(total);
}

constexpr int unrolled = 8;  // vectors a round: 128 floats at most

void read(const float* x, index n, float* sink) {
  using V = vec<float>;
  V sum[unrolled] = {};
  for (index i = 0; i < n; i += unrolled * width<float>) {
#pragma GCC unroll 8
    for (int j = 0; j < unrolled; ++j) sum[j] += load<V>(x + i + j * width<float>);
  }
  V total = sum[0];
  for (int j = 1; j < unrolled; ++j) total += sum[j];
  *sink = hsum(total);
}

template <class F> void stream(index n, F&& each) {
  for (index i = 0; i < n; i += unrolled * width<float>) {
#pragma GCC unroll 8
    for (int j = 0; j < unrolled; ++j) each(i + j * width<float>);
  }
}
void copy(const float* x, float* y, index n) {
  stream(n, [=](index i) { store(y + i, load<vec<float>>(x + i)); });
}
void triad(const float* x, const float* y, float* z, index n) {
  const vec<float> s = vec<float>{} + 0.5f;
  stream(n, [=](index i) { store(z + i, fma(s, load<vec<float>>(y + i), load<vec<float>>(x + i))); });
}
void update(const float* x, float* y, index n) {
  const vec<float> s = vec<float>{} + 1e-30f;
  stream(n, [=](index i) { store(y + i, fma(s, load<vec<float>>(x + i), load<vec<float>>(y + i))); });
}

DENSEKIT_END

namespace densekit::DENSEKIT_LEVEL {

extern const bench::ProbeKernels probe_kernels;
const bench::ProbeKernels probe_kernels{
    fma_chains<float>, fma_chains<double>, 2.0 * chains * width<float>, 2.0 * chains * width<double>, read, copy, triad, update};

}  // namespace densekit::DENSEKIT_LEVEL
