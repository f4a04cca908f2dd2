// The products of kernels/amx.cpp: on a processor that has AMX by its own instructions, else by an emulation of them. Needs the
// bfloat16 conversions of AVX-512 (exit code 77 without them). An argument "hardware" refuses the emulation.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/context.h"
#include "ops/matmul.h"

#if defined(__x86_64__) && defined(__linux__)
#include "amx_emulator.h"

namespace densekit::x86_v4_amx {
extern const Bf16Kernels table[2];
}
namespace densekit {

static int failures = 0;
static void check(bool good, const std::string& what) {
  if (good) return;
  if (++failures <= 20) std::printf("FAILED: %s\n", what.c_str());
}

static float rounded(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, 4);
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
  std::memcpy(&x, &bits, 4);
  return x;
}

struct Matrix {
  index rows, cols;
  bool turned;  // stored column by column
  std::vector<float> data;
  Matrix(index rows, index cols, bool turned, std::mt19937& random) : rows(rows), cols(cols), turned(turned) {
    std::normal_distribution<float> normal;
    data.resize(static_cast<std::size_t>(rows * cols));
    for (float& x : data) x = normal(random);
  }
  View<float> view() const { return {data.data(), rows, cols, turned ? 1 : cols, turned ? rows : 1}; }
  float at(index i, index j) const { return *view().at(i, j); }
};

static std::vector<float> product(const Matrix& a, const Matrix& b, const Bf16Kernels* kernels, int threads,
                                  const Epilogue<float>& epilogue = {}) {
  Context context = current_context();
  context.threads = threads;
  context.bf16 = kernels;
  std::vector<char> scratch(static_cast<std::size_t>(matmul_scratch_bytes<float>(context, a.rows, b.cols, a.cols)) + 64);
  char* aligned = scratch.data() + (64 - reinterpret_cast<std::uintptr_t>(scratch.data()) % 64) % 64;
  std::vector<float> c(static_cast<std::size_t>(a.rows * b.cols), std::numeric_limits<float>::quiet_NaN());
  matmul(context, a.view(), b.view(), c.data(), epilogue, aligned);
  return c;
}

// Every element against the products of the parts in float64.
static void test_shape(index m, index n, index k, bool ta, bool tb, int parts) {
  std::mt19937 random(static_cast<unsigned>(m * 31 + n * 7 + k));
  const Matrix a(m, k, ta, random), b(k, n, tb, random);
  const Bf16Kernels* kernels = &x86_v4_amx::table[parts - 1];
  const std::vector<float> found = product(a, b, kernels, 1);
  const std::string name = std::to_string(m) + " x " + std::to_string(k) + " x " + std::to_string(n) + (ta ? ", a turned" : "") +
                           (tb ? ", b turned" : "") + ", " + std::to_string(parts) + " part(s)";
  double worst = 0, squares = 0;
  for (index i = 0; i < m; ++i)
    for (index j = 0; j < n; ++j) {
      double expected = 0, size = 0, exact = 0;
      for (index p = 0; p < k; ++p) {
        const float x = a.at(i, p), y = b.at(p, j), hx = rounded(x), hy = rounded(y);
        expected += static_cast<double>(hx) * hy;
        if (parts == 2) expected += static_cast<double>(hx) * rounded(y - hy) + static_cast<double>(rounded(x - hx)) * hy;
        exact += static_cast<double>(x) * y;
        size += std::fabs(static_cast<double>(x) * y);
      }
      const double value = found[static_cast<std::size_t>(i * n + j)];
      check(std::fabs(value - expected) <= static_cast<double>(k + 8) * parts * std::ldexp(size, -24),
            name + " is not the product of its parts");
      worst = std::max(worst, std::fabs(value - exact) / size);
      squares += std::pow((value - exact) / size, 2);
    }
  const double typical = std::sqrt(squares / static_cast<double>(m * n));
  check(worst <= (parts == 1 ? std::ldexp(1 + std::ldexp(1, -9), -7) : 3 * std::ldexp(1, -18)) +
                     static_cast<double>(k + 8) * std::ldexp(parts, -24),
        name + ": the bound");
  check(parts == 1 || typical <= 2e-6, name + ": typical error " + std::to_string(typical));
  for (const int threads : {2, 3, 8})
    check(std::memcmp(found.data(), product(a, b, kernels, threads).data(), found.size() * 4) == 0,
          name + ": other bits with other threads");
}

