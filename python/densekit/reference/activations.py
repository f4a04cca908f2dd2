"""Activations of elements: the formula, and dy times the slope, from what is saved: the input z or the output y.

Each is all that Python says of an activation: densekit.functional makes its functions of these, and layers, dense and
the reference engine read from the signatures what an activation saves, what its number is called and may be, and what
it is where nobody gives it (densekit._activations). A word among the options is an activation of its own: gelu with
approximate="tanh" is "gelu_tanh".
"""

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from densekit._arrays import Out
from densekit.reference._twin import Array, NotNegative, twin
from densekit.registry import Call, Tolerance, vector_pairs, vectors

Formula = Callable[..., Any]


def forward(*, ulps: float, epsilons: float = 0) -> Callable[[Formula], Formula]:
    """The twin of an activation y(z); kernels are held to this bound for z from -10 to 10."""
    return twin("z", domain=vectors(), tolerance=Tolerance(ulps, epsilons))


def backward(
    of: str, *, ulps: float, epsilons: float = 0, saved: tuple[float, float] = (-10, 10)
) -> Callable[[Formula], Formula]:
    """The twin of dy times the slope, which follows from "z" or "y" in the range `saved`. epsilons: of dy."""
    tolerance = Tolerance(ulps, epsilons, _size_of_dy, "dy") if epsilons else Tolerance(ulps)
    words = {"z": "the input z", "y": "the output y"}[of]

    def wrap(function: Formula) -> Formula:
        name = function.__name__.removesuffix("_backward")
        about = f"The gradient of {name} with respect to z: dy times the slope, from {words}; shapes agree."
        function.__doc__ = function.__doc__ or about
        return twin("dy", of, domain=vector_pairs(*saved), tolerance=tolerance)(function)

    return wrap


def _size_of_dy(call: Call, _: Any) -> Any:
    return np.abs(np.asarray(call.args[0], np.float64))


SELU_SCALE, SELU_ALPHA = 1.0507009873554804934, 1.6732632423543772848


def _sigmoid(z: Any) -> Any:
    e = np.exp(-np.abs(z))
    return np.where(z < 0, e, 1.0) / (1 + e)


def _sech2(z: Any) -> Any:
    return 4 / (np.exp(z) + np.exp(-z)) ** 2


def _times(dy: Any, slope: Any) -> Any:
    # A slope of zero selects zero: a dead unit stays dead when dy is infinite.
    return np.where(slope == 0, 0.0, dy * slope)


@forward(ulps=0)
def identity(z: Array, *, out: Out = None) -> Any:
    """y = z.

    z: floats of any shape.

    >>> densekit.functional.identity(np.float32([-1.0, 2.0])).round(4)
    array([-1.,  2.], dtype=float32)
    """
    return z


@backward("y", ulps=0)
def identity_backward(dy: Array, y: Array, *, out: Out = None) -> Any:
    return _times(dy, np.ones_like(y))


@forward(ulps=0)
def relu(z: Array, *, out: Out = None) -> Any:
    """Rectified linear unit: y = max(0, z).

    z: floats of any shape. The slope at 0 is 0, as in PyTorch; NaN stays NaN.
    Nair and Hinton, ICML 2010.

    >>> densekit.functional.relu(np.float32([-1.0, 2.0])).round(4)
    array([0., 2.], dtype=float32)
    """
    return np.where(z <= 0, 0.0, z)


@backward("y", ulps=0)
def relu_backward(dy: Array, y: Array, *, out: Out = None) -> Any:
    return _times(dy, np.where(y <= 0, 0.0, 1.0))


@forward(ulps=1.5)
def leaky_relu(z: Array, *, slope: float = 0.01, out: Out = None) -> Any:
    """Leaky rectifier: y = z for z > 0, slope * z below.

    z: floats of any shape. slope: slope on the left, a finite number (PyTorch and ONNX 0.01, Keras 3 0.3).
    Maas et al., ICML workshop 2013.

    >>> densekit.functional.leaky_relu(np.float32([-1.0, 2.0])).round(4)
    array([-0.01,  2.  ], dtype=float32)
    """
    return np.where(z < 0, slope * z, z)


