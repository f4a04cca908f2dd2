// Losses of one prediction and one target (losses.def), losses of a location and a scale, and losses of a row of scores,
// each with its gradient. Elements are computed in T, sums are carried in float64.
#pragma once
#include "simd/lane_sums.h"
#include "simd/math.h"

DENSEKIT_BEGIN

// Each functor gives the loss at prediction p and target t, and its slope with respect to p.

// On logits: max(z, 0) - z t + log(1 + e^-|z|), written as c |z| + log1p(e^-|z|), where nothing cancels and a certain
// right answer (c = 0) costs 0 at any z. Targets become a t + b (label smoothing).
template <class V> struct BinaryCrossEntropyLogits {
  static V loss(V z, V t, V a, V b, V& slope) {
    t = fma(a, t, b);
    const V size = abs(z), e = exp(-size), c = select<V>(z < 0, t, 1 - t);
    const V excess = c - e / (1 + e);
    slope = select<V>(z < 0, -excess, excess);  // sigmoid(z) - t
    return select<V>(c == 0, V{}, c * size) + log1p(e);
  }
};
// On probabilities: -t log p - (1 - t) log(1 - p) with 0 log 0 = 0, infinite at a certain wrong answer.
template <class V> struct BinaryCrossEntropy {
  static V loss(V p, V t, V a, V b, V& slope) {
    t = fma(a, t, b);
    const V u = 1 - t;
    slope = select<V>(u == 0, V{}, u / (1 - p)) - select<V>(t == 0, V{}, t / p);
    return V{} - (select<V>(t == 0, V{}, t * log(p)) + select<V>(u == 0, V{}, u * log1p(-p)));
  }
};
template <class V> struct SquaredError {
  static V loss(V p, V t, V, V, V& slope) {
    const V d = p - t;
    slope = d + d;
    return d * d;
  }
};
template <class V> struct AbsoluteError {
  static V loss(V p, V t, V, V, V& slope) {
    slope = sign(p - t);
    return abs(p - t);
  }
};
template <class V> struct Huber {  // a: where the parabola turns into a line. Huber, Ann. Math. Statist. 35 (1964)
  static V loss(V p, V t, V a, V, V& slope) {
    const V d = p - t, size = abs(d), half = V{} + lane<V>(0.5);
    slope = min(a, max(-a, d));
    return select<V>(size > a, a * (size - half * a), half * d * d);
  }
};
// log cosh d = log1p(expm1(|d|)^2 e^-|d| / 2) near 0, where it is about d^2 / 2; |d| - log 2 + log1p(e^-2|d|) far away.
template <class V> struct LogCosh {
  static constexpr lane<V> far = 2, log_two = lane<V>(0.69314718055994531);
  static V loss(V p, V t, V, V, V& slope) {
    const V d = p - t, size = abs(d), inside = clamp(size, 0, far), m = expm1(inside);
    slope = tanh(d);
    const V near = log1p(lane<V>(0.5) * m * (m * exp(-inside)));
    return select<V>(size > far, size - log_two + log1p(exp(-2 * size)), near);
  }
};
template <class V> struct Pinball {  // a: the quantile. Koenker and Bassett, Econometrica 46 (1978)
  static V loss(V p, V t, V a, V, V& slope) {
    const V u = t - p;
    slope = select<V>(u > 0, -a, select<V>(u < 0, 1 - a, u - u));  // 0 at 0; NaN stays NaN
    return select<V>(u > 0, a * u, (a - 1) * u);
  }
};
template <class V> struct PoissonLog {  // e^z - t z
  static V loss(V z, V t, V, V, V& slope) {
    const V rate = exp(z);
    slope = rate - t;
    return rate - select<V>(t == 0, V{}, t * z);
  }
};
template <class V> struct PoissonRate {  // p - t log p
  static V loss(V p, V t, V, V, V& slope) {
    slope = 1 - select<V>(t == 0, V{}, t / p);
    return p - select<V>(t == 0, V{}, t * log(p));
  }
};
template <class V> struct PoissonLogFull {
  static V loss(V z, V t, V a, V b, V& slope) { return PoissonLog<V>::loss(z, t, a, b, slope) + log_gamma(t + 1); }
};
template <class V> struct PoissonRateFull {
  static V loss(V p, V t, V a, V b, V& slope) { return PoissonRate<V>::loss(p, t, a, b, slope) + log_gamma(t + 1); }
};
template <class V> struct GammaLog {  // shape a, mean e^z: a (t e^-z + z)
  static V loss(V z, V t, V a, V, V& slope) {
    const V ratio = t * exp(-z);
    slope = a * (1 - ratio);
    return a * (ratio + z);
  }
};
template <class V> struct GammaLogFull {  // and (1 - a) log t + b, with b = log Gamma(a) - a log a
  static V loss(V z, V t, V a, V b, V& slope) { return GammaLog<V>::loss(z, t, a, b, slope) + fma(1 - a, log(t), b); }
};
template <class V> struct Hinge {  // max(0, a - t p), t = -1 or 1
  static V loss(V p, V t, V a, V, V& slope) {
    const V gap = a - t * p;
    slope = select<V>(gap > 0, -t, select<V>(gap != gap, gap, V{}));
    return max(V{}, gap);
  }
};

