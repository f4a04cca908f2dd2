// Norms of the rows of a matrix, and distances between rows.
#include "ops/norms.h"

#include <cmath>

#include "core/arena.h"
#include "harness.h"
#include "ops/distances.h"

namespace densekit::bench {
namespace {

void add_norm(const char* name, double p, index rows, index cols) {
  const double bytes = 4.0 * static_cast<double>(rows * cols);
  add(std::string("vector_norms/f32/") + name + "/" + std::to_string(rows) + "x" + std::to_string(cols),
      {.bytes = bytes, .traffic = Traffic::read}, [=](const Context& context) {
        auto x = std::make_shared<Buffer<float>>(rows * cols);
        auto norms = std::make_shared<Buffer<double>>(rows);
        auto scratch = std::make_shared<Arena>();
        scratch->reserve(static_cast<std::size_t>(vector_norms_scratch_bytes<float>(rows, cols)));
        return [=] { vector_norms(context, x->get(), rows, cols, p, norms->get(), scratch->reserve(0)); };
      });
}

void add_distances(const char* name, Metric metric, index n, index depth) {
  const double rows = static_cast<double>(n), d = static_cast<double>(depth);
  const Work work{.flops = 2 * rows * rows * d, .bytes = 4 * (2 * rows * d + rows * rows), .traffic = Traffic::copy};
  add(std::string("distances/f32/") + name + "/" + std::to_string(n) + "x" + std::to_string(n) + "x" + std::to_string(depth), work,
      [=](const Context& context) {
        auto x = std::make_shared<Buffer<float>>(n * depth), y = std::make_shared<Buffer<float>>(n * depth, 0, 1);
        auto out = std::make_shared<Buffer<float>>(n * n);
        auto scratch = std::make_shared<Arena>();
        scratch->reserve(static_cast<std::size_t>(distances_scratch_bytes<float>(context, n, n, depth, metric, false)));
        return [=] { distances(context, x->get(), y->get(), n, n, depth, metric, 3.0, false, out->get(), scratch->reserve(0)); };
      });
}

const bool added = family([] {
  add_norm("2", 2, 1, array_lengths[0]);
  add_norm("2", 2, 256, 256);
  add_norm("1", 1, 1, array_lengths[0]);
  add_norm("inf", HUGE_VAL, 1, array_lengths[0]);
  add_distances("l1", Metric::l1, 512, 16);
  add_distances("l2", Metric::l2, 512, 16);
  add_distances("l2", Metric::l2, 512, 64);
});

}  // namespace
}  // namespace densekit::bench