@backward("z", ulps=1.5)
def leaky_relu_backward(dy: Array, z: Array, *, slope: float = 0.01, out: Out = None) -> Any:
    return _times(dy, np.where(z <= 0, slope, 1.0))


@forward(ulps=3)
def elu(z: Array, *, alpha: float = 1.0, out: Out = None) -> Any:
    """Exponential linear unit: y = z for z > 0, alpha (e^z - 1) below.

    z: floats of any shape. alpha: what -y tends to far to the left, a finite number.
    Clevert et al., arXiv 1511.07289.

    >>> densekit.functional.elu(np.float32([-1.0, 2.0])).round(4)
    array([-0.6321,  2.    ], dtype=float32)
    """
    return np.where(z < 0, alpha * np.expm1(np.minimum(z, 0)), z)


@backward("z", ulps=3)
def elu_backward(dy: Array, z: Array, *, alpha: float = 1.0, out: Out = None) -> Any:
    return _times(dy, np.where(z <= 0, alpha * np.exp(np.minimum(z, 0)), 1.0))


@forward(ulps=4)
def selu(z: Array, *, out: Out = None) -> Any:
    """Self-normalising ELU: y = 1.0507 elu(z, alpha=1.67326).

    z: floats of any shape. The constants are the paper's, to all digits: mean 0 and variance 1 are a fixed point.
    Klambauer et al., arXiv 1706.02515.

    >>> densekit.functional.selu(np.float32([-1.0, 2.0])).round(4)
    array([-1.1113,  2.1014], dtype=float32)
    """
    return SELU_SCALE * np.where(z < 0, SELU_ALPHA * np.expm1(np.minimum(z, 0)), z)


@backward("z", ulps=4)
def selu_backward(dy: Array, z: Array, *, out: Out = None) -> Any:
    return _times(dy, SELU_SCALE * np.where(z <= 0, SELU_ALPHA * np.exp(np.minimum(z, 0)), 1.0))


_erf = np.vectorize(math.erf, otypes=[float])
_erfc = np.vectorize(math.erfc, otypes=[float])


def _normal_cdf(z: Any) -> Any:
    return np.where(z < 0, _erfc(-z / math.sqrt(2)) / 2, (1 + _erf(z / math.sqrt(2))) / 2) if z.size else z


@forward(ulps=4, epsilons=1.5)
def gelu(z: Array, *, approximate: Literal["none", "tanh"] = "none", out: Out = None) -> Any:
    """Gaussian error linear unit: y = z Phi(z), Phi the normal distribution function.

    z: floats of any shape. approximate: "none" for the exact form, "tanh" for z sigmoid(1.59577 (z + 0.044715 z^3)).
    Both are in Hendrycks and Gimpel, arXiv 1606.08415. The left tail keeps its digits: it comes from erfc.

    >>> densekit.functional.gelu(np.float32([-1.0, 2.0])).round(4)
    array([-0.1587,  1.9545], dtype=float32)
    """
    if approximate == "tanh":
        z = np.maximum(z, -60.0)  # from there on it is zero, and -infinity times zero would be NaN
        return z * _sigmoid(math.sqrt(8 / math.pi) * (z + 0.044715 * z**3))
    return np.maximum(z, -40.0) * _normal_cdf(z)


@backward("z", ulps=4, epsilons=4)
def gelu_backward(dy: Array, z: Array, *, approximate: Literal["none", "tanh"] = "none", out: Out = None) -> Any:
    """The gradient of gelu with respect to z: dy (Phi(z) + z phi(z)), from the input z; shapes agree."""
    if approximate == "tanh":
        z = np.clip(z, -60.0, 60.0)
        s = _sigmoid(math.sqrt(8 / math.pi) * (z + 0.044715 * z**3))
        slope = s + z * s * (1 - s) * math.sqrt(8 / math.pi) * (1 + 3 * 0.044715 * z**2)
    else:
        z = np.clip(z, -40.0, 40.0)
        slope = _normal_cdf(z) + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return _times(dy, slope)


