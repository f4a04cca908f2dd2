"""Numerical gradients by central differences, (f(x + h) - f(x - h)) / 2h, which change x in place and restore it."""

from __future__ import annotations

from collections.abc import Callable
from random import randrange
from typing import Any

import numpy as np

from densekit._arrays import number, whole
from densekit._checks import function
from densekit.compat._shared import Array, as_numbers, in_place, is_on


def _checked(op: str, f: Any, x: Any, h: Any) -> float:
    """h, when all three are what they must be."""
    function(op, "f", f, "a function of x")
    in_place(op, "x", x)
    return number(op, "h", h, low=0, open_low=True)


def _number(op: str, value: Any) -> Any:
    if np.ndim(value):
        raise ValueError(f"{op}: f(x) is {np.shape(value)}, expected one number")
    return value


def _difference(f: Callable[[], Any], x: Array, at: Any, h: float) -> Any:
    """f(x + h) - f(x - h), h added to the element `at` of x alone."""
    kept = x[at]
    try:
        x[at] = kept + h
        high = f()
        x[at] = kept - h
        low = f()
    finally:
        x[at] = kept
    return as_numbers("f", "f(x)", high) - as_numbers("f", "f(x)", low)


def eval_numerical_gradient(f: Callable[[Any], Any], x: Array, verbose: bool = True, h: float = 0.00001) -> Array:
    """The gradient of a function with one number as its value, at x; verbose prints each element.

    >>> from densekit.compat.cs231n.gradient_check import eval_numerical_gradient
    >>> eval_numerical_gradient(lambda x: (x**2).sum(), np.array([1.0, -2.0]), verbose=False).round(6)
    array([ 2., -4.])
    """
    h, verbose = _checked("eval_numerical_gradient", f, x, h), is_on("eval_numerical_gradient", "verbose", verbose)
    gradient = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        gradient[at] = _number("eval_numerical_gradient", _difference(lambda: f(x), x, at, h)) / (2 * h)
        if verbose:
            print(at, gradient[at])
    return gradient


def eval_numerical_gradient_array(f: Callable[[Any], Any], x: Array, df: Any, h: float = 1e-5) -> Array:
    """The gradient, with respect to x, of a function with an array as its value, for a gradient df from above.

    >>> from densekit.compat.cs231n.gradient_check import eval_numerical_gradient_array
    >>> eval_numerical_gradient_array(lambda x: 3 * x, np.array([1.0, -2.0]), np.array([1.0, 10.0])).round(6)
    array([ 3., 30.])
    """
    op = "eval_numerical_gradient_array"
    h, above = _checked(op, f, x, h), as_numbers(op, "df", df)
    gradient = np.zeros_like(x)
    for at in np.ndindex(x.shape):
        # f may return x itself or a view of it, which the next change would change.
        change = _difference(lambda: np.array(as_numbers(op, "what f returned", f(x))), x, at, h)
        if change.shape != above.shape:
            raise ValueError(f"{op}: df is {above.shape} but f returned {change.shape}")
        gradient[at] = np.sum(change * above) / (2 * h)
    return gradient


def grad_check_sparse(
    f: Callable[[Any], Any], x: Array, analytic_grad: Array, num_checks: int = 10, h: float = 1e-5
) -> None:
    """Prints numerical and analytic gradient and their relative error at random elements (of Python's `random`)."""
    op = "grad_check_sparse"
    h, analytic_grad = _checked(op, f, x, h), as_numbers(op, "analytic_grad", analytic_grad)
    if analytic_grad.shape != x.shape:
        raise ValueError(f"{op}: x is {x.shape} but analytic_grad is {analytic_grad.shape}")
    for _ in range(whole(op, "num_checks", num_checks) if x.size else 0):
        at = tuple(randrange(length) for length in x.shape)
        numerical = _number(op, _difference(lambda: f(x), x, at, h)) / (2 * h)
        analytic = analytic_grad[at]
        with np.errstate(invalid="ignore"):  # both 0
            error = np.float64(abs(numerical - analytic)) / (abs(numerical) + abs(analytic))
        print(f"numerical: {numerical:f} analytic: {analytic:f}, relative error: {error:e}")


__all__ = ["eval_numerical_gradient", "eval_numerical_gradient_array", "grad_check_sparse", "np", "randrange"]
