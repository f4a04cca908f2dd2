// Each activation: its value at z, and the backward product dy * slope from the saved z or y (activations.def).
// The slope at a kink is the one from the left, as in PyTorch: relu'(0) = 0.
#pragma once
#include "kernels/stored_lanes.h"
#include "simd/math.h"

DENSEKIT_BEGIN

template <class V> struct Identity {
  static V forward(V z, V) { return z; }
  static V slope(V, V) { return V{} + 1; }
};
template <class V> struct Relu {
  static V forward(V z, V) { return max(V{}, z); }
  static V slope(V y, V) { return select<V>(y <= 0, V{}, V{} + 1); }
};
template <class V> struct LeakyRelu {  // a: the slope on the left
  static V forward(V z, V a) { return select<V>(z < 0, a * z, z); }
  static V slope(V z, V a) { return select<V>(z <= 0, a, V{} + 1); }
};
template <class V> struct Elu {  // a (e^z - 1) on the left. Clevert et al., arXiv 1511.07289
  static V forward(V z, V a) { return select<V>(z < 0, a * expm1(z), z); }
  static V slope(V z, V a) { return select<V>(z <= 0, a * exp(z), V{} + 1); }
};
template <class V> struct Selu {  // Klambauer et al., arXiv 1706.02515: the two constants make (0, 1) a fixed point
  static constexpr lane<V> scale = lane<V>(1.0507009873554804934), alpha = lane<V>(1.6732632423543772848);
  static V forward(V z, V) { return scale * Elu<V>::forward(z, V{} + alpha); }
  static V slope(V z, V) { return scale * Elu<V>::slope(z, V{} + alpha); }
};
template <class V> struct Gelu {                                    // z Phi(z). Hendrycks and Gimpel, arXiv 1606.08415
  static constexpr lane<V> root = lane<V>(0.39894228040143267794);  // 1 / sqrt(2 pi)
  static V forward(V z, V) { return clamp(z, constant<V>::gelu_low, constant<V>::infinity) * normal_cdf(z); }
  static V slope(V z, V) {
    const V w = clamp(z, constant<V>::gelu_low, -constant<V>::gelu_low);  // beyond, the second term is nothing
    return fma(w * root, exp(lane<V>(-0.5) * w * w), normal_cdf(z));
  }
};
template <class V> struct GeluTanh {  // the tanh form of the same paper: z sigmoid(2 u), u = sqrt(2/pi) (z + 0.044715 z^3)
  static constexpr lane<V> root = lane<V>(1.5957691216057307117), cubic = lane<V>(0.044715);  // 2 sqrt(2 / pi)
  static constexpr lane<V> far = 60;  // there the sigmoid is 0 or 1 in either type, and the cube cannot overflow
  static V forward(V z, V) {
    const V w = clamp(z, -far, far);
    return select<V>(z < -far, V{}, z) * sigmoid(root * fma(cubic * w * w, w, w));
  }
  static V slope(V z, V) {
    const V w = clamp(z, -far, far), s = sigmoid(root * fma(cubic * w * w, w, w));
    return fma(w * s * (1 - s), root * fma(3 * cubic * w, w, V{} + 1), s);
  }
};
template <class V> struct Silu {  // z sigmoid(z)
  static constexpr lane<V> far = is_float<lane<V>> ? lane<V>(-104) : lane<V>(-746);
  static V forward(V z, V) { return max(V{} + far, z) * sigmoid(z); }
  static V slope(V z, V) {
    const V s = sigmoid(z), w = clamp(z, far, -far);
    return fma(w * s, sigmoid(-z), s);
  }
};
template <class V> struct Mish {  // z tanh(softplus(z)), Misra, arXiv 1908.08681; tanh(log(1 + e)) = t / (t + 2), t = e (e + 2)
  static constexpr lane<V> far = Silu<V>::far;
  static V exponential(V z) { return exp(clamp(z, far, 40)); }  // above 40 the quotient is 1
  static V forward(V z, V) {
    const V e = exponential(z), t = e * (e + 2);
    return max(V{} + far, z) * (t / (t + 2));
  }
  static V slope(V z, V) {
    const V e = exponential(z), t = e * (e + 2), y = t / (t + 2), w = clamp(z, far, 40);
    const V s = e / (1 + e);  // d softplus / dz; 1 - y^2 = 4 (t + 1) / (t + 2)^2
    return fma(w * s, 4 * ((t + 1) / (t + 2)) / (t + 2), y);
  }
};
template <class V> struct Sigmoid {
  static V forward(V z, V) { return sigmoid(z); }
  static V slope(V y, V) { return y * (1 - y); }
};
template <class V> struct HardSigmoid {  // clip(z / 6 + 1/2, 0, 1)
  static V forward(V z, V) { return clamp((z + 3) / 6, 0, 1); }
  static V slope(V z, V) { return select<V>(abs(z) < 3, V{} + lane<V>(1.0 / 6), select<V>(z != z, z, V{})); }
};
template <class V> struct Tanh {
  static V forward(V z, V) { return tanh(z); }
  static V slope(V y, V) { return fma(-y, y, V{} + 1); }
};
template <class V> struct Softplus {
  static V forward(V z, V) { return softplus(z); }
  static V slope(V z, V) { return sigmoid(z); }
};
template <class V> struct Softsign {
  static V forward(V z, V) {
    const V a = abs(z);
    return select<V>(a == constant<V>::infinity, copysign(V{} + 1, z), z / (1 + a));
  }
  static V slope(V z, V) {
    const V d = 1 + abs(z);
    return 1 / d / d;
  }
};
template <class V> struct HardSwish {  // z hard_sigmoid(z). Howard et al., arXiv 1905.02244
  static V forward(V z, V a) { return max(V{} - 3, z) * HardSigmoid<V>::forward(z, a); }
  static V slope(V z, V) { return select<V>(z <= -3, V{}, select<V>(z >= 3, V{} + 1, z / 3 + lane<V>(0.5))); }
};
template <class V> struct Relu6 {  // min(max(0, z), 6). Krizhevsky, "Convolutional deep belief networks on CIFAR-10", 2010
  static V forward(V z, V) { return clamp(z, 0, 6); }
  static V slope(V y, V) { return select<V>(y <= 0 || y >= 6, V{}, V{} + 1); }
};
template <class V> struct HardTanh {  // min(max(-1, z), 1). Collobert, thesis, Paris 2004
  static V forward(V z, V) { return clamp(z, -1, 1); }
  static V slope(V y, V) { return select<V>(abs(y) >= 1, V{}, V{} + 1); }
};
template <class V> struct Softshrink {  // z moved by a towards 0, and 0 within a of it. Donoho, IEEE Trans. Inf. Theory 41 (1995)
  static V forward(V z, V a) { return select<V>(abs(z) <= a, V{}, z - copysign(a, z)); }
  static V slope(V z, V a) { return select<V>(abs(z) <= a, V{}, V{} + 1); }
};