@forward(ulps=4)
def silu(z: Array, *, out: Out = None) -> Any:
    """Sigmoid-weighted linear unit (swish): y = z / (1 + e^-z).

    z: floats of any shape.
    Elfwing et al., arXiv 1702.03118.

    >>> densekit.functional.silu(np.float32([-1.0, 2.0])).round(4)
    array([-0.2689,  1.7616], dtype=float32)
    """
    return np.maximum(z, -800.0) * _sigmoid(z)  # from there on it is zero, and -infinity times zero would be NaN


@backward("z", ulps=4, epsilons=4)
def silu_backward(dy: Array, z: Array, *, out: Out = None) -> Any:
    return _times(dy, _sigmoid(z) * (1 + np.clip(z, -800.0, 800.0) * _sigmoid(-z)))


@forward(ulps=6)
def mish(z: Array, *, out: Out = None) -> Any:
    """Mish: y = z tanh(log(1 + e^z)).

    z: floats of any shape.
    Misra, arXiv 1908.08681.

    >>> densekit.functional.mish(np.float32([-1.0, 2.0])).round(4)
    array([-0.3034,  1.944 ], dtype=float32)
    """
    return np.maximum(z, -800.0) * np.tanh(np.logaddexp(0, z))


@backward("z", ulps=4, epsilons=4)
def mish_backward(dy: Array, z: Array, *, out: Out = None) -> Any:
    slope = np.clip(z, -800.0, 800.0) * _sigmoid(z) * _sech2(np.logaddexp(0, z))
    return _times(dy, np.tanh(np.logaddexp(0, z)) + slope)


@forward(ulps=3)
def sigmoid(z: Array, *, out: Out = None) -> Any:
    """Logistic function: y = 1 / (1 + e^-z).

    z: floats of any shape. Computed from e^-abs(z), so it cannot overflow. Its slope is y (1 - y), at most 1/4.

    >>> densekit.functional.sigmoid(np.float32([-1.0, 2.0])).round(4)
    array([0.2689, 0.8808], dtype=float32)
    """
    return _sigmoid(z)


@backward("y", ulps=4, epsilons=4, saved=(-1, 1))
def sigmoid_backward(dy: Array, y: Array, *, out: Out = None) -> Any:
    return _times(dy, y * (1 - y))


@forward(ulps=2)
def hard_sigmoid(z: Array, *, out: Out = None) -> Any:
    """Piecewise linear sigmoid: y = min(1, max(0, z / 6 + 1/2)).

    z: floats of any shape. As in PyTorch and Keras 3 (older Keras: 0.2 z + 0.5).

    >>> densekit.functional.hard_sigmoid(np.float32([-1.0, 2.0])).round(4)
    array([0.3333, 0.8333], dtype=float32)
    """
    return np.clip((z + 3) / 6, 0, 1)


@backward("z", ulps=1)
def hard_sigmoid_backward(dy: Array, z: Array, *, out: Out = None) -> Any:
    return _times(dy, np.where(np.abs(z) < 3, 1 / 6, np.where(np.isnan(z), z, 0.0)))


@forward(ulps=3)
def tanh(z: Array, *, out: Out = None) -> Any:
    """Hyperbolic tangent.

    z: floats of any shape. Its slope is 1 - y^2.

    >>> densekit.functional.tanh(np.float32([-1.0, 2.0])).round(4)
    array([-0.7616,  0.964 ], dtype=float32)
    """
    return np.tanh(z)


@backward("y", ulps=4, epsilons=4, saved=(-1, 1))
def tanh_backward(dy: Array, y: Array, *, out: Out = None) -> Any:
    return _times(dy, 1 - y * y)


@forward(ulps=3)
def softplus(z: Array, *, out: Out = None) -> Any:
    """Smooth rectifier: y = log(1 + e^z).

    z: floats of any shape. Computed as max(z, 0) + log(1 + e^-abs(z)), so it cannot overflow.
    Dugas et al., NIPS 2000.

    >>> densekit.functional.softplus(np.float32([-1.0, 2.0])).round(4)
    array([0.3133, 2.1269], dtype=float32)
    """
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


