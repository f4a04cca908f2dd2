// One update of all parameters: penalties, clipping, optimizer, decay and proximal step, over the flat arrays piece by
// piece while a piece is in cache. docs/network.md, "One update".
#pragma once
#include <vector>

#include "core/context.h"
#include "train/optimizers.h"
#include "train/plan.h"

namespace densekit {

template <class T> class Update {
 public:
  Update(const Spec& spec, const Plan& plan);

  // The penalty of the parameters p, and its gradient added to g. weight: the sum of the weights of the batch, see
  // penalty_per_weight.
  double add_penalties(const Context& context, const T* p, T* g, double weight);
  // A whole update; returns the penalty before it. g is used up.
  double apply(const Context& context, T* p, T* g, const std::vector<T*>& states, double lr, double t, double weight);
  double penalty(const Context& context, const T* p, double weight);

 private:
  struct Range {  // neighbouring trained segments with the same settings
    index begin, end;
    double l1, l2;
    bool proximal, decays;
    bool penalised() const { return l1 > 0 || l2 > 0; }
  };
  struct Piece {
    index begin, length;
    int range;
  };
  static constexpr index piece_length = 4096;  // part of the definition of the sums of penalties and norms
  const Range& range_of(const Piece& piece) const { return ranges_[static_cast<std::size_t>(piece.range)]; }
  template <class F> void for_pieces(const Context& context, double nanoseconds_each, const F& body) const;
  void penalise(const Kernels<T>& kernels, std::size_t number, const T* p, T* g, double divisor);
  double sum_of_penalties(double divisor) const;

  const Spec* spec_;
  std::vector<Range> ranges_;
  std::vector<Piece> pieces_;
  std::vector<double> sums_;     // (pieces, 2): of |w| and of w^2
  std::vector<double> squares_;  // (pieces): of g^2
  index count_ = 0;
  bool penalised_ = false;
};

}  // namespace densekit
