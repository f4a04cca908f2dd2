"""Activations: the formula, and the product of dy with the slope from what was saved."""

import math
from typing import Any

import numpy as np

from densekit._arrays import Out
from densekit.reference._twin import Array, twin

SELU_SCALE, SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848


def _sigmoid(z: Any) -> Any:
    e = np.exp(-np.abs(z))
    return np.where(z < 0, e, 1.0) / (1 + e)


def _sech2(z: Any) -> Any:
    return 4 / (np.exp(z) + np.exp(-z)) ** 2


def _times(dy: Any, slope: Any) -> Any:
    # A slope of zero selects zero: a dead unit stays dead when dy is infinite.
    return np.where(slope == 0, 0.0, dy * slope)


@twin("z")
def identity(z: Array, *, out: Out = None) -> Any:
    return z


@twin("dy", "y")
def identity_backward(dy: Array, y: Array, *, out: Out = None) -> Any:
    return _times(dy, np.ones_like(y))


@twin("z")
def relu(z: Array, *, out: Out = None) -> Any:
    return np.where(z <= 0, 0.0, z)


@twin("dy", "y")
def relu_backward(dy: Array, y: Array, *, out: Out = None) -> Any:
    return _times(dy, np.where(y <= 0, 0.0, 1.0))


@twin("z")
def leaky_relu(z: Array, *, slope: float = 0.01, out: Out = None) -> Any:
    return np.where(z < 0, slope * z, z)


@twin("dy", "z")
def leaky_relu_backward(dy: Array, z: Array, *, slope: float = 0.01, out: Out = None) -> Any:
    return _times(dy, np.where(z <= 0, slope, 1.0))


@twin("z")
def elu(z: Array, *, alpha: float = 1.0, out: Out = None) -> Any:
    return np.where(z < 0, alpha * np.expm1(np.minimum(z, 0)), z)


@twin("dy", "z")
def elu_backward(dy: Array, z: Array, *, alpha: float = 1.0, out: Out = None) -> Any:
    return _times(dy, np.where(z <= 0, alpha * np.exp(np.minimum(z, 0)), 1.0))


@twin("z")
def selu(z: Array, *, out: Out = None) -> Any:
    return SELU_SCALE * np.where(z < 0, SELU_ALPHA * np.expm1(np.minimum(z, 0)), z)


@twin("dy", "z")
def selu_backward(dy: Array, z: Array, *, out: Out = None) -> Any:
    return _times(dy, SELU_SCALE * np.where(z <= 0, SELU_ALPHA * np.exp(np.minimum(z, 0)), 1.0))


_erf = np.vectorize(math.erf, otypes=[float])
_erfc = np.vectorize(math.erfc, otypes=[float])


def _normal_cdf(z: Any) -> Any:
    return np.where(z < 0, _erfc(-z / math.sqrt(2)) / 2, (1 + _erf(z / math.sqrt(2))) / 2) if z.size else z


@twin("z")
def gelu(z: Array, *, approximate: str = "none", out: Out = None) -> Any:
    if approximate == "tanh":
        z = np.maximum(z, -60.0)  # from there on it is zero, and -infinity times zero would be NaN
        return z * _sigmoid(math.sqrt(8 / math.pi) * (z + 0.044715 * z**3))
    return np.maximum(z, -40.0) * _normal_cdf(z)


@twin("dy", "z")
def gelu_backward(dy: Array, z: Array, *, approximate: str = "none", out: Out = None) -> Any:
    if approximate == "tanh":
        z = np.clip(z, -60.0, 60.0)
        s = _sigmoid(math.sqrt(8 / math.pi) * (z + 0.044715 * z**3))
        slope = s + z * s * (1 - s) * math.sqrt(8 / math.pi) * (1 + 3 * 0.044715 * z**2)
    else:
        z = np.clip(z, -40.0, 40.0)
        slope = _normal_cdf(z) + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return _times(dy, slope)


@twin("z")
def silu(z: Array, *, out: Out = None) -> Any:
    return np.maximum(z, -800.0) * _sigmoid(z)  # from there on it is zero, and -infinity times zero would be NaN


@twin("dy", "z")
def silu_backward(dy: Array, z: Array, *, out: Out = None) -> Any:
    return _times(dy, _sigmoid(z) * (1 + np.clip(z, -800.0, 800.0) * _sigmoid(-z)))