@backward("z", ulps=4)
def softplus_backward(dy: Array, z: Array, *, out: Out = None) -> Any:
    return _times(dy, _sigmoid(z))


@forward(ulps=2)
def softsign(z: Array, *, out: Out = None) -> Any:
    """y = z / (1 + abs(z)).

    z: floats of any shape.
    Bergstra et al. 2009.

    >>> densekit.functional.softsign(np.float32([-1.0, 2.0])).round(4)
    array([-0.5   ,  0.6667], dtype=float32)
    """
    return np.where(np.isinf(z), np.sign(z), z / (1 + np.abs(z)))


@backward("z", ulps=4)
def softsign_backward(dy: Array, z: Array, *, out: Out = None) -> Any:
    return _times(dy, 1 / (1 + np.abs(z)) ** 2)


@forward(ulps=3)
def hard_swish(z: Array, *, out: Out = None) -> Any:
    """Piecewise approximation of silu: y = z min(1, max(0, z / 6 + 1/2)).

    z: floats of any shape.
    Howard et al., arXiv 1905.02244.

    >>> densekit.functional.hard_swish(np.float32([-1.0, 2.0])).round(4)
    array([-0.3333,  1.6667], dtype=float32)
    """
    return np.maximum(z, -3) * np.clip((z + 3) / 6, 0, 1)


@backward("z", ulps=4, epsilons=4)
def hard_swish_backward(dy: Array, z: Array, *, out: Out = None) -> Any:
    return _times(dy, np.where(z <= -3, 0.0, np.where(z >= 3, 1.0, z / 3 + 0.5)))


@forward(ulps=0)
def relu6(z: Array, *, out: Out = None) -> Any:
    """Rectifier that ends at 6: y = min(max(0, z), 6).

    z: floats of any shape. The slope at 0 and at 6 is 0, as in PyTorch.
    Krizhevsky 2010.

    >>> densekit.functional.relu6(np.float32([-1.0, 2.0])).round(4)
    array([0., 2.], dtype=float32)
    """
    return np.clip(z, 0.0, 6.0)


@backward("y", ulps=0)
def relu6_backward(dy: Array, y: Array, *, out: Out = None) -> Any:
    return _times(dy, np.where((y <= 0) | (y >= 6), 0.0, 1.0))


@forward(ulps=0)
def hard_tanh(z: Array, *, out: Out = None) -> Any:
    """Piecewise linear tanh: y = min(max(-1, z), 1).

    z: floats of any shape. The slope at -1 and at 1 is 0, as in PyTorch's Hardtanh.
    Collobert, thesis, Paris 2004.

    >>> densekit.functional.hard_tanh(np.float32([-1.0, 2.0])).round(4)
    array([-1.,  1.], dtype=float32)
    """
    return np.clip(z, -1.0, 1.0)


@backward("y", ulps=0)
def hard_tanh_backward(dy: Array, y: Array, *, out: Out = None) -> Any:
    return _times(dy, np.where(np.abs(y) >= 1, 0.0, 1.0))


@forward(ulps=1)
def softshrink(z: Array, *, threshold: NotNegative = 0.5, out: Out = None) -> Any:
    """Soft shrinkage: y = z - threshold above it, z + threshold below -threshold, 0 between.

    z: floats of any shape. threshold: 0 or more (PyTorch's lambd, 0.5). The slope at the thresholds is 0.
    Donoho, IEEE Trans. Inf. Theory 41 (1995).

    >>> densekit.functional.softshrink(np.float32([-1.0, 2.0])).round(4)
    array([-0.5,  1.5], dtype=float32)
    """
    return np.where(np.abs(z) <= threshold, 0.0, z - np.copysign(threshold, z))


@backward("z", ulps=0)
def softshrink_backward(dy: Array, z: Array, *, threshold: NotNegative = 0.5, out: Out = None) -> Any:
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
