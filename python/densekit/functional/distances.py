"""Minkowski distances between the rows of two matrices."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core, reference
from densekit._arrays import Out, Output, contiguous, floats, number, one_of
from densekit._checks import short
from densekit.registry import Call, Tolerance, op

_METRICS = ("l1", "l2", "linf", "lp")


def _two_tables(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    return Call((rng.normal(size=(size, 5)).astype(dtype), rng.normal(size=(21, 5)).astype(dtype)))


def _round_off(call: Call, expected: Any) -> Any:
    """In eps: each of the columns adds at most half an eps of the result, and the root and the difference one more."""
    return (call.args[0].shape[1] / 2 + 2) * expected


@op(reference=reference.distances, domain=_two_tables, tolerance=Tolerance(ulps=1, epsilons=1, scale=_round_off))
def distances(
    x: ArrayLike,
    y: ArrayLike,
    *,
    metric: Literal["l1", "l2", "linf", "lp"] = "l2",
    p: float | None = None,
    precise: bool = False,
    out: Out = None,
) -> NDArray[Any]:
    """Minkowski distances (sum_k |x_ik - y_jk|^p)^(1/p) between every row of x and every row of y: (n, m).

    x: (n, d). y: (m, d). metric: "l1" (p = 1), "l2" (p = 2, Euclidean), "linf" (the largest difference) or "lp" with
    p greater than 0 (below 1 it is no metric). This measures how far apart samples are; a penalty on weights is another
    matter, see l1 and l2.

    Differences are summed in float64, which is as good as scipy.spatial.distance.cdist in float64 and rounded once.
    With "l2" and 32 columns or more, |x|^2 + |y|^2 - 2 <x, y> on the matrix product is faster. The error of the square
    is then absolute: at most 2 (min(d, 256) + d / 256 + 3) u sum_k |x_ik y_jk|, u = 2^-24 or 2^-53 (in practice some
    2 eps |x| |y|), whatever the distance. Pairs for which that would cost digits, those with a square below 1/64 of
    |x|^2 + |y|^2, are computed again from the differences: equal rows are exactly 0 apart, and the relative error of a
    distance is at most 32 (min(d, 256) + d / 256 + 3) u. precise=True takes the differences throughout.

    >>> x = np.float32([[0, 0], [3, 4]])
    >>> densekit.functional.distances(x, x)
    array([[0., 5.],
           [5., 0.]], dtype=float32)
    >>> train, labels, new = np.float32([[0, 0], [1, 1], [9, 9]]), np.array([0, 0, 1]), np.float32([[8, 8], [1, 0]])
    >>> labels[densekit.functional.distances(new, train, metric="l1").argmin(axis=1)]
    array([1, 0])
    """
    name = "distances"
    left, right = floats(name, "x", x, "y", y)
    if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[1]:
        raise ValueError(f"{name}: x is {left.shape} but y is {right.shape}, expected (n, d) and (m, d)")
    if not isinstance(precise, bool | np.bool_):
        raise TypeError(f"{name}: precise must be True or False, got {short(precise)}")
    kind, power = _kind(name, one_of(name, "metric", metric, _METRICS), p)
    target = Output(name, out, (left.shape[0], right.shape[0]), left.dtype, (left, right))
    _core.distances(contiguous(left), contiguous(right), kind, power, bool(precise), target.target)
    return target.done()


def _kind(name: str, metric: str, p: float | None) -> tuple[Any, float]:
    if metric != "lp":
        if p is not None:
            raise ValueError(f"{name}: p={short(p)} needs metric='lp', got metric={short(metric)}")
        return getattr(_core.Metric, metric), 2.0
    if p is None:
        raise ValueError(f"{name}: metric='lp' needs p, a number greater than 0")
    if isinstance(p, float | np.floating) and p == math.inf:
        return _core.Metric.linf, 2.0
    power = number(name, "p", p, low=0, open_low=True)
    return {1.0: _core.Metric.l1, 2.0: _core.Metric.l2}.get(power, _core.Metric.lp), power


__all__ = ["distances"]
