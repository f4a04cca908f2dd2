// Update rules. Each functor changes its state from the gradient g and returns what is added to keep * p.
// They know no convention: which optimizer of which library it is lies in the numbers (ops/optimizer_numbers.h).
// Square roots and quotients are exact, never the hardware's estimates.
#pragma once
#include "simd/math.h"

DENSEKIT_BEGIN

// keep x + add, rounded once more than a sum. A finite x is kept as whole x + part x: 0.999 in float32 is wrong by 1.3e-8,
// which a running mean of a thousand steps magnifies to 1.3e-5, while 1 - 0.001 is right to the last bit of 0.001.
template <class V> inline V carry(V x, const Factor<lane<V>>& keep, V add) {
  const V split = fma(V{} + keep.whole, x, fma(V{} + keep.part, x, add));
  return select<V>(abs(x) < constant<V>::infinity, split, fma(V{} + keep.value, x, add));  // infinity - infinity is NaN
}
// a x + b g; a term that is not there (b = 0) cannot make NaN of an infinite gradient.
template <class V> inline V along(lane<V> a, V x, lane<V> b, V g) { return select<V>(V{} + b == 0, a * x, fma(V{} + b, g, a * x)); }
template <class V, class Numbers> inline V first_moment(V m, V g, const Numbers& c) { return carry(m, c.first, c.first_add * g); }
template <class V, class Numbers> inline V second_moment(V v, V g, const Numbers& c) {
  return carry(v, c.second, c.second_add * g * g);  // in this order: g * g alone overflows sooner
}

template <class V> struct Sgd {
  template <class Numbers> static V step(V g, V*, const Numbers& c) { return c.direct * g; }
};
template <class V> struct Momentum {  // Polyak's and Nesterov's, state v
  template <class Numbers> static V step(V g, V* state, const Numbers& c) {
    state[0] = first_moment(state[0], g, c);
    return along(c.rate, state[0], c.direct, g);
  }
};
template <class V> struct RmsProp {  // Adagrad, too, state s
  template <class Numbers> static V step(V g, V* state, const Numbers& c) {
    state[0] = second_moment(state[0], g, c);
    return c.direct * g / (sqrt(state[0] + c.inner) + c.eps);
  }
};
// The root mean square about the running mean m; rounding must not make the difference negative.
template <class V, class Numbers> inline V spread(V s, V m, const Numbers& c) { return sqrt(max(V{}, s - m * m) + c.inner) + c.eps; }
template <class V> struct RmsPropMomentum {  // states s and b, the running sum of steps
  template <class Numbers> static V step(V g, V* state, const Numbers& c) {
    state[0] = second_moment(state[0], g, c);
    state[1] = first_moment(state[1], g / (sqrt(state[0] + c.inner) + c.eps), c);
    return c.rate * state[1];
  }
};
template <class V> struct RmsPropCentered {  // states s and m, the running mean of gradients
  template <class Numbers> static V step(V g, V* state, const Numbers& c) {
    state[0] = second_moment(state[0], g, c);
    state[1] = carry(state[1], c.second, c.mean_add * g);
    return c.direct * g / spread(state[0], state[1], c);
  }
};
template <class V> struct RmsPropCenteredMomentum {  // states s, m and b
  template <class Numbers> static V step(V g, V* state, const Numbers& c) {
    state[0] = second_moment(state[0], g, c);
    state[1] = carry(state[1], c.second, c.mean_add * g);
    state[2] = first_moment(state[2], g / spread(state[0], state[1], c), c);
    return c.rate * state[2];
  }
};
template <class V> struct Adadelta {  // states s (of gradients) and u (of steps)
  template <class Numbers> static V step(V g, V* state, const Numbers& c) {
    state[0] = second_moment(state[0], g, c);
    const V delta = sqrt(state[1] + c.inner) / sqrt(state[0] + c.inner) * g;
    state[1] = second_moment(state[1], delta, c);
    return c.direct * delta;
  }
};
template <class V> struct Adam {  // AdamW and NAdam, too, states m and v
  template <class Numbers> static V step(V g, V* state, const Numbers& c) {
    state[0] = first_moment(state[0], g, c);
    state[1] = second_moment(state[1], g, c);
    return along(c.rate, state[0], c.direct, g) / (sqrt(state[1]) + c.eps);
  }
};
template <class V> struct AmsGrad {  // states m, v and the largest v so far
  template <class Numbers> static V step(V g, V* state, const Numbers& c) {
    state[0] = first_moment(state[0], g, c);
    state[1] = second_moment(state[1], g, c);
    state[2] = max_nan(state[2], state[1]);
    return along(c.rate, state[0], c.direct, g) / (sqrt(state[2]) + c.eps);
  }
};
template <class V> struct Yogi {  // v moves by (1 - beta2) g^2 towards g^2, whatever the distance; states m and v
  template <class Numbers> static V step(V g, V* state, const Numbers& c) {
    const V square = g * g;
    state[0] = first_moment(state[0], g, c);
    state[1] = fma(sign(square - state[1]) * c.second_add, square, state[1]);
    return along(c.rate, state[0], c.direct, g) / (sqrt(state[1]) + c.eps);
  }
};
template <class V> struct Adamax {  // states m and u
  template <class Numbers> static V step(V g, V* state, const Numbers& c) {
    state[0] = first_moment(state[0], g, c);
    state[1] = max_nan(carry(state[1], c.second, V{}), abs(g) + c.inner);
    return c.rate * state[0] / (state[1] + c.eps);
  }
};
template <class V> struct Lion {  // state m; the direction mixes it by other numbers than those that carry it
  template <class Numbers> static V step(V g, V* state, const Numbers& c) {
    const V direction = carry(state[0], c.second, c.second_add * g);
    state[0] = first_moment(state[0], g, c);
    return c.rate * sign(direction);
  }
};

template <class T, template <class> class Rule, int slots>
void optimizer_update(T* p, const T* g, T* const* states, index n, const OptimizerNumbers<T>& numbers) {
  using V = vec<T>;
  const OptimizerNumbers<T> c = numbers;  // a copy that no store can change, so that it stays in registers
  T* at[most_slots]{};
  for (int k = 0; k < slots; ++k) at[k] = states[k];
  for_lanes<T>(n, [&](index i, index count) {
    V state[most_slots];
    for (int k = 0; k < slots; ++k) state[k] = load_any<V>(at[k] + i, count);
    const V step = Rule<V>::step(load_any<V>(g + i, count), state, c);
    for (int k = 0; k < slots; ++k) store_any<V>(at[k] + i, state[k], count);
    store_any<V>(p + i, carry(load_any<V>(p + i, count), c.keep, step), count);
  });
}

template <class T> constexpr OptimizerKernels<T> optimizer_kernels{{
#define OPTIMIZER(name, Rule, slots) optimizer_update<T, Rule, slots>,
#include "kernels/optimizers.def"
#undef OPTIMIZER
}};

DENSEKIT_END
