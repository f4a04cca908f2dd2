"""Tail probabilities in plain Python, and corrections for many tests."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit._arrays import one_of

CORRECTIONS = ("bonferroni", "holm", "none")


def normal_sf(z: float) -> float:
    """P(Z > z) of the standard normal distribution.

    >>> from densekit.shift._pvalues import normal_sf
    >>> round(normal_sf(1.959964), 6)
    0.025
    """
    return math.erfc(z / math.sqrt(2)) / 2


def kolmogorov_sf(x: float) -> float:
    """P(K > x) of Kolmogorov's distribution: 2 Σ (−1)^(j−1) e^(−2 j² x²); below 1 by the series that is fast there.

    >>> from densekit.shift._pvalues import kolmogorov_sf
    >>> round(kolmogorov_sf(1.3581), 4)
    0.05
    """
    if x <= 0.04:  # 1 − 1e−300
        return 1.0
    if x < 1:  # Jacobi's transformation of the same sum
        terms = (math.exp(-((2 * j - 1) ** 2) * math.pi**2 / (8 * x * x)) for j in range(1, 5))
        return max(0.0, 1 - math.sqrt(2 * math.pi) / x * sum(terms))
    return min(1.0, max(0.0, 2 * sum((1.0 if j % 2 else -1.0) * math.exp(-2 * j * j * x * x) for j in range(1, 8))))


def chi2_sf(x: float, dof: int) -> float:
    """P(χ² > x) with `dof` degrees of freedom: the regularised upper incomplete gamma function Q(dof / 2, x / 2).

    >>> from densekit.shift._pvalues import chi2_sf
    >>> round(chi2_sf(3.841459, 1), 6)
    0.05
    """
    if dof == 0 or x <= 0:
        return 1.0
    a, x = dof / 2, x / 2
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:  # Σ x^k / (a (a+1) … (a+k))
        term = total = 1 / a
        k = a
        while term > total * 1e-16:
            k += 1
            term *= x / k
            total += term
        return max(0.0, 1 - front * total)
    # Lentz's continued fraction (Numerical Recipes, 6.2).
    b = x + 1 - a
    c, d = math.inf, 1 / b
    fraction = d
    for i in range(1, 500):
        step = -i * (i - a)
        b += 2
        d = 1 / (step * d + b)
        c = b + step / c
        fraction *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return front * fraction


def adjusted(p_values: ArrayLike, correction: str) -> NDArray[np.float64]:
    """p-values of one family, made larger so that each may be compared with α.

    correction: "bonferroni" (times their number), "holm" (step by step, never less powerful) or "none".

    >>> from densekit.shift._pvalues import adjusted
    >>> adjusted([0.01, 0.02, 0.5], "holm")
    array([0.03, 0.04, 0.5 ])
    """
    one_of("correction", "correction", correction, CORRECTIONS)
    p = np.asarray(p_values, np.float64)
    if correction == "none":
        return p.copy()
    if correction == "bonferroni":
        return np.minimum(1.0, p * p.size)
    order = np.argsort(p)
    steps = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    result = np.empty_like(p)
    result[order] = np.minimum(1.0, steps)
    return result
