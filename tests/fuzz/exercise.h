// What is done with every network that a fuzzer has made from a spec or a file: it predicts and learns.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include "densekit/network_class.h"
#include "train/plan.h"

namespace densekit::fuzz {

// Nothing else may come out of a call with wrong arguments.
template <class F> bool accepted(const F& call) {
  try {
    call();
    return true;
  } catch (const std::invalid_argument&) { return false; }
}

// Large networks are right, but take time, and memory that is not there.
inline bool small(const Spec& spec) {
  const Plan plan = make_plan(spec, spec.fuse);
  return plan.parameter_count <= 1 << 14 && plan.widest <= 1 << 10 && plan.ops.size() <= 200;
}

template <class T> void exercise(BasicNetwork<T>& net) {
  constexpr std::size_t rows = 5;
  std::vector<T> x(rows * static_cast<std::size_t>(net.inputs()));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(i * 37 % 101) / 50 - 1;
  accepted([&] { net.predict(x); });  // refused where statistics wait for data
  for (T& s : net.statistics())
    if (s != s) s = 1;
  net.predict(x);
  if (!net.spec().loss || !net.spec().optimizer) return;
  const LossTraits traits = traits_of(net.spec().loss->is);
  const std::vector<std::int64_t> labels(rows, 0);
  const std::vector<T> values(rows * static_cast<std::size_t>(net.scores() / traits.outputs), T(1));
  Targets<T> targets{.values = values};
  if (traits.labels) targets = {.labels = labels};
  accepted([&] { net.step_on(x, targets, 0.01); });  // a step whose numbers do not fit float32 is refused
  net.predict(x);
}

template <class T> void exercise(const Spec& spec) {
  if (!small(spec)) return;
  accepted([&] {  // a layer in another language, which is not given
    BasicNetwork<T> net(spec);
    exercise(net);
  });
}

}  // namespace densekit::fuzz
