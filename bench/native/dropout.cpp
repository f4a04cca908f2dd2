// Dropout with its mask drawn on the way, and the mask alone.
#include "ops/dropout.h"

#include "harness.h"

namespace densekit::bench {
namespace {

const bool added = family([] {
  for (const index n : array_lengths) {
    const double elements = static_cast<double>(n);
    const std::string size = std::to_string(n);
    add("dropout/f32/" + size, {.bytes = 8 * elements, .traffic = Traffic::copy}, [=](const Context& context) {
      auto x = std::make_shared<Buffer<float>>(n), y = std::make_shared<Buffer<float>>(n);
      return [=] { dropout(context, {.rate = 0.2, .seed = 1}, 0, x->get(), y->get(), n); };
    });
    add("dropout_mask/" + size, {.bytes = elements, .traffic = Traffic::copy}, [=](const Context& context) {
      auto kept = std::make_shared<Buffer<std::uint8_t>>(n, 0, 1);
      return [=] { dropout_mask(context, {.rate = 0.2, .seed = 1}, 0, kept->get(), n); };
    });
  }
});

}  // namespace
}  // namespace densekit::bench
