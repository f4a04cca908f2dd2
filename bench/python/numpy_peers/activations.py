"""Activations and their backward products."""

from __future__ import annotations

import math

import numpy as np

from numpy_peers.peer import peer


@peer()
def identity(z):
    return z.copy()


@peer()
def identity_backward(dy, y):
    return dy.copy()


@peer()
def relu(z):
    return np.maximum(z, 0)


@peer()
def relu_backward(dy, y):
    return dy * (y > 0)


@peer()
def leaky_relu(z, slope=0.01):
    y = z * slope
    return np.maximum(z, y, out=y)


@peer()
def leaky_relu_backward(dy, z, slope=0.01):
    d = (z > 0) * np.float32(1 - slope)  # np.where on a random mask takes 10 times as long
    d += slope
    d *= dy
    return d


@peer()
def elu(z, alpha=1.0):
    y = np.minimum(z, 0)
    np.expm1(y, out=y)
    y *= alpha
    y += np.maximum(z, 0)
    return y


@peer()
def elu_backward(dy, z, alpha=1.0):
    t = np.minimum(z, 0)
    np.exp(t, out=t)
    if alpha != 1:
        factor = (z <= 0) * np.float32(alpha - 1)
        factor += 1
        t *= factor
    t *= dy
    return t


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


@peer()
def selu(z):
    y = elu(z, SELU_ALPHA)
    y *= SELU_SCALE
    return y


@peer()
def selu_backward(dy, z):
    y = elu_backward(dy, z, SELU_ALPHA)
    y *= SELU_SCALE
    return y


def normal_cdf(z):
    """Phi(z) from the polynomial of Abramowitz and Stegun 7.1.26 for erf, error 1.5e-7: NumPy has no erf."""
    x = np.abs(z)
    x *= math.sqrt(0.5)
    t = x * 0.3275911
    t += 1
    np.reciprocal(t, out=t)
    y = t * 1.061405429
    for c in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        y += c
        y *= t
    x *= x
    np.negative(x, out=x)
    np.exp(x, out=x)
    y *= x  # erfc(abs(z) / sqrt 2)
    y *= -0.5
    y += 0.5
    np.copysign(y, z, out=y)
    y += 0.5
    return y


@peer()
def gelu(z):
    y = normal_cdf(z)
    y *= z
    return y


@peer()
def gelu_backward(dy, z):
    density = z * z
    density *= -0.5
    np.exp(density, out=density)
    density *= 1 / math.sqrt(2 * math.pi)
    density *= z
    density += normal_cdf(z)
    density *= dy
    return density


@peer()
def sigmoid(z):
    y = np.negative(z)
    np.exp(y, out=y)
    y += 1
    return np.reciprocal(y, out=y)


@peer()
def sigmoid_backward(dy, y):
    d = 1 - y
    d *= y
    d *= dy
    return d


@peer()
def silu(z):
    y = sigmoid(z)
    y *= z
    return y


@peer()
def silu_backward(dy, z):
    s = sigmoid(z)
    d = 1 - s
    d *= z
    d += 1
    d *= s
    d *= dy
    return d


@peer()
def softplus(z):
    y = np.abs(z)
    np.negative(y, out=y)
    np.exp(y, out=y)
    np.log1p(y, out=y)
    y += np.maximum(z, 0)
    return y


@peer()
def softplus_backward(dy, z):
    d = sigmoid(z)
    d *= dy
    return d


@peer()
def mish(z):
    y = softplus(z)
    np.tanh(y, out=y)
    y *= z
    return y


@peer()
def mish_backward(dy, z):
    t = softplus(z)
    np.tanh(t, out=t)
    d = t * t
    np.subtract(1, d, out=d)
    d *= sigmoid(z)
    d *= z
    d += t
    d *= dy
    return d


@peer()
def hard_sigmoid(z):
    y = z * np.float32(1 / 6)
    y += 0.5
    return np.clip(y, 0, 1, out=y)


@peer()
def hard_sigmoid_backward(dy, z):
    d = dy * np.float32(1 / 6)
    d *= np.abs(z) < 3
    return d


@peer()
def tanh(z):
    return np.tanh(z)


@peer()
def tanh_backward(dy, y):
    d = y * y
    np.subtract(1, d, out=d)
    d *= dy
    return d


@peer()
def softsign(z):
    d = np.abs(z)
    d += 1
    return np.divide(z, d, out=d)


@peer()
def softsign_backward(dy, z):
    d = np.abs(z)
    d += 1
    d *= d
    return np.divide(dy, d, out=d)


@peer()
def hard_swish(z):
    y = hard_sigmoid(z)
    y *= z
    return y


@peer()
def hard_swish_backward(dy, z):
    d = z * np.float32(1 / 3)
    d += 0.5
    d *= np.abs(z) < 3
    d += z >= 3
    d *= dy
    return d
