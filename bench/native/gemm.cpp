// Matrix products: squares, and the products of a training step. Shapes are m x n x k of c (m, n) = a (m, k) b (k, n).
#include "core/arena.h"
#include "harness.h"
#include "ops/matmul.h"

namespace densekit::bench {
namespace {

struct Product {
  const char* what;
  index m, n, k;
  bool transpose_a = false, transpose_b = false;  // the operand lies in memory transposed
};

constexpr Product squares[] = {{"square", 8, 8, 8},         {"square", 16, 16, 16},       {"square", 32, 32, 32},
                               {"square", 64, 64, 64},      {"square", 128, 128, 128},    {"square", 256, 256, 256},
                               {"square", 512, 512, 512},   {"square", 1024, 1024, 1024}, {"square", 2048, 2048, 2048},
                               {"square", 4096, 4096, 4096}};
constexpr Product training[] = {{"forward", 1, 512, 784},
                                {"forward", 8, 512, 784},
                                {"forward", 32, 64, 64},
                                {"dx", 32, 64, 64, false, true},
                                {"dw", 64, 64, 32, true, false},
                                {"forward", 128, 512, 784},
                                {"forward", 256, 512, 512},
                                {"dx", 256, 512, 512, false, true},
                                {"dw", 512, 512, 256, true, false},
                                {"dw", 64, 32, 4096, true, false},
                                {"square_tt", 256, 256, 256, true, true}};
constexpr Product doubles[] = {{"square", 128, 128, 128}, {"square", 512, 512, 512}, {"square", 1024, 1024, 1024}};

template <class T> void add_product(const Product& p) {
  const double m = static_cast<double>(p.m), n = static_cast<double>(p.n), k = static_cast<double>(p.k);
  const Work work{.flops = 2 * m * n * k,
                  .bytes = (m * k + k * n + m * n) * static_cast<double>(sizeof(T)),
                  .traffic = Traffic::read,
                  .float64 = sizeof(T) == 8};
  const std::string name = std::string("gemm/") + type_name<T> + "/" + p.what + "/" + std::to_string(p.m) + "x" + std::to_string(p.n) +
                           "x" + std::to_string(p.k);
  add(name, work, [p](const Context& context) {
    auto a = std::make_shared<Buffer<T>>(p.m * p.k), b = std::make_shared<Buffer<T>>(p.k * p.n), c = std::make_shared<Buffer<T>>(p.m * p.n);
    auto scratch = std::make_shared<Arena>();
    scratch->reserve(static_cast<std::size_t>(matmul_scratch_bytes<T>(context, p.m, p.n, p.k)));
    const View<T> left = p.transpose_a ? View<T>{a->get(), p.m, p.k, 1, p.m} : View<T>{a->get(), p.m, p.k, p.k, 1};
    const View<T> right = p.transpose_b ? View<T>{b->get(), p.k, p.n, 1, p.k} : View<T>{b->get(), p.k, p.n, p.n, 1};
    return [=, keep_a = a, keep_b = b] { matmul(context, left, right, c->get(), {}, scratch->reserve(0)); };
  });
}

const bool added = family([] {
  for (const Product& p : squares) add_product<float>(p);
  for (const Product& p : training) add_product<float>(p);
  for (const Product& p : doubles) add_product<double>(p);
});

}  // namespace
}  // namespace densekit::bench
