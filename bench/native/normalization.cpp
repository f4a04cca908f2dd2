// Batch and layer normalisation, forward and backward. Names give rows x columns. The share is of reading each array
// once: statistics need a pass of their own, so batch norm cannot reach 100 % where x does not stay in a near cache.
#include "ops/normalization.h"

#include "core/arena.h"
#include "harness.h"

namespace densekit::bench {
namespace {

struct Arrays {
  Buffer<float> x, dy, y, gamma, beta, dgamma, dbeta;
  Buffer<double> mean, inverse;
  Arena scratch;
  Arrays(index rows, index cols, index groups, index scratch_bytes)
      : x(rows * cols),
        dy(rows * cols),
        y(rows * cols),
        gamma(cols),
        beta(cols),
        dgamma(cols),
        dbeta(cols),
        mean(groups),
        inverse(groups, 0.5, 1) {
    scratch.reserve(static_cast<std::size_t>(scratch_bytes));
  }
};

void add_normalization(index rows, index cols) {
  const std::string size = "/f32/" + std::to_string(rows) + "x" + std::to_string(cols);
  const double bytes = 4.0 * static_cast<double>(rows * cols);
  const ChannelShape shape{rows, cols, 1};
  add("batch_norm" + size, {.bytes = 2 * bytes, .traffic = Traffic::copy}, [=](const Context& context) {
    auto a = std::make_shared<Arrays>(rows, cols, cols, batch_norm_scratch_bytes<float>(shape));
    return [=] {
      batch_norm<float>(context, a->x.get(), shape, 1e-5, {}, a->gamma.get(), a->beta.get(), a->mean.get(), a->inverse.get(), a->y.get(),
                        a->scratch.reserve(0));
    };
  });
  add("batch_norm_backward" + size, {.bytes = 3 * bytes, .traffic = Traffic::triad}, [=](const Context& context) {
    auto a = std::make_shared<Arrays>(rows, cols, cols, batch_norm_backward_scratch_bytes<float>(shape));
    return [=] {
      batch_norm_backward<float>(context, a->dy.get(), a->x.get(), shape, a->mean.get(), a->inverse.get(), a->gamma.get(), true,
                                 {a->y.get(), a->dgamma.get(), a->dbeta.get()}, a->scratch.reserve(0));
    };
  });
  add("layer_norm" + size, {.bytes = 2 * bytes, .traffic = Traffic::copy}, [=](const Context& context) {
    auto a = std::make_shared<Arrays>(rows, cols, rows, 0);
    return [=] {
      layer_norm(context, a->x.get(), rows, cols, 1e-5, a->gamma.get(), a->beta.get(), a->mean.get(), a->inverse.get(), a->y.get());
    };
  });
  add("layer_norm_backward" + size, {.bytes = 3 * bytes, .traffic = Traffic::triad}, [=](const Context& context) {
    auto a = std::make_shared<Arrays>(rows, cols, rows, layer_norm_backward_scratch_bytes(rows, cols));
    return [=] {
      layer_norm_backward<float>(context, a->dy.get(), a->x.get(), rows, cols, a->mean.get(), a->inverse.get(), a->gamma.get(),
                                 {a->y.get(), a->dgamma.get(), a->dbeta.get()}, a->scratch.reserve(0));
    };
  });
}

const bool added = family([] {
  add_normalization(32, 128);
  add_normalization(256, 256);
  add_normalization(2048, 1024);
});

}  // namespace
}  // namespace densekit::bench
