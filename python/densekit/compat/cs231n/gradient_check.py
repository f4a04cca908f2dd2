"""Numerical gradients by central differences, (f(x + h) - f(x - h)) / 2h, which change x in place and restore it."""

from __future__ import annotations

from collections.abc import Callable
from random import randrange
from typing import Any

import numpy as np

from densekit.compat._shared import Array


def _difference(f: Callable[[], Any], x: Array, at: Any, h: float) -> Any:
    """f(x + h) - f(x - h), h added to the element `at` of x alone."""
    kept = x[at]
    x[at] = kept + h
    high = f()
    x[at] = kept - h
    low = f()
    x[at] = kept
    return high - low


def eval_numerical_gradient(f: Callable[[Any], Any], x: Array, verbose: bool = True, h: float = 0.00001) -> Array:
    """The gradient of a function with one number as its value, at x; verbose prints each element.

    >>> from densekit.compat.cs231n.gradient_check import eval_numerical_gradient
    >>> eval_numerical_gradient(lambda x: (x**2).sum(), np.array([1.0, -2.0]), verbose=False).round(6)
    array([ 2., -4.])
    """
    gradient = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        gradient[at] = _difference(lambda: f(x), x, at, h) / (2 * h)
        if verbose:
            print(at, gradient[at])
    return gradient


def eval_numerical_gradient_array(f: Callable[[Any], Any], x: Array, df: Any, h: float = 1e-5) -> Array:
    """The gradient, with respect to x, of a function with an array as its value, for a gradient df from above.

    >>> from densekit.compat.cs231n.gradient_check import eval_numerical_gradient_array
    >>> eval_numerical_gradient_array(lambda x: 3 * x, np.array([1.0, -2.0]), np.array([1.0, 10.0])).round(6)
    array([ 3., 30.])
    """
    gradient = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        # f may return x itself or a view of it, which the next change would change.
        gradient[at] = np.sum(_difference(lambda: np.array(f(x)), x, at, h) * df) / (2 * h)
    return gradient


def grad_check_sparse(
    f: Callable[[Any], Any], x: Array, analytic_grad: Array, num_checks: int = 10, h: float = 1e-5
) -> None:
    """Prints numerical and analytic gradient and their relative error at random elements (of Python's `random`)."""
    for _ in range(num_checks):
        at = tuple(randrange(length) for length in x.shape)
        numerical = _difference(lambda: f(x), x, at, h) / (2 * h)
        analytic = analytic_grad[at]
        error = abs(numerical - analytic) / (abs(numerical) + abs(analytic))
        print(f"numerical: {numerical:f} analytic: {analytic:f}, relative error: {error:e}")


__all__ = ["eval_numerical_gradient", "eval_numerical_gradient_array", "grad_check_sparse", "np", "randrange"]
