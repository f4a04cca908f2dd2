"""Penalties on weights with their gradients, soft thresholding, and clipping of gradients.

A penalty is a term of the objective: its gradient is added to that of the loss. It is not the optimizers' weight_decay,
which shrinks the weights beside the gradient and never shows in the objective.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core, reference
from densekit._arrays import Floats, Out, Output, contiguous, floats, number
from densekit.registry import Call, Domain, Tolerance, op, vectors

Kind = _core.Penalty


def _penalty(name: str, kind: Any, w: ArrayLike, a: float, b: float, out: Out) -> tuple[float, NDArray[Any]]:
    (weights,) = floats(name, "w", w)
    gradient = Output(name, out, weights.shape, weights.dtype, (weights,), elementwise=True)
    value = _core.penalty(kind, contiguous(weights), gradient.target, a, b)
    return value, gradient.done()


# Where they are tested, and how closely. A sum of n terms of one sign, carried in float64 in partials of 4,096 and in
# two lanes or more, errs by at most 2,048 + n / 4,096 roundings of itself: 1,030 eps in float64, nothing in float32.


def _away_from_zero(*args: float) -> Domain:
    """Weights of both signs and at least 0.5, where the slope of abs(w) does not change; args follow."""

    def make(rng: np.random.Generator, dtype: Any, size: int) -> Call:
        w = rng.normal(size=size)
        return Call(((w + np.copysign(0.5, w)).astype(dtype), *args))

    return make


def _sum_scale(call: Call, expected: NDArray[np.float64]) -> Any:
    arrays = call.args[0] if isinstance(call.args[0], list) else [call.args[0]]
    return np.abs(expected) * (1.0 if arrays[0].dtype == np.float64 else 0.0)


def _elastic_gradient(call: Call, _: Any) -> Any:
    w, alpha, ratio = call.args
    return alpha * ratio + alpha * (1 - ratio) * np.abs(np.asarray(w, np.float64))


_SUM = Tolerance(1, 1030, _sum_scale, "itself in float64, nothing in float32")


@op(
    reference=reference.l1,
    domain=_away_from_zero(0.3),
    tolerance=(_SUM, Tolerance(ulps=0.5)),
    gradient_of_first=True,
)
def l1(w: ArrayLike, lam: float, *, out: Out = None) -> tuple[float, NDArray[Any]]:
    """The lasso's penalty lam sum(abs(w)), a float, and its gradient lam sign(w), with sign(0) = 0.

    w: weights of any shape. lam: 0 or more. out: receives the gradient.
    A step along this gradient never makes a weight exactly zero; soft_threshold after the step does. The objective of
    scikit-learn's Lasso(alpha) has the same penalty with lam = alpha beside half of the mean squared error.

    >>> densekit.functional.l1([1.0, -2.0, 0.0], 0.5)
    (1.5, array([ 0.5, -0.5,  0. ]))
    """
    return _penalty("l1", Kind.l1, w, number("l1", "lam", lam, low=0), 0.0, out)


@op(
    reference=reference.l2,
    domain=_away_from_zero(0.3),
    tolerance=(_SUM, Tolerance(ulps=1.5)),
    gradient_of_first=True,
)
def l2(w: ArrayLike, lam: float, *, out: Out = None) -> tuple[float, NDArray[Any]]:
    """The ridge's penalty lam / 2 sum(w^2), a float, and its gradient lam w.

    w: weights of any shape. lam: 0 or more. out: receives the gradient. Keras's L2(l) has no half: its l is lam / 2.

    >>> densekit.functional.l2([1.0, -2.0, 0.0], 0.5)
    (1.25, array([ 0.5, -1. ,  0. ]))
    """
    return _penalty("l2", Kind.l2, w, 0.0, number("l2", "lam", lam, low=0), out)


@op(
    reference=reference.elastic_net,
    domain=_away_from_zero(0.3, 0.4),
    tolerance=(_SUM, Tolerance(0.5, 1.5, _elastic_gradient, "the sum of both terms")),
    gradient_of_first=True,
)
def elastic_net(w: ArrayLike, alpha: float, l1_ratio: float, *, out: Out = None) -> tuple[float, NDArray[Any]]:
    """alpha l1_ratio sum(abs(w)) + alpha (1 - l1_ratio) / 2 sum(w^2), a float, and its gradient.

    w: weights of any shape. alpha: 0 or more. l1_ratio: from 0 (l2) to 1 (l1). out: receives the gradient.
    The two parameters are those of scikit-learn's ElasticNet. Zou and Hastie 2005.

    >>> densekit.functional.elastic_net([1.0, -2.0, 0.0], 0.5, 0.5)
    (1.375, array([ 0.5 , -0.75,  0.  ]))
    """
    alpha = number("elastic_net", "alpha", alpha, low=0)
    ratio = number("elastic_net", "l1_ratio", l1_ratio, low=0, high=1)
    return _penalty("elastic_net", Kind.elastic_net, w, alpha * ratio, alpha * (1 - ratio), out)


@op(
    reference=reference.soft_threshold,
    domain=lambda rng, dtype, size: Call((rng.normal(size=size).astype(dtype), 0.7)),
    tolerance=Tolerance(
        0.5, 0.5, lambda call, _: call.args[1], "threshold"
    ),  # threshold and difference are rounded once each
)
def soft_threshold(w: ArrayLike, threshold: float, *, out: Out = None) -> NDArray[Any]:
    """Shrinks towards zero: sign(w) max(abs(w) - threshold, 0).

    w: floats of any shape; NaN stays NaN. threshold: 0 or more. This is the proximal step of l1: after a step of rate
    lr along the gradient of the loss, threshold = lr lam, and small weights become exactly zero.

    >>> densekit.functional.soft_threshold([1.0, -2.0, 0.25], 0.5)
    array([ 0.5, -1.5,  0. ])
    """
    name = "soft_threshold"
    (weights,) = floats(name, "w", w)
    limit = number(name, "threshold", threshold, low=0)
    y = Output(name, out, weights.shape, weights.dtype, (weights,), elementwise=True)
    _core.soft_threshold(contiguous(weights), y.target, limit)
    return y.done()


def _limit(name: str, key: str, value: float | None, absent: float) -> float:
    """A bound; None and the infinity that bounds nothing are the same."""
    return absent if value is None or (isinstance(value, float) and value == absent) else number(name, key, value)


@op(
    reference=reference.clip_by_value,
    domain=lambda rng, dtype, size: Call((*vectors()(rng, dtype, size).args, -3.3, 4.4)),
    tolerance=Tolerance(ulps=0.5),  # the bounds are rounded to the dtype of x
)
def clip_by_value(x: ArrayLike, low: float | None, high: float | None, *, out: Out = None) -> NDArray[Any]:
    """Every element moved into [low, high]: min(max(x, low), high).

    x: floats of any shape; NaN stays NaN. low, high: numbers with low <= high; None for no bound on that side.

    >>> densekit.functional.clip_by_value([-3.0, 0.5, 3.0], -1, 1)
    array([-1. ,  0.5,  1. ])
    >>> densekit.functional.clip_by_value([-3.0, 0.5, 3.0], 0, None)
    array([0. , 0.5, 3. ])
    """
    name = "clip_by_value"
    (values,) = floats(name, "x", x)
    least, most = _limit(name, "low", low, -math.inf), _limit(name, "high", high, math.inf)
    if least > most:
        raise ValueError(f"{name}: low is {low} but high is {high}; expected low <= high")
    y = Output(name, out, values.shape, values.dtype, (values,), elementwise=True)
    _core.clip(contiguous(values), y.target, least, most)
    return y.done()


# Squares of float64 numbers leave its range where the numbers themselves do not: then they are taken of scaled numbers.
_SMALL, _LARGE, _SCALE = 2.0**-960, math.inf, 2.0**600


def _global_norm(arrays: Sequence[Floats]) -> float:
    def sum_of_squares(factor: float) -> float:
        total = 0.0
        for a in arrays:  # partials of 4,096 elements, added in order, and so are the arrays
            total += _core.sum_of_squares(a, factor)
        return total

    total = sum_of_squares(1.0)
    if total == _LARGE:
        return math.sqrt(sum_of_squares(1 / _SCALE)) * _SCALE
    if total < _SMALL:
        return math.sqrt(sum_of_squares(_SCALE)) / _SCALE
    return math.sqrt(total)


def _gradients(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    shapes = [(size,), (3, 2), (size // 2, 2)]
    return Call(([rng.normal(size=shape).astype(dtype) for shape in shapes], 1.5))


@op(
    reference=reference.clip_by_global_norm,
    domain=_gradients,
    tolerance=_SUM,  # the norm errs by half of what the sum of squares does
)
def clip_by_global_norm(
    arrays: Sequence[ArrayLike], max_norm: float, *, out: Sequence[Out] | None = None
) -> tuple[list[NDArray[Any]], float]:
    """All arrays times min(1, max_norm / norm), as a list, and norm, the Euclidean norm of all their elements together.

    arrays: a list or tuple of float arrays of one dtype, any shapes; it may be empty. max_norm: above 0. out: a list
    with an array or None for each; `out=arrays` clips in place, as torch.nn.utils.clip_grad_norm_ does (which adds 1e-6
    to the norm; this does not). Without it new arrays are returned, as by tf.clip_by_global_norm.
    The norm is a float carried in float64, right also where squares would overflow or vanish. If an element is
    infinite, so is the norm: the factor is 0, finite elements become 0 and infinite ones NaN. If an element is NaN, so
    are the norm and all elements. `math.isfinite(norm)` tells before the update. Pascanu et al., ICML 2013.

    >>> clipped, norm = densekit.functional.clip_by_global_norm([np.array([3.0]), np.array([[0.0, 4.0]])], 1.0)
    >>> norm, [a.round(4) for a in clipped]
    (5.0, [array([0.6]), array([[0. , 0.8]])])
    """
    name = "clip_by_global_norm"
    if not isinstance(arrays, list | tuple):
        raise TypeError(f"{name}: arrays is {type(arrays).__name__}, expected a list or tuple of arrays")
    limit = number(name, "max_norm", max_norm, low=0, open_low=True)
    given = floats(name, *[x for i, a in enumerate(arrays) for x in (f"arrays[{i}]", a)]) if arrays else []
    targets: Sequence[Out] = [None] * len(given) if out is None else out
    if not isinstance(targets, list | tuple) or len(targets) != len(given):
        described = f"{len(targets)} of them" if isinstance(targets, list | tuple) else type(targets).__name__
        raise TypeError(f"{name}: out must be a list of {len(given)}, each an array or None; got {described}")
    outputs = [
        Output(name, t, a.shape, a.dtype, (a,), elementwise=True, name=f"out[{i}]")
        for i, (a, t) in enumerate(zip(given, targets, strict=True))
    ]
    sources = [contiguous(a) for a in given]
    for (i, a), (j, b) in combinations([(i, t) for i, t in enumerate(targets) if t is not None], 2):
        if np.may_share_memory(a, b) and np.shares_memory(a, b):
            raise ValueError(f"{name}: out[{i}] and out[{j}] share memory")
    for j, source in enumerate(sources):  # read after another's result has been written
        if any(t is not None and i != j and np.may_share_memory(t, source) for i, t in enumerate(targets)):
            sources[j] = source.copy()
    norm = _global_norm(sources)
    factor = 1.0 if norm <= limit else limit / norm
    for source, output in zip(sources, outputs, strict=True):
        _core.scale_by(source, output.target, factor)
    return [output.done() for output in outputs], norm


__all__ = ["clip_by_global_norm", "clip_by_value", "elastic_net", "l1", "l2", "soft_threshold"]
