"""Activations and their backward products, element by element, on arrays of any shape.

Each `name_backward(dy, saved)` takes what the forward pass has to keep: the output y where the slope follows from it
(identity, relu, sigmoid, tanh), the input z elsewhere.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core, reference
from densekit._arrays import Out, Output, contiguous, floats, number, one_of, same_shape
from densekit.registry import Call, Tolerance, op, vector_pairs, vectors

Kind = _core.Activation


def _forward(name: str, kind: Kind, z: ArrayLike, out: Out, parameter: float = 0.0) -> NDArray[Any]:
    if out is None and _core.ready((z,), ()):
        fresh = np.empty(z.shape, z.dtype)  # type: ignore[union-attr]
        _core.activation_forward(kind, z, fresh, parameter)  # type: ignore[call-overload]
        return fresh
    (z,) = floats(name, "z", z)
    y = Output(name, out, z.shape, z.dtype, (z,), elementwise=True)
    _core.activation_forward(kind, contiguous(z), y.target, parameter)
    return y.done()


def _backward(name: str, kind: Kind, dy: ArrayLike, saved: ArrayLike, out: Out, parameter: float = 0.0) -> NDArray[Any]:
    if out is None and _core.ready((dy, saved), ()):
        fresh = np.empty(dy.shape, dy.dtype)  # type: ignore[union-attr]
        _core.activation_backward(kind, dy, saved, fresh, parameter)  # type: ignore[call-overload]
        return fresh
    saved_name = "z" if _core.saves_input(kind) else "y"
    dy, saved = floats(name, "dy", dy, saved_name, saved)
    same_shape(name, "dy", dy, saved_name, saved)
    dz = Output(name, out, dy.shape, dy.dtype, (dy, saved), elementwise=True)
    _core.activation_backward(kind, contiguous(dy), contiguous(saved), dz.target, parameter)
    return dz.done()


def _upstream(call: Call, _: Any) -> Any:
    return np.abs(np.asarray(call.args[0], np.float64))


@op(reference=reference.identity, domain=vectors(), tolerance=Tolerance(ulps=0))
def identity(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """y = z.

    z: floats of any shape.

    >>> densekit.functional.identity(np.float32([-1.0, 2.0])).round(4)
    array([-1.,  2.], dtype=float32)
    """
    return _forward("identity", Kind.identity, z, out)


@op(
    reference=reference.identity_backward,
    domain=vector_pairs(),
    tolerance=Tolerance(ulps=0),
    backward_of="identity",
)
def identity_backward(dy: ArrayLike, y: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of identity with respect to z: dy times the slope, from the output y; shapes agree."""
    return _backward("identity_backward", Kind.identity, dy, y, out)


