// Sizes that no memory has are errors on machines of 32 and of 64 bits, never small numbers that wrapped.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/arena.h"
#include "core/context.h"
#include "densekit/network.h"
#include "ops/channels.h"
#include "ops/distances.h"
#include "ops/matmul.h"
#include "ops/norms.h"

namespace densekit {
namespace {

int failures = 0;
void expect(bool condition, const std::string& what) {
  if (!condition && failures++ < 10) std::printf("FAILED: %s\n", what.c_str());
}

constexpr index most = std::numeric_limits<index>::max();

template <class F> bool refused(const F& body) {
  try {
    body();
  } catch (const std::bad_alloc&) { return true; } catch (const std::invalid_argument&) {
    return true;
  }
  return false;
}

// More than any machine gives.
bool impossible(Bytes bytes) { return bytes > most / 2 || bytes >= Carver::too_many; }

[[maybe_unused]] void test_arena() {
  std::vector<Bytes> sizes{-1, Carver::too_many, 5 * Carver::too_many};
  if (sizeof(void*) == 4) sizes.insert(sizes.end(), {Bytes{1} << 31, Bytes{1} << 32, (Bytes{1} << 32) + 64, Bytes{1} << 40});
  Arena arena;
  for (const Bytes bytes : sizes) expect(refused([&] { arena.reserve(bytes); }), std::to_string(bytes) + " bytes are given");
  expect(arena.reserve(1000) != nullptr, "no bytes are given after that");
}

void test_pieces() {
  const Bytes longest = most;
  expect(Carver::bytes<double>(3) == 64 && Carver::bytes<double>(3, 3) == 128, "small pieces");
  expect(Carver::bytes<char>(Bytes{1} << 40) == Bytes{1} << 40, "a piece of 2^40 bytes is another number");
  for (const Bytes bytes : {Carver::bytes<double>(longest), Carver::bytes<float>(longest, longest), Carver::bytes<char>(longest, 3),
                            Carver::bytes<double>(longest, longest) + 6 * Carver::bytes<double>(longest)})
    expect(impossible(bytes), "a piece for all that can be counted has " + std::to_string(bytes) + " bytes");
}

// Scratch for arrays that are views without memory, as broadcasting makes them.
void test_scratch() {
  const Context context = current_context();
  const index n = most / 8;
  for (const Bytes bytes :
       {matmul_most_scratch_bytes<double>(context, n, n, n), matmul_most_scratch_bytes<float>(context, 1, n, n),
        distances_scratch_bytes<double>(context, n, n, n, Metric::l2, false), singular_values_scratch_bytes(n, n),
        vector_norms_scratch_bytes<float>(n, n), channel_moments_scratch_bytes({n, n, 1}), normalize_scratch_bytes<double>({1, n, 1})})
    expect(impossible(bytes), "scratch for views of " + std::to_string(n) + " rows has " + std::to_string(bytes) + " bytes");
}

[[maybe_unused]] void test_networks() {
  const Bytes too_many = sizeof(void*) == 4 ? Bytes{1} << 29 : Bytes{1} << 39;  // weights that have more bytes than there is memory
  for (const Bytes inputs : {Bytes{1} << 10, Bytes{1} << 14, Bytes{1} << 20, Bytes{1} << 30, Bytes{most}, Bytes{1} << 48})
    for (const Bytes units :
         {too_many / inputs, 2 * (too_many / inputs), Bytes{1} << 30, (Bytes{1} << 31) - 1, Bytes{most}, Bytes{1} << 48}) {
      if (units < 1 || inputs < too_many / units) continue;
      const std::string text = "{\"dtype\": \"float32\", \"inputs\": " + std::to_string(inputs) +
                               ", \"layers\": [{\"kind\": \"dense\", \"name\": \"a\", \"units\": " + std::to_string(units) + "}]}";
      expect(refused([&] { Network network(spec_from_json(text)); }),
             "a network of " + std::to_string(inputs) + " x " + std::to_string(units) + " weights is made");
    }
  // Each alone could be, all together not.
  Spec many{.inputs = 1 << 10};
  many.layers.assign(4096, Dense{1 << 10});
  for (std::size_t i = 0; i < many.layers.size(); ++i) many.layers[i].name = std::to_string(i);
  if (sizeof(void*) == 4) expect(refused([&] { Network network(many); }), "a network of 2^32 weights is made");
}

}  // namespace
}  // namespace densekit

int main() {
  densekit::test_pieces();
  densekit::test_scratch();
#if !defined(__SANITIZE_ADDRESS__)  // which ends the process where operator new throws
  densekit::test_arena();
  densekit::test_networks();
#endif
  std::printf("sizes_test: %d failures\n", densekit::failures);
  return densekit::failures != 0;
}
