// Updates in place, from L2, L3 and memory. The rates are tiny so that parameters keep their size over many calls.
#include "ops/optimizers.h"

#include "harness.h"

namespace densekit::bench {
namespace {

const bool added = family([] {
  for (const index n : array_lengths)
    add("sgd/f32/" + std::to_string(n), {.bytes = 12.0 * static_cast<double>(n), .traffic = Traffic::update}, [=](const Context& context) {
      auto p = std::make_shared<Buffer<float>>(n), g = std::make_shared<Buffer<float>>(n);
      return [=] { sgd(context, p->get(), g->get(), n, 1.0, 1e-9); };
    });
});

}  // namespace
}  // namespace densekit::bench
