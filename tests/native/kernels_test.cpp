// The kernels without Python, for machines (and emulators) where building the extension is more than one wants to do:
//   make platforms PLATFORMS=aarch64
// Products of integers must be exact on every level and road, activations within a few ulp of libm.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "core/context.h"
#include "ops/activations.h"
#include "ops/matmul.h"

namespace densekit {  // inside, because POSIX has a function index
namespace {

int failures = 0;
void check(bool condition, const std::string& what) {
  if (condition) return;
  ++failures;
  std::printf("FAILED: %s\n", what.c_str());
}

template <class T> void products(const std::string& level) {
  std::vector<char> scratch;
  for (const Road road : {Road::direct, Road::packed})
    for (const index m : {1, 3, 17, 65})
      for (const index n : {1, 7, 33, 64})
        for (const index k : {0, 1, 16, 300}) {
          Context context = current_context();
          context.road = road;
          std::vector<T> a(m * k), b(k * n), bias(n), c(m * n, T(-1)), saved(m * n);
          for (index i = 0; i < m * k; ++i) a[i] = T(i * 7 % 11 - 5);
          for (index i = 0; i < k * n; ++i) b[i] = T(i * 5 % 13 - 6);
          for (index j = 0; j < n; ++j) bias[j] = T(j % 3 - 1);
          scratch.resize(static_cast<std::size_t>(matmul_scratch_bytes<T>(context, m, n, k)) + 64);
          const Epilogue<T> epilogue{bias.data(), Activation::leaky_relu, T(0.5), saved.data()};
          matmul<T>(context, {a.data(), m, k, k, 1}, {b.data(), k, n, n, 1}, c.data(), epilogue, scratch.data());
          bool exact = true;
          for (index i = 0; i < m; ++i)
            for (index j = 0; j < n; ++j) {
              T sum = bias[j];
              for (index p = 0; p < k; ++p) sum += a[i * k + p] * b[p * n + j];
              exact = exact && saved[i * n + j] == sum && c[i * n + j] == (sum > 0 ? sum : sum / 2);
            }
          check(exact, level + " product " + std::to_string(m) + " " + std::to_string(n) + " " + std::to_string(k));
        }
}

template <class T> void activations(const std::string& level) {
  std::vector<T> x, y(1001);
  for (int i = 0; i <= 1000; ++i) x.push_back(T(i - 500) / 50);
  const auto worst = [&](Activation kind, double (*truth)(double)) {
    activation_forward(current_context(), kind, x.data(), y.data(), 1001, T(1));
    double most = 0;
    for (int i = 0; i <= 1000; ++i) {
      const double expected = truth(static_cast<double>(x[i]));
      const double ulp = std::nextafter(std::fabs(T(expected)), T(INFINITY)) - std::fabs(T(expected));
      most = std::fmax(most, std::fabs(static_cast<double>(y[i]) - expected) / ulp);
    }
    return most;
  };
  check(worst(Activation::tanh, [](double v) { return std::tanh(v); }) <= 4, level + " tanh");
  check(worst(Activation::sigmoid, [](double v) { return 1 / (1 + std::exp(-v)); }) <= 4, level + " sigmoid");
  check(worst(Activation::softplus, [](double v) { return std::log1p(std::exp(v)); }) <= 4, level + " softplus");
}

// The published vectors, Random123's kat_vectors: words must come in memory order on machines of any byte order.
void philox(const std::string& level) {
  struct Known {
    std::uint32_t counter[4], key[2], words[4];
  };
  for (const auto& [counter, key, words] : {
           Known{{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
           Known{{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
           Known{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                 {0xa4093822, 0x299f31d0},
                 {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
       })
    for (const index blocks : {1, 5, 100}) {  // the last one is the known one
      std::vector<std::uint32_t> drawn(static_cast<std::size_t>(4 * blocks));
      const std::uint32_t first[4] = {counter[0] - static_cast<std::uint32_t>(blocks - 1), counter[1], counter[2], counter[3]};
      current_context().kernels<float>().dropout.philox(first, key, drawn.data(), blocks);
      check(std::equal(words, words + 4, drawn.end() - 4), level + " Philox, block " + std::to_string(blocks));
    }
}

int run() {
  int levels = 0;
  for (const Level& level : built_levels()) {
    if (!level.supported) continue;
    use_level(level.name);
    products<float>(level.name);
    products<double>(level.name);
    activations<float>(level.name);
    activations<double>(level.name);
    philox(level.name);
    ++levels;
  }
  std::printf("%d levels, %d failures\n", levels, failures);
  return failures || levels == 0;
}

}  // namespace
}  // namespace densekit

int main() { return densekit::run(); }
