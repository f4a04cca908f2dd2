// Softmax, its backward pass, and cross-entropy with its gradient. Names give rows x classes.
#include "ops/softmax.h"

#include <vector>

#include "core/arena.h"
#include "harness.h"

namespace densekit::bench {
namespace {

void add_softmax(index rows, index cols) {
  const index n = rows * cols;
  const std::string size = "/f32/" + std::to_string(rows) + "x" + std::to_string(cols);
  const double bytes = 4.0 * static_cast<double>(n);
  const auto buffer = [=](double low, double high) { return std::make_shared<Buffer<float>>(n, low, high); };
  add("softmax" + size, {.bytes = 2 * bytes, .traffic = Traffic::copy}, [=](const Context& context) {
    auto z = buffer(-5, 5), y = buffer(0, 1);
    return [=] { softmax(context, z->get(), y->get(), rows, cols, 1.0f); };
  });
  add("log_softmax" + size, {.bytes = 2 * bytes, .traffic = Traffic::copy}, [=](const Context& context) {
    auto z = buffer(-5, 5), y = buffer(0, 1);
    auto scratch = std::make_shared<Arena>();
    scratch->reserve(static_cast<std::size_t>(log_softmax_scratch_bytes<float>(context, cols)));
    return [=] { log_softmax(context, z->get(), y->get(), rows, cols, 1.0f, scratch->reserve(0)); };
  });
  add("softmax_backward" + size, {.bytes = 3 * bytes, .traffic = Traffic::triad}, [=](const Context& context) {
    auto dy = buffer(-1, 1), y = buffer(0, 1), dz = buffer(0, 1);
    return [=] { softmax_backward(context, dy->get(), y->get(), dz->get(), rows, cols, 1.0f); };
  });
  add("softmax_cross_entropy" + size, {.bytes = 2 * bytes, .traffic = Traffic::copy}, [=](const Context& context) {
    auto z = buffer(-5, 5), dz = buffer(0, 1);
    auto losses = std::make_shared<Buffer<double>>(rows);
    auto labels = std::make_shared<std::vector<std::int64_t>>(static_cast<std::size_t>(rows));
    for (index i = 0; i < rows; ++i) (*labels)[static_cast<std::size_t>(i)] = i % cols;
    return [=] {
      softmax_cross_entropy<float>(context, z->get(), {.labels = labels->data()}, Reduction::mean, losses->get(), dz->get(), rows, cols);
    };
  });
}

const bool added = family([] {
  add_softmax(32, 10);
  add_softmax(256, 10);
  add_softmax(256, 256);
  add_softmax(2048, 1000);
});

}  // namespace
}  // namespace densekit::bench
