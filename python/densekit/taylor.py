"""Taylor series: coefficients, partial sums, remainders and Lagrange's bound, in float64.

A series equals its function where the remainder goes to 0; to be differentiable as often as one likes is not enough.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit._arrays import number, one_of, real, vector, whole
from densekit._intake import as_labels

Array: TypeAlias = NDArray[np.float64]
_FUNCTIONS: dict[str, Callable[[Any], Any]] = {"exp": np.exp, "sin": np.sin, "cos": np.cos, "log1p": np.log1p}


def function(f: str | Callable[[Any], Any]) -> Callable[[Any], Any]:
    """NumPy's function of a name "exp", "sin", "cos" or "log1p"; a function is returned as it is."""
    if callable(f):
        return f
    return _FUNCTIONS[one_of("taylor", "f", f, list(_FUNCTIONS))]


def coefficients(f: str | Callable[[Any], Any], a: float = 0.0, order: int = 5, *, radius: float = 0.5) -> Array:
    """c_k = f⁽ᵏ⁾(a) / k! for k = 0 … order, so that f(x) ≈ Σ c_k (x − a)ᵏ.

    f: "exp", "sin", "cos", "log1p" (closed forms), or a function that takes complex arrays and is analytic within
    `radius` of a: then Cauchy's integral over that circle, with an absolute error about 1e-16 · max abs(f) / radiusᵏ.
    a: where (above −1 for log1p).

    >>> densekit.taylor.coefficients("exp", 0.0, 4)
    array([1.        , 1.        , 0.5       , 0.16666667, 0.04166667])
    """
    name = "coefficients"
    a, order = number(name, "a", a), whole(name, "order", order, high=150)
    if isinstance(f, str):
        function(f)
        if f == "log1p":
            _require_inside(name, a)
        try:
            return np.array([_derivative(f, a, k) / math.factorial(k) for k in range(order + 1)])
        except OverflowError:
            raise ValueError(f"{name}: the derivatives of {f} at a={a:g} are larger than 1.8e308") from None
    radius = number(name, "radius", radius, low=0, open_low=True)
    points = 1 << max(8, (2 * order + 2).bit_length())
    circle = np.exp(2j * np.pi * np.arange(points) / points)
    values = as_labels(name, "what f returned", function(f)(a + radius * circle))
    if values.dtype.kind not in "fc" or values.shape != circle.shape or not np.isfinite(values).all():
        raise ValueError(f"{name}: f must take complex arrays and be finite within radius={radius:g} of a={a:g}")
    powers = np.fft.fft(values)[: order + 1] / points
    result: Array = powers.real / radius ** np.arange(order + 1)
    return result


def polynomial(c: ArrayLike, a: float, x: ArrayLike) -> Array:
    """Σ c_k (x − a)ᵏ by Horner's rule, for x of any shape.

    >>> float(densekit.taylor.polynomial([1.0, 1.0, 0.5], 0.0, 2.0))
    5.0
    """
    distance = real("polynomial", "x", x) - number("polynomial", "a", a)
    result = np.zeros_like(distance)
    for one in vector("polynomial", "c", c)[::-1]:
        result = result * distance + one
    return result


def remainder(f: str | Callable[[Any], Any], a: float, order: int, x: ArrayLike, *, radius: float = 0.5) -> Array:
    """f(x) − Σ c_k (x − a)ᵏ up to k = order; below about 1e-16 it is rounding.

    >>> densekit.taylor.remainder("cos", 0.0, 2, [0.0, 0.5]).round(5)
    array([0.     , 0.00258])
    """
    at, c = real("remainder", "x", x), coefficients(f, a, order, radius=radius)
    values = real("remainder", "f(x)", function(f)(at))
    if values.shape != at.shape:
        raise ValueError(f"remainder: f(x) is {values.shape}, expected {at.shape} as x")
    result: Array = values - polynomial(c, a, at)
    return result


def lagrange_bound(f: str, a: float, order: int, x: ArrayLike) -> Array:
    """abs(remainder) ≤ M abs(x − a)ⁿ⁺¹ / (n + 1)!, M the largest abs(f⁽ⁿ⁺¹⁾) between a and x.

    f: "exp", "sin", "cos" or "log1p" (a, x above −1). For exp, M is at the larger end; for log1p n! / (1 + t)ⁿ⁺¹ is
    largest at the smaller end; for sin and cos M = 1.

    >>> densekit.taylor.lagrange_bound("sin", 0.0, 3, [0.5]).round(6)
    array([0.002604])
    """
    name = "lagrange_bound"
    a, order, x = number(name, "a", a), whole(name, "order", order, high=150), real(name, "x", x)
    one_of(name, "f", f, list(_FUNCTIONS))
    distance = np.abs(x - a)
    power = distance ** (order + 1)
    result: Array
    if f == "log1p":
        _require_inside(name, a)
        if (x <= -1).any():
            raise ValueError(f"{name}: log1p is defined above -1, got x={x.min():g}")
        result = power / (order + 1) / (1 + np.minimum(a, x)) ** (order + 1)
    elif f == "exp":
        result = np.exp(np.maximum(a, x)) * power / math.factorial(order + 1)
    else:
        result = power / math.factorial(order + 1)
    return result


def _derivative(f: str, a: float, k: int) -> float:
    """f⁽ᵏ⁾(a)."""
    if f == "exp":
        return math.exp(a)
    if f in ("sin", "cos"):
        turns = (k + (f == "cos")) % 4  # cos is sin, a quarter turn ahead
        return (math.sin(a), math.cos(a), -math.sin(a), -math.cos(a))[turns]
    return math.log1p(a) if k == 0 else (-1) ** (k - 1) * math.factorial(k - 1) / (1 + a) ** k


def _require_inside(name: str, a: float) -> None:
    if a <= -1:
        raise ValueError(f"{name}: log1p is defined above -1, got a={a:g}")


__all__ = ["coefficients", "function", "lagrange_bound", "polynomial", "remainder"]