@op(reference=reference.relu, domain=vectors(), tolerance=Tolerance(ulps=0))
def relu(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Rectified linear unit: y = max(0, z).

    z: floats of any shape. The slope at 0 is 0, as in PyTorch; NaN stays NaN.
    Nair and Hinton, ICML 2010.

    >>> densekit.functional.relu(np.float32([-1.0, 2.0])).round(4)
    array([0., 2.], dtype=float32)
    """
    return _forward("relu", Kind.relu, z, out)


@op(
    reference=reference.relu_backward,
    domain=vector_pairs(),
    tolerance=Tolerance(ulps=0),
    backward_of="relu",
)
def relu_backward(dy: ArrayLike, y: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of relu with respect to z: dy times the slope, from the output y; shapes agree."""
    return _backward("relu_backward", Kind.relu, dy, y, out)


@op(reference=reference.leaky_relu, domain=vectors(), tolerance=Tolerance(ulps=1.5))
def leaky_relu(z: ArrayLike, *, slope: float = 0.01, out: Out = None) -> NDArray[Any]:
    """Leaky rectifier: y = z for z > 0, slope * z below.

    z: floats of any shape. slope: slope on the left, a finite number (PyTorch and ONNX 0.01, Keras 3 0.3).
    Maas et al., ICML workshop 2013.

    >>> densekit.functional.leaky_relu(np.float32([-1.0, 2.0])).round(4)
    array([-0.01,  2.  ], dtype=float32)
    """
    return _forward("leaky_relu", Kind.leaky_relu, z, out, number("leaky_relu", "slope", slope))


@op(
    reference=reference.leaky_relu_backward,
    domain=vector_pairs(),
    tolerance=Tolerance(ulps=1.5),
    backward_of="leaky_relu",
)
def leaky_relu_backward(dy: ArrayLike, z: ArrayLike, *, slope: float = 0.01, out: Out = None) -> NDArray[Any]:
    """The gradient of leaky_relu with respect to z: dy times the slope, from the input z; shapes agree."""
    return _backward("leaky_relu_backward", Kind.leaky_relu, dy, z, out, number("leaky_relu_backward", "slope", slope))


@op(reference=reference.elu, domain=vectors(), tolerance=Tolerance(ulps=3))
def elu(z: ArrayLike, *, alpha: float = 1.0, out: Out = None) -> NDArray[Any]:
    """Exponential linear unit: y = z for z > 0, alpha (e^z - 1) below.

    z: floats of any shape. alpha: what -y tends to far to the left, a finite number.
    Clevert et al., arXiv 1511.07289.

    >>> densekit.functional.elu(np.float32([-1.0, 2.0])).round(4)
    array([-0.6321,  2.    ], dtype=float32)
    """
    return _forward("elu", Kind.elu, z, out, number("elu", "alpha", alpha))


@op(
    reference=reference.elu_backward,
    domain=vector_pairs(),
    tolerance=Tolerance(ulps=3),
    backward_of="elu",
)
def elu_backward(dy: ArrayLike, z: ArrayLike, *, alpha: float = 1.0, out: Out = None) -> NDArray[Any]:
    """The gradient of elu with respect to z: dy times the slope, from the input z; shapes agree."""
    return _backward("elu_backward", Kind.elu, dy, z, out, number("elu_backward", "alpha", alpha))


@op(reference=reference.selu, domain=vectors(), tolerance=Tolerance(ulps=4))
def selu(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Self-normalising ELU: y = 1.0507 elu(z, alpha=1.67326).

    z: floats of any shape. The constants are the paper's, to all digits: mean 0 and variance 1 are a fixed point.
    Klambauer et al., arXiv 1706.02515.

    >>> densekit.functional.selu(np.float32([-1.0, 2.0])).round(4)
    array([-1.1113,  2.1014], dtype=float32)
    """
    return _forward("selu", Kind.selu, z, out)


@op(
    reference=reference.selu_backward,
    domain=vector_pairs(),
    tolerance=Tolerance(ulps=4),
    backward_of="selu",
)
def selu_backward(dy: ArrayLike, z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of selu with respect to z: dy times the slope, from the input z; shapes agree."""
    return _backward("selu_backward", Kind.selu, dy, z, out)


@op(reference=reference.gelu, domain=vectors(), tolerance=Tolerance(ulps=4, epsilons=1.5))
def gelu(z: ArrayLike, *, approximate: Literal["none", "tanh"] = "none", out: Out = None) -> NDArray[Any]:
    """Gaussian error linear unit: y = z Phi(z), Phi the normal distribution function.

    z: floats of any shape. approximate: "none" for the exact form, "tanh" for z sigmoid(1.59577 (z + 0.044715 z^3)).
    Both are in Hendrycks and Gimpel, arXiv 1606.08415. The left tail keeps its digits: it comes from erfc.

    >>> densekit.functional.gelu(np.float32([-1.0, 2.0])).round(4)
    array([-0.1587,  1.9545], dtype=float32)
    """
    return _forward("gelu", _gelu_kind("gelu", approximate), z, out)


@op(
    reference=reference.gelu_backward,
    domain=vector_pairs(),
    tolerance=Tolerance(ulps=4, epsilons=4, scale=_upstream),
    backward_of="gelu",
)
def gelu_backward(
    dy: ArrayLike, z: ArrayLike, *, approximate: Literal["none", "tanh"] = "none", out: Out = None
) -> NDArray[Any]:
    """The gradient of gelu with respect to z: dy (Phi(z) + z phi(z)), from the input z; shapes agree."""
    return _backward("gelu_backward", _gelu_kind("gelu_backward", approximate), dy, z, out)


def _gelu_kind(op_name: str, approximate: str) -> Kind:
    return Kind.gelu if one_of(op_name, "approximate", approximate, ("none", "tanh")) == "none" else Kind.gelu_tanh


@op(reference=reference.silu, domain=vectors(), tolerance=Tolerance(ulps=4))
def silu(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Sigmoid-weighted linear unit (swish): y = z / (1 + e^-z).

    z: floats of any shape.
    Elfwing et al., arXiv 1702.03118.

    >>> densekit.functional.silu(np.float32([-1.0, 2.0])).round(4)
    array([-0.2689,  1.7616], dtype=float32)
    """
    return _forward("silu", Kind.silu, z, out)


@op(
    reference=reference.silu_backward,
    domain=vector_pairs(),
    tolerance=Tolerance(ulps=4, epsilons=4, scale=_upstream),
    backward_of="silu",
)
def silu_backward(dy: ArrayLike, z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of silu with respect to z: dy times the slope, from the input z; shapes agree."""
    return _backward("silu_backward", Kind.silu, dy, z, out)


@op(reference=reference.mish, domain=vectors(), tolerance=Tolerance(ulps=6))
def mish(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Mish: y = z tanh(log(1 + e^z)).

    z: floats of any shape.
    Misra, arXiv 1908.08681.

    >>> densekit.functional.mish(np.float32([-1.0, 2.0])).round(4)
    array([-0.3034,  1.944 ], dtype=float32)
    """
    return _forward("mish", Kind.mish, z, out)


@op(
    reference=reference.mish_backward,
    domain=vector_pairs(),
    tolerance=Tolerance(ulps=4, epsilons=4, scale=_upstream),
    backward_of="mish",
)
def mish_backward(dy: ArrayLike, z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of mish with respect to z: dy times the slope, from the input z; shapes agree."""
    return _backward("mish_backward", Kind.mish, dy, z, out)


@op(reference=reference.sigmoid, domain=vectors(), tolerance=Tolerance(ulps=3))
def sigmoid(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Logistic function: y = 1 / (1 + e^-z).

    z: floats of any shape. Computed from e^-abs(z), so it cannot overflow. Its slope is y (1 - y), at most 1/4.

    >>> densekit.functional.sigmoid(np.float32([-1.0, 2.0])).round(4)
    array([0.2689, 0.8808], dtype=float32)
    """
    return _forward("sigmoid", Kind.sigmoid, z, out)


@op(
    reference=reference.sigmoid_backward,
    domain=vector_pairs(-1, 1),
    tolerance=Tolerance(ulps=4, epsilons=4, scale=_upstream),
    backward_of="sigmoid",
)
def sigmoid_backward(dy: ArrayLike, y: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of sigmoid with respect to z: dy times the slope, from the output y; shapes agree."""
    return _backward("sigmoid_backward", Kind.sigmoid, dy, y, out)


@op(reference=reference.hard_sigmoid, domain=vectors(), tolerance=Tolerance(ulps=2))
def hard_sigmoid(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Piecewise linear sigmoid: y = min(1, max(0, z / 6 + 1/2)).

    z: floats of any shape. As in PyTorch and Keras 3 (older Keras: 0.2 z + 0.5).

    >>> densekit.functional.hard_sigmoid(np.float32([-1.0, 2.0])).round(4)
    array([0.3333, 0.8333], dtype=float32)
    """
    return _forward("hard_sigmoid", Kind.hard_sigmoid, z, out)


@op(
    reference=reference.hard_sigmoid_backward,
    domain=vector_pairs(),
    tolerance=Tolerance(ulps=1),
    backward_of="hard_sigmoid",
)
def hard_sigmoid_backward(dy: ArrayLike, z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of hard_sigmoid with respect to z: dy times the slope, from the input z; shapes agree."""
    return _backward("hard_sigmoid_backward", Kind.hard_sigmoid, dy, z, out)


@op(reference=reference.tanh, domain=vectors(), tolerance=Tolerance(ulps=3))
def tanh(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Hyperbolic tangent.

    z: floats of any shape. Its slope is 1 - y^2.

    >>> densekit.functional.tanh(np.float32([-1.0, 2.0])).round(4)
    array([-0.7616,  0.964 ], dtype=float32)
    """
    return _forward("tanh", Kind.tanh, z, out)


@op(
    reference=reference.tanh_backward,
    domain=vector_pairs(-1, 1),
    tolerance=Tolerance(ulps=4, epsilons=4, scale=_upstream),
    backward_of="tanh",
)
def tanh_backward(dy: ArrayLike, y: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of tanh with respect to z: dy times the slope, from the output y; shapes agree."""
    return _backward("tanh_backward", Kind.tanh, dy, y, out)


@op(reference=reference.softplus, domain=vectors(), tolerance=Tolerance(ulps=3))
def softplus(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Smooth rectifier: y = log(1 + e^z).

    z: floats of any shape. Computed as max(z, 0) + log(1 + e^-abs(z)), so it cannot overflow.
    Dugas et al., NIPS 2000.

    >>> densekit.functional.softplus(np.float32([-1.0, 2.0])).round(4)
    array([0.3133, 2.1269], dtype=float32)
    """
    return _forward("softplus", Kind.softplus, z, out)


@op(
    reference=reference.softplus_backward,
    domain=vector_pairs(),
    tolerance=Tolerance(ulps=4),
    backward_of="softplus",
)
def softplus_backward(dy: ArrayLike, z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of softplus with respect to z: dy times the slope, from the input z; shapes agree."""
    return _backward("softplus_backward", Kind.softplus, dy, z, out)


@op(reference=reference.softsign, domain=vectors(), tolerance=Tolerance(ulps=2))
def softsign(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """y = z / (1 + abs(z)).

    z: floats of any shape.
    Bergstra et al. 2009.

    >>> densekit.functional.softsign(np.float32([-1.0, 2.0])).round(4)
    array([-0.5   ,  0.6667], dtype=float32)
    """
    return _forward("softsign", Kind.softsign, z, out)


@op(
    reference=reference.softsign_backward,
    domain=vector_pairs(),
    tolerance=Tolerance(ulps=4),
    backward_of="softsign",
)
def softsign_backward(dy: ArrayLike, z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of softsign with respect to z: dy times the slope, from the input z; shapes agree."""
    return _backward("softsign_backward", Kind.softsign, dy, z, out)


@op(reference=reference.hard_swish, domain=vectors(), tolerance=Tolerance(ulps=3))
def hard_swish(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Piecewise approximation of silu: y = z min(1, max(0, z / 6 + 1/2)).

    z: floats of any shape.
    Howard et al., arXiv 1905.02244.

    >>> densekit.functional.hard_swish(np.float32([-1.0, 2.0])).round(4)
    array([-0.3333,  1.6667], dtype=float32)
    """
    return _forward("hard_swish", Kind.hard_swish, z, out)


@op(
    reference=reference.hard_swish_backward,
    domain=vector_pairs(),
    tolerance=Tolerance(ulps=4, epsilons=4, scale=_upstream),
    backward_of="hard_swish",
)
def hard_swish_backward(dy: ArrayLike, z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of hard_swish with respect to z: dy times the slope, from the input z; shapes agree."""
    return _backward("hard_swish_backward", Kind.hard_swish, dy, z, out)


@op(reference=reference.relu6, domain=vectors(), tolerance=Tolerance(ulps=0))
def relu6(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Rectifier that ends at 6: y = min(max(0, z), 6).

    z: floats of any shape. The slope at 0 and at 6 is 0, as in PyTorch.
    Krizhevsky 2010.

    >>> densekit.functional.relu6(np.float32([-1.0, 2.0])).round(4)
    array([0., 2.], dtype=float32)
    """
    return _forward("relu6", Kind.relu6, z, out)


@op(
    reference=reference.relu6_backward,
    domain=vector_pairs(),
    tolerance=Tolerance(ulps=0),
    backward_of="relu6",
)
def relu6_backward(dy: ArrayLike, y: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of relu6 with respect to z: dy times the slope, from the output y; shapes agree."""
    return _backward("relu6_backward", Kind.relu6, dy, y, out)


@op(reference=reference.hard_tanh, domain=vectors(), tolerance=Tolerance(ulps=0))
def hard_tanh(z: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """Piecewise linear tanh: y = min(max(-1, z), 1).

    z: floats of any shape. The slope at -1 and at 1 is 0, as in PyTorch's Hardtanh.
    Collobert, thesis, Paris 2004.

    >>> densekit.functional.hard_tanh(np.float32([-1.0, 2.0])).round(4)
    array([-1.,  1.], dtype=float32)
    """
    return _forward("hard_tanh", Kind.hard_tanh, z, out)


@op(
    reference=reference.hard_tanh_backward,
    domain=vector_pairs(),
    tolerance=Tolerance(ulps=0),
    backward_of="hard_tanh",
)
def hard_tanh_backward(dy: ArrayLike, y: ArrayLike, *, out: Out = None) -> NDArray[Any]:
    """The gradient of hard_tanh with respect to z: dy times the slope, from the output y; shapes agree."""
    return _backward("hard_tanh_backward", Kind.hard_tanh, dy, y, out)


def _threshold(name: str, threshold: float) -> float:
    return number(name, "threshold", threshold, low=0)


@op(reference=reference.softshrink, domain=vectors(), tolerance=Tolerance(ulps=1))
def softshrink(z: ArrayLike, *, threshold: float = 0.5, out: Out = None) -> NDArray[Any]:
    """Soft shrinkage: y = z - threshold above it, z + threshold below -threshold, 0 between.

    z: floats of any shape. threshold: 0 or more (PyTorch's lambd, 0.5). The slope at the thresholds is 0.
    Donoho, IEEE Trans. Inf. Theory 41 (1995).

    >>> densekit.functional.softshrink(np.float32([-1.0, 2.0])).round(4)
    array([-0.5,  1.5], dtype=float32)
    """
    return _forward("softshrink", Kind.softshrink, z, out, _threshold("softshrink", threshold))


@op(
    reference=reference.softshrink_backward,
    domain=vector_pairs(),
    tolerance=Tolerance(ulps=0),
    backward_of="softshrink",
)
def softshrink_backward(dy: ArrayLike, z: ArrayLike, *, threshold: float = 0.5, out: Out = None) -> NDArray[Any]:
    """The gradient of softshrink with respect to z: dy times the slope, from the input z; shapes agree."""
    return _backward("softshrink_backward", Kind.softshrink, dy, z, out, _threshold("softshrink_backward", threshold))


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
