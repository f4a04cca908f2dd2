// The dense layer: forward with bias and relu, and backward (dx, dw, db). Names give rows x inputs x outputs.
#include "ops/dense.h"

#include "core/arena.h"
#include "harness.h"

namespace densekit::bench {
namespace {

void add_layer(index rows, index inputs, index outputs) {
  const double m = static_cast<double>(rows), k = static_cast<double>(inputs), n = static_cast<double>(outputs);
  const double bytes = 4 * (m * k + k * n + m * n);
  const std::string size = std::to_string(rows) + "x" + std::to_string(inputs) + "x" + std::to_string(outputs);
  const auto at = [=](const Buffer<float>& x, index r, index c) { return View<float>{x.get(), r, c, c, 1}; };
  add("dense_relu/f32/" + size, {.flops = 2 * m * k * n, .bytes = bytes, .traffic = Traffic::read}, [=](const Context& context) {
    auto x = std::make_shared<Buffer<float>>(rows * inputs), w = std::make_shared<Buffer<float>>(inputs * outputs);
    auto b = std::make_shared<Buffer<float>>(outputs), y = std::make_shared<Buffer<float>>(rows * outputs);
    auto scratch = std::make_shared<Arena>();
    scratch->reserve(static_cast<std::size_t>(matmul_scratch_bytes<float>(context, rows, outputs, inputs)));
    return [=] {
      matmul(context, at(*x, rows, inputs), at(*w, inputs, outputs), y->get(), {b->get(), Activation::relu}, scratch->reserve(0));
    };
  });
  add("dense_backward/f32/" + size, {.flops = 4 * m * k * n, .bytes = 2 * bytes, .traffic = Traffic::read}, [=](const Context& context) {
    auto x = std::make_shared<Buffer<float>>(rows * inputs), w = std::make_shared<Buffer<float>>(inputs * outputs);
    auto dz = std::make_shared<Buffer<float>>(rows * outputs), dx = std::make_shared<Buffer<float>>(rows * inputs);
    auto dw = std::make_shared<Buffer<float>>(inputs * outputs), db = std::make_shared<Buffer<float>>(outputs);
    auto scratch = std::make_shared<Arena>();
    scratch->reserve(static_cast<std::size_t>(dense_backward_scratch_bytes<float>(context, rows, outputs, inputs)));
    return [=] {
      dense_backward<float>(context, dz->get(), at(*x, rows, inputs), at(*w, inputs, outputs), {dx->get(), dw->get(), db->get()},
                            scratch->reserve(0));
    };
  });
}

const bool added = family([] {
  add_layer(32, 64, 64);
  add_layer(128, 784, 512);
  add_layer(256, 512, 512);
});

}  // namespace
}  // namespace densekit::bench
