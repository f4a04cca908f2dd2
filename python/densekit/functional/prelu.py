"""Rectifiers whose slope below 0 is a parameter, and their backward pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core, reference
from densekit._arrays import Floats, Out, Output, contiguous, floats, out_tuple, same_shape
from densekit.functional._channels import Channels, rows_along
from densekit.registry import Call, Tolerance, op


def _slopes(name: str, alpha: Floats, channels: Channels) -> tuple[Floats, bool]:
    """alpha, flat, and whether it is one for all channels."""
    if alpha.ndim == 0:
        return contiguous(alpha).reshape(1), True
    if alpha.shape != channels.statistics:
        raise ValueError(
            f"{name}: alpha is {alpha.shape}, expected {channels.statistics}, one value a channel of this axis, or a "
            "single number for all"
        )
    return contiguous(alpha), False


def _call(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    x = rng.normal(size=(-(-size // 7), 7)).astype(dtype)
    return Call((x, rng.uniform(-0.5, 1, 7).astype(dtype)))


def _backward_call(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    x, alpha = _call(rng, dtype, size).args
    return Call((rng.normal(size=x.shape).astype(dtype), x, alpha))


def _terms(call: Call, expected: Any) -> Any:
    """Of dalpha: the sizes of its terms, added up without their signs."""
    dy, x, _ = (np.abs(np.asarray(a, np.float64)) for a in call.args)
    return (dy * x).sum(axis=0)


@op(reference=reference.prelu, domain=_call, tolerance=Tolerance(ulps=1))
def prelu(x: ArrayLike, alpha: ArrayLike, *, axis: int = -1, out: Out = None) -> NDArray[Any]:
    """Parametric rectifier: y = x where x > 0, else alpha x.

    x: floats, at least one dimension. alpha: one value a channel, the channels lying along `axis`; or a single number,
    of no dimensions, for all of them. NaN stays NaN. He et al., ICCV 2015.

    >>> densekit.functional.prelu(np.array([[-4.0, -4.0], [4.0, 4.0]]), np.array([0.25, -1.0]))
    array([[-1.,  4.],
           [ 4.,  4.]])
    """
    name = "prelu"
    data, slope = floats(name, "x", x, "alpha", alpha)
    channels = rows_along(name, data.shape, axis)
    slopes, shared = _slopes(name, slope, channels)
    y = Output(name, out, data.shape, data.dtype, (data, slope), elementwise=True)
    shape, target = channels.cube[:2], channels.target(y)
    _core.prelu(channels.view(data).reshape(shape), slopes, shared, target.reshape(shape))
    result: NDArray[Any] = channels.done(y, target)
    return result


@op(
    reference=reference.prelu_backward,
    domain=_backward_call,
    tolerance=(Tolerance(ulps=1), Tolerance(ulps=1, epsilons=8, scale=_terms, unit="sum abs(dy x)")),
    backward_of="prelu",
)
def prelu_backward(
    dy: ArrayLike, x: ArrayLike, alpha: ArrayLike, *, axis: int = -1, out: Any = None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """The gradients of prelu: dx, dalpha for a gradient dy from above, of the shape of x.

    dx = dy where x > 0, else alpha dy; dalpha = the sum of dy x where x > 0 is false, by channel or, with one alpha for
    all, over all of them. At 0 these are the gradients of the side below, as in PyTorch. out: (dx, dalpha), each an
    array or None.

    >>> x = np.array([[-4.0, -4.0], [4.0, 4.0]])
    >>> densekit.functional.prelu_backward(np.ones((2, 2)), x, np.array([0.25, -1.0]))
    (array([[ 0.25, -1.  ],
           [ 1.  ,  1.  ]]), array([-4., -4.]))
    """
    name = "prelu_backward"
    upstream, data, slope = floats(name, "dy", dy, "x", x, "alpha", alpha)
    same_shape(name, "x", data, "dy", upstream)
    channels = rows_along(name, data.shape, axis)
    slopes, shared = _slopes(name, slope, channels)
    outs = out_tuple(name, out, ("dx", "dalpha"))
    inputs = (upstream, data, slope)
    dx = Output(name, outs[0], data.shape, data.dtype, inputs, elementwise=True, name="dx")
    dalpha = Output(name, outs[1], slope.shape, data.dtype, inputs, name="dalpha")
    target, shape = channels.target(dx), channels.cube[:2]
    views = channels.view(upstream).reshape(shape), channels.view(data).reshape(shape)
    _core.prelu_backward(*views, slopes, shared, target.reshape(shape), dalpha.target.reshape(-1))
    return channels.done(dx, target), dalpha.done()


__all__ = ["prelu", "prelu_backward"]
