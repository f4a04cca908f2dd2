// Functions of one number whose bits depend neither on the machine nor on its C library: those of simd/math.h at the level `baseline`,
// which every build has and which computes with the single operations of IEEE 754, without FMA. For what decides a training
// beside its kernels: initial weights, the numbers of an optimizer's step, learning rates.
#pragma once
#include "core/cpu.h"

namespace densekit::portable {

// y[i] = function(x[i])
inline void apply(MathFunction function, const double* x, double* y, index n) {
  baseline_table().f64.math.function[static_cast<int>(function)](x, y, n);
}
inline double apply(MathFunction function, double x) {
  double y;
  apply(function, &x, &y, 1);
  return y;
}
inline double exp(double x) { return apply(MathFunction::exp, x); }
inline double expm1(double x) { return apply(MathFunction::expm1, x); }
inline double log(double x) { return apply(MathFunction::log, x); }
inline double log1p(double x) { return apply(MathFunction::log1p, x); }

inline constexpr double half_log_two_pi = 0.91893853320467274178;

}  // namespace densekit::portable
