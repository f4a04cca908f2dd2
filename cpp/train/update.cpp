#include "train/update.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "ops/optimizers.h"
#include "ops/penalties.h"

namespace densekit {

template <class T> Update<T>::Update(const Spec& spec, const Plan& plan) : spec_(&spec) {
  const bool decay = spec.optimizer && spec.optimizer->weight_decay > 0, all = spec.optimizer && spec.optimizer->decay_biases;
  for (const Segment& s : plan.parameters) {
    if (!s.trainable || s.size == 0) continue;
    const Range next{
        s.offset, s.offset + s.size, s.penalty.l1, s.penalty.l2, s.penalty.proximal && s.penalty.l1 > 0, decay && (all || s.decays)};
    Range* last = ranges_.empty() ? nullptr : &ranges_.back();
    // Gaps between segments are zero, and so are their gradients. A penalty ends with its segment, for its sum is its own.
    const bool same = last && !last->penalised() && !next.penalised() && last->decays == next.decays && next.begin - last->end < 16;
    if (same) last->end = next.end;
    else ranges_.push_back(next);
    penalised_ = penalised_ || next.penalised();
  }
  for (std::size_t r = 0; r < ranges_.size(); ++r)
    for (index begin = ranges_[r].begin; begin < ranges_[r].end; begin += piece_length) {
      pieces_.push_back({begin, std::min(piece_length, ranges_[r].end - begin), static_cast<int>(r)});
      count_ += pieces_.back().length;
    }
  sums_.resize(2 * pieces_.size());
  squares_.resize(pieces_.size());
}

template <class T> template <class F> void Update<T>::for_pieces(const Context& context, double nanoseconds_each, const F& body) const {
  constexpr index together = 4;
  const index pieces = static_cast<index>(pieces_.size());
  context.parallel((pieces + together - 1) / together, nanoseconds_each * static_cast<double>(count_), [&](index task, int) {
    for (index i = task * together; i < std::min(pieces, (task + 1) * together); ++i) body(static_cast<std::size_t>(i));
  });
}

// Adds the gradient of the penalty to a piece of g (if it is wanted), and keeps the sums of |w| and w^2.
template <class T> void Update<T>::penalise(const Kernels<T>& kernels, std::size_t number, const T* p, T* g, double divisor) {
  const Piece& piece = pieces_[number];
  const Range& range = range_of(piece);
  if (!range.penalised() || divisor == 0) return;
  const int kind = static_cast<int>(range.l2 == 0 ? PenaltyKind::l1 : range.l1 == 0 ? PenaltyKind::l2 : PenaltyKind::elastic_net);
  alignas(64) T unused[piece_length];
  (g ? kernels.penalty.add_gradient : kernels.penalty.gradient)[kind](p + piece.begin, g ? g + piece.begin : unused, piece.length,
                                                                      static_cast<T>(range.proximal ? 0 : range.l1 / divisor),
                                                                      static_cast<T>(range.l2 / divisor), &sums_[2 * number]);
}

template <class T> double Update<T>::sum_of_penalties(double divisor) const {
  double total = 0;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const Range& range = range_of(pieces_[i]);
    if (range.penalised()) total += range.l1 * sums_[2 * i] + 0.5 * range.l2 * sums_[2 * i + 1];
  }
  return total / divisor;
}

template <class T> double Update<T>::add_penalties(const Context& context, const T* p, T* g, double weight) {
  const double divisor = spec_->penalty_per_weight ? weight : 1;
  if (!penalised_ || divisor == 0) return 0;
  for_pieces(context, 0.5, [&](std::size_t i) { penalise(context.kernels<T>(), i, p, g, divisor); });
  return sum_of_penalties(divisor);
}

template <class T> double Update<T>::penalty(const Context& context, const T* p, double weight) {
  return add_penalties(context, p, nullptr, weight);
}

template <class T>
double Update<T>::apply(const Context& context, T* p, T* g, const std::vector<T*>& states, double lr, double t, double weight) {
  const Kernels<T>& kernels = context.kernels<T>();
  const Optimizer& optimizer = *spec_->optimizer;
  const double divisor = spec_->penalty_per_weight ? weight : 1;
  const bool two_passes = spec_->clip_norm.has_value();
  double shrink = 1;
  if (two_passes) {
    for_pieces(context, 0.5, [&](std::size_t i) {
      penalise(kernels, i, p, g, divisor);
      squares_[i] = kernels.penalty.sum_of_squares(g + pieces_[i].begin, pieces_[i].length, 1);
    });
    double sum = 0;
    for (const double s : squares_) sum += s;
    const double norm = std::sqrt(sum);
    if (norm > *spec_->clip_norm) shrink = *spec_->clip_norm / norm;
  }
  const std::size_t which = static_cast<std::size_t>(rule_of(optimizer.is));
  const int slots = optimizer_slots[which];
  const auto numbers_of = [&](double weight_decay) {
    return step_numbers(optimizer.is, {{lr, weight_decay, optimizer.maximize}, t, optimizer.compat});
  };
  const StepNumbers exact[2] = {numbers_of(0), numbers_of(optimizer.weight_decay)};  // without decoupled decay and with it
  if (!numbers_fit<T>(exact[0]) || !numbers_fit<T>(exact[1]))
    throw std::invalid_argument("the step size " + std::to_string(lr) + " is too large for " + (sizeof(T) == 4 ? "float32" : "float64"));
  const OptimizerNumbers<T> numbers[2] = {rounded_numbers<T>(exact[0]), rounded_numbers<T>(exact[1])};
  const T limit = static_cast<T>(spec_->clip_value.value_or(0));
  for_pieces(context, 0.3 * (2 + slots), [&](std::size_t i) {
    const Piece& piece = pieces_[i];
    const Range& range = range_of(piece);
    T *w = p + piece.begin, *gradient = g + piece.begin;
    if (!two_passes) penalise(kernels, i, p, g, divisor);
    if (shrink != 1) kernels.penalty.scale(gradient, gradient, piece.length, shrink);
    if (spec_->clip_value) kernels.penalty.clip(gradient, gradient, piece.length, -limit, limit);
    T* state[most_slots]{};
    for (int k = 0; k < slots; ++k) state[k] = states[static_cast<std::size_t>(k)] + piece.begin;
    kernels.optimizer.update[which](w, gradient, state, piece.length, numbers[range.decays]);
    if (range.proximal && divisor > 0) kernels.penalty.soft_threshold(w, w, piece.length, static_cast<T>(lr * range.l1 / divisor));
  });
  return penalised_ && divisor > 0 ? sum_of_penalties(divisor) : 0;
}

template class Update<float>;
template class Update<double>;

}  // namespace densekit