template <class T, template <class> class F>
double pointwise_loss(const T* pred, const T* target, const T* weights, T scale, T a, T b, T* losses, T* gradient, index n) {
  using V = vec<T>;
  const auto sums = sum_lanes<T, 1>(n, [&](index i, index count, auto& sum) DENSEKIT_INLINE {
    V slope;
    const V loss = F<V>::loss(load_any<V>(pred + i, count), load_any<V>(target + i, count), V{} + a, V{} + b, slope);
    V weighted = loss, weight = V{} + scale;
    if (weights) {  // zero selects, it does not multiply: an element that does not count may be anything
      weight = load_any<V>(weights + i, count);
      weighted = select<V>(weight == 0, V{}, weight * loss);
    }
    if (losses) store_any<V>(losses + i, weighted, count);
    store_any<V>(gradient + i, select<V>(weight == 0, V{}, weight * slope), count);
    sum.add(only_first(count, weighted));
  });
  return sums.total[0];
}

// The root mean square: squares first, in float64, where those of float32 cannot overflow.
template <class T> double sum_of_squares(const T* pred, const T* target, const T* weights, index n) {
  using D = vec<double>;
  const auto sums = sum_lanes<double, 1>(n, [&](index i, index count, auto& sum) DENSEKIT_INLINE {
    const D d = load_as_double(pred + i, count) - load_as_double(target + i, count);
    if (!weights) {
      sum.of[0][0] = fma(d, d, sum.of[0][0]);
      return;
    }
    const D weight = load_as_double(weights + i, count);
    sum.add(select<D>(weight == 0, D{}, weight * d * d));
  });
  return sums.total[0];
}
template <class T> void root_gradient(const T* pred, const T* target, const T* weights, T scale, T root, T* gradient, index n) {
  using V = vec<T>;
  for_lanes<T>(n, [&](index i, index count) {
    const V d = load_any<V>(pred + i, count) - load_any<V>(target + i, count);
    const V weight = weights ? load_any<V>(weights + i, count) : V{} + scale;
    store_any<V>(gradient + i, select<V>(bits<V>{} + (root == 0) || weight == 0, V{}, d / root * weight), count);
  });
}

// Minus the logarithm of a density with a location m and the logarithm s of its scale; a is the constant.
template <class V> struct GaussianDensity {  // s: the logarithm of the variance
  static V loss(V m, V s, V t, V a, V& slope_m, V& slope_s) {
    const V half = V{} + lane<V>(0.5), inverse = exp(-half * s), r = (m - t) * inverse;
    slope_m = r * inverse;
    slope_s = half * (1 - r * r);
    return half * (s + r * r) + a;
  }
};
template <class V> struct LaplaceDensity {  // s: the logarithm of the scale
  static V loss(V m, V s, V t, V a, V& slope_m, V& slope_s) {
    const V inverse = exp(-s), d = m - t, r = abs(d) * inverse;
    slope_m = select<V>(d == 0, V{}, sign(d) * inverse);
    slope_s = 1 - r;
    return s + r + a;
  }
};
template <class T, template <class> class F> double density_loss(const T* location, const T* log_scale, const T* target, const T* weights,
                                                                 T scale, T constant, T* losses, T* d_location, T* d_log_scale, index n) {
  using V = vec<T>;
  const auto sums = sum_lanes<T, 1>(n, [&](index i, index count, auto& sum) DENSEKIT_INLINE {
    V slope_m, slope_s;
    const V loss = F<V>::loss(load_any<V>(location + i, count), load_any<V>(log_scale + i, count), load_any<V>(target + i, count),
                              V{} + constant, slope_m, slope_s);
    V weighted = loss, weight = V{} + scale;
    if (weights) {
      weight = load_any<V>(weights + i, count);
      weighted = select<V>(weight == 0, V{}, weight * loss);
    }
    if (losses) store_any<V>(losses + i, weighted, count);
    store_any<V>(d_location + i, select<V>(weight == 0, V{}, weight * slope_m), count);
    store_any<V>(d_log_scale + i, select<V>(weight == 0, V{}, weight * slope_s), count);
    sum.add(only_first(count, weighted));
  });
  return sums.total[0];
}

