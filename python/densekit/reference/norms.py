"""Norms of vectors and matrices."""

from typing import Any

import numpy as np

from densekit._arrays import Out
from densekit.reference._twin import Array, twin


def _norm(x: Any, p: Any, axis: Any) -> Any:
    a = np.abs(x)
    if p == np.inf:
        return a.max(axis=axis, initial=0)
    if p == -np.inf:
        return a.min(axis=axis)
    if p == 0:
        return np.count_nonzero(a, axis=axis) * 1.0
    # The largest is taken out first, so that no power leaves the range; for small p its power of two, which is exact.
    largest = a.max(axis=axis, initial=0, keepdims=True) if p > 0 else a.min(axis=axis, initial=np.inf, keepdims=True)
    usual = (largest > 0) & np.isfinite(largest)
    scale = np.where(usual, largest, 1.0)
    scale = np.ldexp(1.0, np.frexp(scale)[1] - 1) if abs(p) <= 64 else scale
    return scale.squeeze(axis) * ((a / scale) ** p).sum(axis=axis) ** (1 / p)


@twin("x")
def vector_norm(x: Array, p: float = 2, *, axis: Any = None, out: Out = None) -> Any:
    return float(_norm(x, p, None)) if axis is None else _norm(x, p, axis)


@twin("a")
def matrix_norm(a: Array, p: Any = "fro") -> Any:
    if p == "fro":
        return float(np.sqrt((a * a).sum()))
    if p in ("nuc", 2, -2):
        s = np.linalg.svd(a, compute_uv=False)
        return float(s.sum() if p == "nuc" else s.max(initial=0) if p == 2 else s.min())
    sums = np.abs(a).sum(axis=0 if abs(p) == 1 else 1)
    return float(sums.max(initial=0) if p > 0 else sums.min())


__all__ = ["matrix_norm", "vector_norm"]
