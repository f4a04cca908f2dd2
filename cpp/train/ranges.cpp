// An update in several passes over ranges of its batch.
#include "train/ranges.h"

#include <algorithm>
#include <cmath>

#include "ops/elementwise.h"
#include "train/network_impl.h"

namespace densekit {
namespace {

// The sums over the ranges [low, high): those of two halves, the first of them a power of two, so that machines that have a part of the
// ranges each can add theirs in the same order.
index middle(index low, index high) {
  index half = 1;
  while (2 * half < high - low) half *= 2;
  return low + half;
}

enum class Sum { empty, done, not_finite };

}  // namespace

template <class T> bool BasicNetwork<T>::Impl::train_in_ranges(const Context& context, const Table2D& x, BatchOfHeads targets, index rows,
                                                               const EpochOptions& options, double lr, LossAndPenalty& result,
                                                               std::optional<Run<T>>& failed) {
  const Ranges ranges(rows, options.accumulate, plan.needs_two_rows);
  const std::size_t heads = plan.heads.size();
  const double weight = sum_of_weights(targets, rows);
  result.weight = weight_of(targets, rows, workspace);
  PerHead<double> weights(heads);
  for (std::size_t h = 0; h < heads; ++h) {
    weights[h] = workspace.heads[h].weight;
    if (targets[h].divisor == 0) targets[h].divisor = divisor_of(*plan.heads[h].loss, targets[h], rows);
  }

  index levels = 1;
  for (index half = 1; half < options.accumulate; half *= 2) ++levels;
  Carver carver(range_sums.reserve(Carver::bytes<T>(plan.parameter_count, levels) + Carver::bytes<T>(plan.statistic_count)));
  T* const sums = carver.take<T>(plan.parameter_count * levels);
  T* const after = carver.take<T>(plan.statistic_count);
  std::fill_n(sums, plan.parameter_count * levels, T(0));  // gaps, and what is frozen
  std::copy_n(statistics, plan.statistic_count, after);

  // The gradients of the ranges in `to`, their losses in `losses`.
  const auto sum_of = [&](const auto& self, index low, index high, index level, T* to, PerHead<double>& losses) -> Sum {
    if (high - low > 1) {
      const Sum first = self(self, low, middle(low, high), level + 1, to, losses);
      if (first == Sum::not_finite) return first;
      PerHead<double> others(heads);
      T* const second_to = first == Sum::empty ? to : sums + level * plan.parameter_count;
      const Sum second = self(self, middle(low, high), high, level + 1, second_to, others);
      if (second == Sum::empty) return first;
      for (std::size_t h = 0; h < heads; ++h) losses[h] += others[h];
      if (first == Sum::done && second == Sum::done) add(context, to, second_to, to, plan.parameter_count);
      return second;
    }
    const index begin = ranges.begin(low), count = ranges.end(low) - begin;
    if (count == 0) return Sum::empty;
    read_rows(context, x, begin, count);
    BatchOfHeads part = targets;
    for (BatchTargets<T>& t : part) {
      if (t.labels) t.labels += begin;
      if (t.values) t.values += begin * t.width;
      if (t.weights) t.weights += begin;
      if (t.element_weights) t.element_weights += begin * t.width;
    }
    Run<T> r = run(context, count, true);
    r.first_row = begin;
    LossAndPenalty unused;
    const bool finite = pass(r, part, options.outputs.data() != nullptr, to, unused);
    for (std::size_t h = 0; h < heads; ++h) losses[h] = workspace.heads[h].loss;
    if (options.outputs.data()) write_outputs(begin, count, options.outputs);
    if (!finite) {
      failed.emplace(r);
      return Sum::not_finite;
    }
    commit_statistics(r, workspace, after);
    return Sum::done;
  };
  PerHead<double> losses(heads);
  const Sum sum = sum_of(sum_of, 0, options.accumulate, 0, gradients, losses);
  result.loss = 0;
  for (std::size_t h = 0; h < heads; ++h) {
    workspace.heads[h].loss = losses[h], workspace.heads[h].weight = weights[h];
    result.loss += plan.heads[h].weight * losses[h];
  }
  if (sum == Sum::not_finite) {
    result.penalty = update.penalty(context, parameters, weight);
    return false;
  }
  Context whole = context;  // an update is not left half done
  whole.interrupt = nullptr;
  const Turns::Turn turn(changes);
  result.penalty = update.apply(whole, parameters, gradients, states, lr, static_cast<double>(step + 1), weight);
  std::copy_n(after, plan.statistic_count, statistics);
  ++step;
  return true;
}

#define INSTANTIATE(T)                                                                                                                   \
  template bool BasicNetwork<T>::Impl::train_in_ranges(const Context&, const Table2D&, BatchOfHeads, index, const EpochOptions&, double, \
                                                       LossAndPenalty&, std::optional<Run<T>>&);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace densekit