@twin("z")
def mish(z: Array, *, out: Out = None) -> Any:
    return np.maximum(z, -800.0) * np.tanh(np.logaddexp(0, z))


@twin("dy", "z")
def mish_backward(dy: Array, z: Array, *, out: Out = None) -> Any:
    slope = np.clip(z, -800.0, 800.0) * _sigmoid(z) * _sech2(np.logaddexp(0, z))
    return _times(dy, np.tanh(np.logaddexp(0, z)) + slope)


@twin("z")
def sigmoid(z: Array, *, out: Out = None) -> Any:
    return _sigmoid(z)


@twin("dy", "y")
def sigmoid_backward(dy: Array, y: Array, *, out: Out = None) -> Any:
    return _times(dy, y * (1 - y))


@twin("z")
def hard_sigmoid(z: Array, *, out: Out = None) -> Any:
    return np.clip((z + 3) / 6, 0, 1)


@twin("dy", "z")
def hard_sigmoid_backward(dy: Array, z: Array, *, out: Out = None) -> Any:
    return _times(dy, np.where(np.abs(z) < 3, 1 / 6, np.where(np.isnan(z), z, 0.0)))


@twin("z")
def tanh(z: Array, *, out: Out = None) -> Any:
    return np.tanh(z)


@twin("dy", "y")
def tanh_backward(dy: Array, y: Array, *, out: Out = None) -> Any:
    return _times(dy, 1 - y * y)


@twin("z")
def softplus(z: Array, *, out: Out = None) -> Any:
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


@twin("dy", "z")
def softplus_backward(dy: Array, z: Array, *, out: Out = None) -> Any:
    return _times(dy, _sigmoid(z))


@twin("z")
def softsign(z: Array, *, out: Out = None) -> Any:
    return np.where(np.isinf(z), np.sign(z), z / (1 + np.abs(z)))


@twin("dy", "z")
def softsign_backward(dy: Array, z: Array, *, out: Out = None) -> Any:
    return _times(dy, 1 / (1 + np.abs(z)) ** 2)


@twin("z")
def hard_swish(z: Array, *, out: Out = None) -> Any:
    return np.maximum(z, -3) * np.clip((z + 3) / 6, 0, 1)


@twin("dy", "z")
def hard_swish_backward(dy: Array, z: Array, *, out: Out = None) -> Any:
    return _times(dy, np.where(z <= -3, 0.0, np.where(z >= 3, 1.0, z / 3 + 0.5)))


@twin("z")
def relu6(z: Array, *, out: Out = None) -> Any:
    return np.clip(z, 0.0, 6.0)


@twin("dy", "y")
def relu6_backward(dy: Array, y: Array, *, out: Out = None) -> Any:
    return _times(dy, np.where((y <= 0) | (y >= 6), 0.0, 1.0))


@twin("z")
def hard_tanh(z: Array, *, out: Out = None) -> Any:
    return np.clip(z, -1.0, 1.0)


@twin("dy", "y")
def hard_tanh_backward(dy: Array, y: Array, *, out: Out = None) -> Any:
    return _times(dy, np.where(np.abs(y) >= 1, 0.0, 1.0))


@twin("z")
def softshrink(z: Array, *, threshold: float = 0.5, out: Out = None) -> Any:
    return np.where(np.abs(z) <= threshold, 0.0, z - np.copysign(threshold, z))


@twin("dy", "z")
def softshrink_backward(dy: Array, z: Array, *, threshold: float = 0.5, out: Out = None) -> Any:
    return _times(dy, np.where(np.abs(z) <= threshold, 0.0, 1.0))


__all__ = [
    "elu",
    "elu_backward",
    "gelu",
    "gelu_backward",
    "hard_sigmoid",
    "hard_sigmoid_backward",
    "hard_swish",
    "hard_swish_backward",
    "hard_tanh",
    "hard_tanh_backward",
    "identity",
    "identity_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "mish",
    "mish_backward",
    "relu",
    "relu6",
    "relu6_backward",
    "relu_backward",
    "selu",
    "selu_backward",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "softplus",
    "softplus_backward",
    "softshrink",
    "softshrink_backward",
    "softsign",
    "softsign_backward",
    "tanh",
    "tanh_backward",
]