// Rows. The loss is not weighted, its gradient is.

// -sum q log p
template <class T> double nll_row(const T* log_p, const T* q, T weight, T* gradient, index n) {
  using V = vec<T>;
  using D = vec<double>;
  if (n <= most_short_row) {  // one by one: several rows are then under way at a time
    double sum = 0;
    for (index j = 0; j < n; ++j) {
      gradient[j] = q[j] * -weight;
      sum -= q[j] == 0 ? 0 : double(q[j]) * double(log_p[j]);
    }
    return sum;
  }
  const auto sums = sum_lanes<double, 1>(n, [&](index i, index count, auto& sum) DENSEKIT_INLINE {
    const D share = load_as_double(q + i, count);
    sum.add(-select<D>(share == 0, D{}, share * load_as_double(log_p + i, count)));
  });
  for_lanes<T>(n, [&](index i, index count) { store_any<V>(gradient + i, load_any<V>(q + i, count) * -weight, count); });
  return sums.total[0];
}

// sum over j != label of max(0, s_j - s_label + margin). Weston and Watkins, ESANN 1999
template <class T> double hinge_row(const T* scores, index label, T margin, T weight, T* gradient, index n) {
  using V = vec<T>;
  const T right = scores[label];
  double sum = 0, violated = 0;
  const auto others = [&](index begin, index end) {
    const auto sums = sum_lanes<T, 2>(end - begin, [&](index i, index count, auto& lanes) DENSEKIT_INLINE {
      const V gap = load_any<V>(scores + begin + i, count) - right + margin;
      const V slope = select<V>(gap > 0, V{} + 1, select<V>(gap != gap, gap, V{}));
      store_any<V>(gradient + begin + i, slope * weight, count);
      lanes.template add<0>(only_first(count, max(V{}, gap)));
      lanes.template add<1>(only_first(count, slope));
    });
    sum += sums.total[0];
    violated += sums.total[1];
  };
  others(0, label);
  others(label + 1, n);
  gradient[label] = T(-violated) * weight;
  return sum;
}

// sum t (log t - log p), p given itself or by its logarithm
template <class T> double kl_row(const T* pred, const T* target, bool log_input, T weight, T* gradient, index n) {
  using V = vec<T>;
  const auto sums = sum_lanes<T, 1>(n, [&](index i, index count, auto& sum) DENSEKIT_INLINE {  // lanes past the end have t = 0
    const V p = load_any<V>(pred + i, count), t = load_any<V>(target + i, count);
    const V log_p = log_input ? p : log(p);
    sum.add(select<V>(t == 0, V{}, t * (log(t) - log_p)));
    store_any<V>(gradient + i, select<V>(t == 0, V{}, (log_input ? t : t / p) * -weight), count);
  });
  return sums.total[0];
}

template <class T> constexpr LossKernels<T> loss_kernels{{
#define LOSS(name, Functor) pointwise_loss<T, Functor>,
#include "kernels/losses.def"
#undef LOSS
                                                         },
                                                         {density_loss<T, GaussianDensity>, density_loss<T, LaplaceDensity>},
                                                         sum_of_squares<T>,
                                                         root_gradient<T>,
                                                         nll_row<T>,
                                                         hinge_row<T>,
                                                         kl_row<T>};

DENSEKIT_END
