// Updates in place, from L2, L3 and memory. The rates are tiny so that parameters keep their size over many calls.
#include "ops/optimizers.h"

#include "harness.h"
#include "ops/optimizer_numbers.h"

namespace densekit::bench {
namespace {

void add_update(const char* name, UpdateRule rule, const StepNumbers& numbers, index n) {
  const int slots = optimizer_slots[static_cast<int>(rule)];
  // Read: parameters, gradient, states. Written: parameters, states.
  const double bytes = 4.0 * static_cast<double>(n) * (3 + 2 * slots), footprint = 4.0 * static_cast<double>(n) * (2 + slots);
  add(std::string(name) + "/f32/" + std::to_string(n), {.bytes = bytes, .traffic = Traffic::update, .footprint = footprint},
      [=](const Context& context) {
        auto p = std::make_shared<Buffer<float>>(n), g = std::make_shared<Buffer<float>>(n);
        auto first = std::make_shared<Buffer<float>>(slots > 0 ? n : 0),
             second = std::make_shared<Buffer<float>>(slots > 1 ? n : 0, 0.1, 1),
             third = std::make_shared<Buffer<float>>(slots > 2 ? n : 0, 0.1, 1);
        return [=] {
          float* const states[] = {first->get(), second->get(), third->get()};
          optimizer_update(context, rule, p->get(), g->get(), states, n, numbers);
        };
      });
}

const bool added = family([] {
  const StepSize tiny{.lr = 1e-9};
  for (const index n : array_lengths) {
    add_update("sgd", UpdateRule::sgd, sgd_numbers(tiny), n);
    add_update("momentum", UpdateRule::momentum, momentum_numbers(tiny, 0.9, 0), n);
    add_update("adam", UpdateRule::adam, adam_numbers(tiny, 1000, 0.9, 0.999, 1e-8), n);
  }
  add_update("rmsprop", UpdateRule::rmsprop, rmsprop_numbers(tiny, 0.99, 1e-8, 0), array_lengths[0]);
  add_update("adadelta", UpdateRule::adadelta, adadelta_numbers(tiny, 0.9, 1e-6), array_lengths[0]);
  add_update("adamax", UpdateRule::adamax, adamax_numbers(tiny, 1000, 0.9, 0.999, 1e-8), array_lengths[0]);
  add_update("lion", UpdateRule::lion, lion_numbers(tiny, 0.9, 0.99), array_lengths[0]);
});

}  // namespace
}  // namespace densekit::bench
