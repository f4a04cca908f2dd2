// Penalties with their gradients, soft thresholding, clipping, and the sum of squares that clipping by norm starts with.
#include "ops/penalties.h"

#include "core/arena.h"
#include "harness.h"

namespace densekit::bench {
namespace {

void add_penalties(index n) {
  const double bytes = 4.0 * static_cast<double>(n);
  const std::string size = "/f32/" + std::to_string(n);
  const auto scratch = [](index needed) {
    auto arena = std::make_shared<Arena>();
    arena->reserve(static_cast<std::size_t>(needed));
    return arena;
  };
  add("elastic_net" + size, {.bytes = 2 * bytes, .traffic = Traffic::copy}, [=](const Context& context) {
    auto w = std::make_shared<Buffer<float>>(n), gradient = std::make_shared<Buffer<float>>(n);
    auto block = scratch(penalty_scratch_bytes(n));
    return [=] { penalty(context, Penalty::elastic_net, w->get(), gradient->get(), n, 0.1, 0.2, block->reserve(0)); };
  });
  add("soft_threshold" + size, {.bytes = 2 * bytes, .traffic = Traffic::copy}, [=](const Context& context) {
    auto w = std::make_shared<Buffer<float>>(n), y = std::make_shared<Buffer<float>>(n);
    return [=] { soft_threshold(context, w->get(), y->get(), n, 0.3); };
  });
  add("clip" + size, {.bytes = 2 * bytes, .traffic = Traffic::copy}, [=](const Context& context) {
    auto x = std::make_shared<Buffer<float>>(n), y = std::make_shared<Buffer<float>>(n);
    return [=] { clip(context, x->get(), y->get(), n, -0.5, 0.5); };
  });
  add("sum_of_squares" + size, {.bytes = bytes, .traffic = Traffic::read}, [=](const Context& context) {
    auto x = std::make_shared<Buffer<float>>(n);
    auto block = scratch(sum_of_squares_scratch_bytes(n));
    return [=] { sum_of_squares(context, x->get(), n, 1.0, block->reserve(0)); };
  });
}

const bool added = family([] {
  for (const index n : {array_lengths[0], array_lengths[1]}) add_penalties(n);
});

}  // namespace
}  // namespace densekit::bench
