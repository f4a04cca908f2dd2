"""Minkowski distances between the rows of two matrices."""

from typing import Any

import numpy as np

from densekit._arrays import Out
from densekit.reference._twin import Array, twin


@twin("x", "y")
def distances(x: Array, y: Array, *, metric: str = "l2", p: Any = None, precise: bool = False, out: Out = None) -> Any:
    gaps = np.abs(x[:, None, :] - y[None, :, :])
    if metric == "linf" or p == np.inf:
        return gaps.max(axis=2, initial=0)
    power = {"l1": 1, "l2": 2, "lp": p}[metric]
    return (gaps**power).sum(axis=2) ** (1 / power)


__all__ = ["distances"]
