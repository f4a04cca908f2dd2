// Updates in place: the rules by name, and the numbers of each optimizer.
#include "ops/optimizers.h"

#include "bindings/arrays.h"
#include "ops/optimizer_numbers.h"

namespace densekit::bindings {

template <class T> static void update(UpdateRule rule, Contiguous<T>& p, const Contiguous<T>& g, std::vector<Contiguous<T>> states,
                                      const StepNumbers& numbers) {
  one_of(rule, "rule", optimizer_count);
  const std::size_t slots = static_cast<std::size_t>(optimizer_slots[static_cast<int>(rule)]);
  require(states.size() == slots, [&] { return "expected " + std::to_string(slots) + " states, got " + std::to_string(states.size()); });
  require(numbers_fit<T>(numbers),
          [&] { return std::string("the step size is too large for ") + (sizeof(T) == sizeof(float) ? "float32" : "float64"); });
  require_same_size(p, "p", g, "g");
  T* pointers[most_slots]{};
  for (std::size_t k = 0; k < slots; ++k) {
    require_same_size(p, "p", states[k], "state");
    pointers[k] = output(states[k], "state");
  }
  T* parameters = output(p, "p");
  const T* gradient = input(g, "g");
  const index n = p.size();
  const Unlocked unlocked;  // to the end, whatever signal comes: an update is not left half done
  optimizer_update(current_context(), rule, parameters, gradient, pointers, n, numbers);
}

// Binds make(StepSize, more...) as name(lr, weight_decay, maximize, more...).
template <class... More> static void bind_numbers(py::module_& m, const char* name, StepNumbers (*make)(StepSize, More...)) {
  m.def(name, [make](double lr, double weight_decay, bool maximize, More... more) { return make({lr, weight_decay, maximize}, more...); });
}

void bind_optimizers(py::module_& m) {
  py::enum_<UpdateRule> rules(m, "Optimizer");
#define OPTIMIZER(name, Functor, slots) rules.value(#name, UpdateRule::name);
#include "kernels/optimizers.def"
#undef OPTIMIZER
  py::class_<StepNumbers>(m, "StepNumbers", "What one step of an update rule needs, derived from an optimizer's settings.");
  bind_numbers(m, "sgd_numbers", &sgd_numbers);
  bind_numbers(m, "momentum_numbers", &momentum_numbers);
  bind_numbers(m, "nesterov_numbers", &nesterov_numbers);
  bind_numbers(m, "rmsprop_numbers", &rmsprop_numbers);
  bind_numbers(m, "adagrad_numbers", &adagrad_numbers);
  bind_numbers(m, "adadelta_numbers", &adadelta_numbers);
  bind_numbers(m, "adam_numbers", &adam_numbers);
  bind_numbers(m, "adamax_numbers", &adamax_numbers);
  bind_numbers(m, "nadam_numbers", &nadam_numbers);
  bind_numbers(m, "lion_numbers", &lion_numbers);
  DENSEKIT_DEF(m, "optimizer_update", update, py::arg("rule"), py::arg("p").noconvert(), py::arg("g").noconvert(),
               py::arg("states").noconvert(), py::arg("numbers"));
}

}  // namespace densekit::bindings
