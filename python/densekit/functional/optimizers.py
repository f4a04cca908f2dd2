"""Updates of parameters, in place; each returns None."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from densekit import _core, reference
from densekit._arrays import Floats, apart, check_target, contiguous, flag, floats, number, same_shape
from densekit.registry import Call, Tolerance, op


def _parameters(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    return Call((rng.normal(size=size).astype(dtype), rng.normal(size=size).astype(dtype)), {"lr": 0.1})


@op(
    reference=reference.sgd,
    domain=_parameters,
    tolerance=Tolerance(ulps=2, epsilons=4, scale=lambda call, _: call.kwargs["lr"] * np.abs(call.args[1])),
    in_place=("w",),
)
def sgd(w: Floats, dw: ArrayLike, *, lr: float, weight_decay: float = 0.0, maximize: bool = False) -> None:
    """Gradient descent: w <- w - lr dw - lr weight_decay w, in place.

    w: the parameters, any shape. dw: their gradient, the same shape. weight_decay: decoupled, 0 or more.
    maximize: go up instead.

    >>> w = np.array([1.0, 2.0])
    >>> densekit.functional.sgd(w, np.array([1.0, -1.0]), lr=0.5)
    >>> w
    array([0.5, 2.5])
    """
    (gradient,) = floats("sgd", "dw", dw)
    check_target("sgd", "w", w, gradient.shape, gradient.dtype)
    same_shape("sgd", "w", w, "dw", gradient)
    lr = number("sgd", "lr", lr, low=0)
    decay = number("sgd", "weight_decay", weight_decay, low=0)
    maximize = flag("sgd", "maximize", maximize)
    target = contiguous(w)
    _core.sgd(target, contiguous(apart(gradient, target)), 1 - lr * decay, -lr if maximize else lr)
    if target is not w:
        w[...] = target


__all__ = ["sgd"]
