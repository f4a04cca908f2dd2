"""Scaling of data by column."""

from typing import Any

import numpy as np

from densekit._arrays import Out
from densekit.reference._twin import Array, twin


def _along(values: Any, axis: Any) -> Any:
    return np.expand_dims(np.asarray(values, np.float64), axis)


@twin("x", outputs=("y", "mean", "std"), float64=("mean", "std"))
def standardize(
    x: Array, mean: Any = None, std: Any = None, *, axis: int = 0, return_statistics: bool = False, out: Out = None
) -> Any:
    if mean is None:
        mean, std = x.mean(axis=axis), x.std(axis=axis)
        # The mean of equal values may be off by a rounding, and their deviation by as much: it is 0.
        std = np.where((x == np.take(x, [0], axis)).all(axis=axis), 0.0, std)
        mean = np.where(std == 0, np.take(x, 0, axis), mean)
    mean, std = np.asarray(mean, np.float64), np.asarray(std, np.float64)
    y = (x - _along(mean, axis)) / np.where(_along(std, axis) == 0, 1.0, _along(std, axis))
    return (y, mean, std) if return_statistics else y


@twin("x", outputs=("y", "low", "high"), float64=("low", "high"))
def min_max_scale(
    x: Array,
    low: Any = None,
    high: Any = None,
    *,
    feature_range: Any = (0.0, 1.0),
    clip: bool = False,
    axis: int = 0,
    return_statistics: bool = False,
    out: Out = None,
) -> Any:
    if low is None:
        low, high = x.min(axis=axis), x.max(axis=axis)
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    a, b = feature_range
    width = np.where(high == low, 1.0, high - low)
    y = (x - _along(low, axis)) / _along(width, axis) * (b - a) + a
    y = np.clip(y, a, b) if clip else y
    return (y, low, high) if return_statistics else y


__all__ = ["min_max_scale", "standardize"]