// What cannot be packed is computed in float32, bit for bit.
static void test_refused(float value, bool in_b, int parts, bool refused) {
  std::mt19937 random(5);
  Matrix a(66, 600, false, random), b(600, 70, true, random);
  (in_b ? b : a).data[in_b ? 599 * 70 + 3 : 65 * 600 + 599] = value;
  const Bf16Kernels* kernels = &x86_v4_amx::table[parts - 1];
  const std::vector<float> found = product(a, b, kernels, 2), exact = product(a, b, nullptr, 2);
  check((std::memcmp(found.data(), exact.data(), found.size() * 4) == 0) == refused,
        std::to_string(value) + (refused ? " must be computed in float32" : " must not be refused") + ", parts " + std::to_string(parts));
}

// An epilogue with the moments of blocks of 64 rows.
static void test_epilogue() {
  std::mt19937 random(9);
  const Matrix a(200, 300, false, random), b(300, 90, false, random);
  std::vector<float> bias(90, 0.5f);
  std::vector<double> means(4 * 90), squares(4 * 90);
  Epilogue<float> epilogue;
  epilogue.bias = bias.data();
  epilogue.block_means = means.data();
  epilogue.block_squares = squares.data();
  const std::vector<float> plain = product(a, b, &x86_v4_amx::table[1], 3), biased = product(a, b, &x86_v4_amx::table[1], 3, epilogue);
  for (index j = 0; j < 90; ++j)
    for (index block = 0; block < 4; ++block) {
      double sum = 0;
      const index end = std::min<index>(200, 64 * block + 64);
      for (index i = 64 * block; i < end; ++i) {
        const std::size_t at = static_cast<std::size_t>(i * 90 + j);
        check(biased[at] == plain[at] + 0.5f, "the bias");
        sum += static_cast<double>(biased[at]);
      }
      check(std::fabs(means[static_cast<std::size_t>(block * 90 + j)] - sum / static_cast<double>(end - 64 * block)) < 1e-5,
            "the mean of a block");
    }
}

static int run(int argc, char** argv) {
  const auto& levels = built_levels();
  const bool has_v4 =
      std::any_of(levels.begin(), levels.end(), [](const Level& level) { return level.name == "x86_v4" && level.supported; });
  if (!has_v4 || !__builtin_cpu_supports("avx512bf16")) {
    std::puts("skipped: this processor has no AVX512_BF16");
    return 77;
  }
  use_level("x86_v4");
  const bool hardware = bf16_kernels(2) != nullptr;
  if (!hardware && argc > 1 && std::string(argv[1]) == "hardware") return std::puts("FAILED: there is no AMX here"), 1;
  if (!hardware) amx_emulator::install();
  for (const int parts : {1, 2}) {
    for (const bool ta : {false, true})
      for (const bool tb : {false, true}) {
        test_shape(64, 96, 128, ta, tb, parts);
        test_shape(70, 81, 131, ta, tb, parts);
        test_shape(17, 33, 1100, ta, tb, parts);
      }
    test_shape(16, 16, 2048, false, false, parts);
    test_shape(33, 700, 40, true, false, parts);
    test_shape(300, 48, 530, false, true, parts);
    for (const bool in_b : {false, true}) {
      for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -3.4e38f, 1e-40f, -1e-45f})
        test_refused(value, in_b, parts, true);
      for (const float value : {0.0f, -0.0f, 3.3895e38f}) test_refused(value, in_b, parts, false);
      test_refused(1e-35f, in_b, parts, parts == 2);  // its second part may be denormal
    }
  }
  test_epilogue();
  std::printf("%s; %s\n", hardware ? "AMX" : ("AMX, emulated: " + std::to_string(amx_emulator::executed) + " instructions").c_str(),
              failures ? "FAILED" : "all good");
  return failures ? 1 : 0;
}

}  // namespace densekit

int main(int argc, char** argv) { return densekit::run(argc, argv); }

#else
int main() {
  std::puts("skipped: not x86-64 Linux");
  return 77;
}
#endif
