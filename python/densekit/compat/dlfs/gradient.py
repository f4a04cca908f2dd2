"""Numerical gradients: (f(x + h) - f(x - h)) / 2h with h = 1e-4; x is changed in place and restored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from densekit._checks import function
from densekit.compat._shared import Array, as_numbers, in_place

_H = 1e-4


def numerical_gradient(f: Callable[[Any], Any], x: Array) -> Array:
    """The gradient of f, whose value is a number, at an array x of any shape.

    >>> from densekit.compat.dlfs.gradient import numerical_gradient
    >>> numerical_gradient(lambda x: (x**2).sum(), np.array([3.0, 4.0])).round(6)
    array([6., 8.])
    """
    op = "numerical_gradient"
    function(op, "f", f, "a function of x")
    in_place(op, "x", x)
    gradient = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        kept = x[at]
        try:
            x[at] = float(kept) + _H
            high = as_numbers(op, "f(x)", f(x))
            x[at] = float(kept) - _H
            low = as_numbers(op, "f(x)", f(x))
        finally:
            x[at] = kept
        if high.size != 1 or low.size != 1:
            raise ValueError(f"{op}: f(x) is {high.shape}, expected one number")
        gradient[at] = (high.item() - low.item()) / (2 * _H)
    return gradient


def numerical_gradient_2d(f: Callable[[Any], Any], X: Array) -> Array:
    """The gradient of f at each row of X by itself, or at X if that is a vector."""
    in_place("numerical_gradient_2d", "X", X)
    if X.ndim <= 1:
        return numerical_gradient(f, X)
    return np.array([numerical_gradient(f, row) for row in X])


__all__ = ["np", "numerical_gradient", "numerical_gradient_2d"]
