#include "train/passes.h"

#include <algorithm>
#include <cmath>

#include "ops/elementwise.h"

namespace densekit {
namespace {

template <class T> Step<T> step_of(const Run<T>& run, Workspace<T>& ws, int i) {
  const std::size_t at = static_cast<std::size_t>(i);
  return {run, ws, run.plan.ops[at], ws.kept[at]};
}

// Through the activation and the dropout that were done to the finished elements.
template <class T> void through_epilogue(const Step<T>& s, T* dy) {
  if (s.wiring.activation.name == Activation::identity && s.wiring.dropout < 0) return;
  const auto dropout = s.merged_dropout();
  const Epilogue<T> e = s.epilogue(dropout);
  epilogue_backward(s.context(), e, dy, e.saved ? e.saved : s.y(), dy, s.elements());
}

// From the gradient of the output to those of the parameters and of the input.
template <class T> void backward_of(const Operation& op, Step<T> s, T* gradients) {
  T* dy = s.ws.slot(op.gradient_slot);
  const bool adds = op.work_slot >= 0;
  T* dx = s.ws.slot(adds ? op.work_slot : op.input_slot);
  through_epilogue(s, dy);
  std::visit([&](const auto& kind) { kind.backward(s, dy, dx, gradients); }, op.is);
  if (adds && s.wants_dx) {
    T* sum = s.ws.slot(op.input_slot);
    add(s.context(), sum, dx, sum, s.rows() * op.inputs);
  }
}

// Calls body(operation, step) for each operation with running statistics.
template <class T, class Body> void for_statistics(const Run<T>& run, const Workspace<T>& ws, const Body& body) {
  for (std::size_t i = 0; i < run.plan.ops.size(); ++i) {
    std::visit(
        [&](const auto& kind) {
          if constexpr (requires { kind.statistics(); }) body(kind, step_of(run, const_cast<Workspace<T>&>(ws), static_cast<int>(i)));
        },
        run.plan.ops[i].is);
  }
}

}  // namespace

template <class T> void forward(const Run<T>& run, Workspace<T>& ws, int end) {
  for (int i = 0; i < end; ++i) {
    const Step<T> step = step_of(run, ws, i);
    std::visit([&](const auto& kind) { kind.forward(step); }, run.plan.ops[static_cast<std::size_t>(i)].is);
    check_interrupt(run.context);
  }
}

template <class T> void backward(const Run<T>& run, Workspace<T>& ws, int end, int first, bool want_input, T* gradients) {
  for (int i = end - 1; i >= first; --i) {
    Step<T> step = step_of(run, ws, i);
    step.wants_dx = want_input || step.wiring.input_is_trained;
    if (!step.wants_dx && !step.wiring.trains_itself) continue;
    backward_of(run.plan.ops[static_cast<std::size_t>(i)], step, gradients);
    check_interrupt(run.context);
  }
}

template <class T> void commit_statistics(const Run<T>& run, const Workspace<T>& ws, T* statistics) {
  for_statistics(run, ws, [&](const auto& kind, const Step<T>& step) { kind.commit(step, statistics, kind.stats_decay); });
}

template <class T> void replace_statistics(const Run<T>& run, const Workspace<T>& ws, T* statistics) {
  for_statistics(run, ws, [&](const auto& kind, const Step<T>& step) {
    if (!step.trains()) return;
    for (const int segment : kind.statistics())  // whatever they were, NaN too
      std::fill_n(statistics + step.statistic_offset(segment), run.plan.statistics[static_cast<std::size_t>(segment)].size, T(0));
    kind.commit(step, statistics, 0);
  });
}

template <class T> std::string first_not_finite(const Run<T>& run, const Workspace<T>& ws, int end) {
  const auto finite = [&](int number) {
    const T* values = ws.buffer(number);
    const index n = run.rows * run.plan.widths[static_cast<std::size_t>(number)];
    return std::all_of(values, values + n, [](T x) { return std::isfinite(x); });
  };
  for (int i = 0; i < end; ++i) {
    const Operation& op = run.plan.ops[static_cast<std::size_t>(i)];
    if (!finite(op.output) && finite(op.input) && (op.second < 0 || finite(op.second)))
      return run.plan.layers[static_cast<std::size_t>(op.layer)].name;
  }
  return "";
}

#define INSTANTIATE(T)                                                         \
  template void forward<T>(const Run<T>&, Workspace<T>&, int);                 \
  template void backward<T>(const Run<T>&, Workspace<T>&, int, int, bool, T*); \
  template void commit_statistics<T>(const Run<T>&, const Workspace<T>&, T*);  \
  template void replace_statistics<T>(const Run<T>&, const Workspace<T>&, T*); \
  template std::string first_not_finite<T>(const Run<T>&, const Workspace<T>&, int);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
