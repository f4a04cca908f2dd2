"""Tests of one column at a time: Kolmogorov and Smirnov for numbers, chi-squared for categories."""

from __future__ import annotations

import math
import warnings
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from densekit._arrays import one_of
from densekit._intake import as_labels
from densekit.shift._pvalues import CORRECTIONS, chi2_sf, kolmogorov_sf
from densekit.shift._result import ShiftTest, column_names, finished, level, same_columns, two_tables

Correction: TypeAlias = Literal["bonferroni", "holm", "none"]

_EXACT_ROWS = 10_000  # the exact p-value counts paths, n · m of them; beyond this the series is as good
_LEAST_EXPECTED = 5  # the old rule for the chi-squared distribution to hold


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """sup |F_a − F_b|, at the values that occur."""
    a, b = np.sort(a), np.sort(b)
    values = np.concatenate([a, b])
    below = np.searchsorted(a, values, "right") / len(a) - np.searchsorted(b, values, "right") / len(b)
    return float(np.abs(below).max())


def _series(distance: float, n: int, m: int) -> float:
    root = math.sqrt(n * m / (n + m))
    return kolmogorov_sf(distance * (root + 0.12 + 0.11 / root))


def _exact(a: NDArray[np.float64], b: NDArray[np.float64]) -> float | None:
    """SciPy's exact p-value; None where it gives up."""
    from scipy import stats

    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        try:
            return float(stats.ks_2samp(a, b, method="exact").pvalue)
        except RuntimeWarning:
            return None


def _has_scipy() -> bool:
    try:
        import scipy.stats  # noqa: F401
    except ImportError:
        return False
    return True


def ks_test(
    X_ref: Any,
    X_new: Any,
    *,
    alpha: float = 0.05,
    correction: Correction = "bonferroni",
    method: Literal["auto", "exact", "series"] = "auto",
) -> ShiftTest:
    """Kolmogorov and Smirnov's test of each column: D = sup |F_ref − F_new| over the values.

    X_ref, X_new: (n, d) and (m, d) numbers, or (n,) and (m,). alpha: the chance that a change of any column is found
    where there is none. correction: for d columns, "bonferroni", "holm" or "none". method: "exact" counts paths, by
    SciPy; "series" is Kolmogorov's limit at D (√e + 0.12 + 0.11 / √e), e = n m / (n + m), from e = 4 good to some per
    cent; "auto" is exact up to 10,000 rows if SciPy is installed. With ties both are on the safe side.
    Stephens, J. R. Stat. Soc. B 32 (1970).

    >>> found = densekit.shift.ks_test(np.arange(40.0), np.arange(40.0) + 15, method="series")
    >>> round(float(found.statistic[0]), 3), found.rejected
    (0.375, True)
    """
    op = "ks_test"
    alpha = level(op, alpha)
    one_of(op, "correction", correction, CORRECTIONS)
    one_of(op, "method", method, ("auto", "exact", "series"))
    ref, new, names = two_tables(op, X_ref, X_new)
    exact = method == "exact" or (method == "auto" and max(len(ref), len(new)) <= _EXACT_ROWS and _has_scipy())
    if method == "exact" and not _has_scipy():
        raise ImportError("ks_test: method='exact' needs SciPy, which is not installed: pip install scipy")
    distances = [_distance(a, b) for a, b in zip(ref.T, new.T, strict=True)]
    p_values = []
    for a, b, distance in zip(ref.T, new.T, distances, strict=True):
        p = _exact(a, b) if exact else None
        p_values.append(_series(distance, len(a), len(b)) if p is None else p)
    return finished("Kolmogorov-Smirnov", names, distances, p_values, alpha, correction)


def _categories(op: str, name: str, X: Any) -> NDArray[Any]:
    array = as_labels(op, name, X)
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    if array.ndim != 2 or not array.size:
        raise ValueError(f"{op}: {name} is {array.shape}, expected (rows, columns) of categories, or (rows,)")
    return array.astype(str) if array.dtype == object else array


def _chi2(a: NDArray[Any], b: NDArray[Any]) -> tuple[float, float]:
    """(statistic, p); categories that are rare in either sample count as one."""
    values, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
    counts = np.stack([np.bincount(part, minlength=len(values)) for part in np.split(codes.ravel(), [len(a)])])
    share = np.array([[len(a)], [len(b)]]) / (len(a) + len(b))
    rare = (share * counts.sum(axis=0)).min(axis=0) < _LEAST_EXPECTED
    if rare.sum() > 1:
        counts = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)])
    expected = share * counts.sum(axis=0)
    statistic = float(((counts - expected) ** 2 / expected).sum())
    return statistic, chi2_sf(statistic, counts.shape[1] - 1)


def chi2_test(X_ref: Any, X_new: Any, *, alpha: float = 0.05, correction: Correction = "bonferroni") -> ShiftTest:
    """Pearson's chi-squared test of each column of categories: Σ (observed − expected)² / expected.

    X_ref, X_new: (n, d) and (m, d), or (n,) and (m,): words or numbers, each value a category. Categories of which
    fewer than 5 are expected in a sample are counted together. alpha, correction: as ks_test.

    >>> found = densekit.shift.chi2_test(["a"] * 50 + ["b"] * 50, ["a"] * 30 + ["b"] * 70)
    >>> found.statistic.round(4), found.p_value.round(4)
    (array([8.3333]), array([0.0039]))
    """
    op = "chi2_test"
    alpha = level(op, alpha)
    one_of(op, "correction", correction, CORRECTIONS)
    ref, new = _categories(op, "X_ref", X_ref), _categories(op, "X_new", X_new)
    new = same_columns(op, X_ref, X_new, ref, new)
    found = [_chi2(a, b) for a, b in zip(ref.T, new.T, strict=True)]
    names = column_names(X_ref, ref.shape[1])
    return finished("chi-squared", names, [s for s, _ in found], [p for _, p in found], alpha, correction)