template <class T, template <class> class F> void activation_forward(const T* z, T* y, index n, T parameter, Store store) {
  using V = vec<T>;
  for_stored_lanes(y, n, store,
                   [=](index i, index count, auto put) { put(y + i, F<V>::forward(load_any<V>(z + i, count), V{} + parameter), count); });
  finish(store);
}
template <class T, template <class> class F>
void activation_backward(const T* dy, const T* saved, T* dz, index n, T parameter, Store store) {
  using V = vec<T>;
  for_stored_lanes(dz, n, store, [=](index i, index count, auto put) {
    const V slope = F<V>::slope(load_any<V>(saved + i, count), V{} + parameter);
    const V upstream = load_any<V>(dy + i, count);
    // A slope of zero selects zero instead of multiplying, so that a dead unit stays dead when dy is infinite.
    put(dz + i, select<V>(slope == 0, V{}, upstream * slope), count);
  });
  finish(store);
}

template <class T> constexpr ActivationKernels<T> activation_kernels{{
#define ACTIVATION(name, Functor, saves, parameter, usual, range) activation_forward<T, Functor>,
#include "densekit/activations.def"
#undef ACTIVATION
                                                                     },
                                                                     {
#define ACTIVATION(name, Functor, saves, parameter, usual, range) activation_backward<T, Functor>,
#include "densekit/activations.def"
#undef ACTIVATION
                                                                     }};

DENSEKIT_END
