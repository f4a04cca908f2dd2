// Every activation forward and backward in L2; relu, gelu and tanh from L3 and memory as well.
#include "ops/activations.h"

#include "harness.h"

namespace densekit::bench {
namespace {

constexpr const char* names[] = {
#define ACTIVATION(name, Functor, saves, parameter, usual, range) #name,
#include "densekit/activations.def"
#undef ACTIVATION
};

void add_activation(Activation kind, index n) {
  const std::string name = names[static_cast<int>(kind)], size = "/f32/" + std::to_string(n);
  const double bytes = 4.0 * static_cast<double>(n);
  add(name + size, {.bytes = 2 * bytes, .traffic = Traffic::copy}, [=](const Context& context) {
    auto z = std::make_shared<Buffer<float>>(n, -6, 6), y = std::make_shared<Buffer<float>>(n);
    return [=] { activation_forward(context, kind, z->get(), y->get(), n, 0.5f); };
  });
  add(name + "_backward" + size, {.bytes = 3 * bytes, .traffic = Traffic::triad}, [=](const Context& context) {
    auto dy = std::make_shared<Buffer<float>>(n), saved = std::make_shared<Buffer<float>>(n, -0.9, 0.9),
         dz = std::make_shared<Buffer<float>>(n);
    return [=] { activation_backward(context, kind, dy->get(), saved->get(), dz->get(), n, 0.5f); };
  });
}

const bool added = family([] {
  for (int kind = 0; kind < activation_count; ++kind) add_activation(static_cast<Activation>(kind), array_lengths[0]);
  for (const Activation kind : {Activation::relu, Activation::gelu, Activation::tanh})
    for (const index n : {array_lengths[1], array_lengths[2]}) add_activation(kind, n);
});

}  // namespace
}  // namespace densekit::bench
