"""What metrics are given, made comparable: classes from probabilities, columns of numbers, weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit._arrays import _as_array, sample_weights

Weights = NDArray[np.float64]


def weights_of(name: str, sample_weight: ArrayLike | None, rows: int) -> Weights:
    """The weights of the rows, 1 each if none are given."""
    checked = sample_weights(name, sample_weight, rows)
    return np.ones(rows) if checked is None else checked


def mean(values: NDArray[Any], weights: Weights) -> float:
    """The weighted mean of one number a row."""
    return float((values * weights).sum() / weights.sum())


def bins(places: NDArray[Any], weights: Weights, count: int = 0) -> Weights:
    """The sum of the weights at each place."""
    return np.bincount(places, weights, count).astype(np.float64)


def arrays(name: str, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both as arrays with as many rows, (n, 1) as (n,)."""
    true, pred = _as_array(name, "y_true", y_true), _as_array(name, "y_pred", y_pred)
    if not true.ndim or not pred.ndim or len(true) != len(pred):
        raise ValueError(f"{name}: y_true is {true.shape} but y_pred is {pred.shape}")
    if not len(true):
        raise ValueError(f"{name}: there are no rows")
    return tuple(a[:, 0] if a.ndim == 2 and a.shape[1] == 1 else a for a in (true, pred))  # type: ignore[return-value]


def columns(name: str, y_true: ArrayLike, y_pred: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both as float64 of one shape (n, m)."""
    true, pred = arrays(name, y_true, y_pred)
    if true.shape != pred.shape:
        raise ValueError(f"{name}: y_true is {np.shape(y_true)} but y_pred is {np.shape(y_pred)}")
    rows = len(true)
    return tuple(np.asarray(a, np.float64).reshape(rows, -1) for a in (true, pred))  # type: ignore[return-value]


def yes(array: NDArray[Any], threshold: float = 0.5) -> NDArray[np.bool_]:
    """Which are yes: labels 1 (of 0 and 1, or of -1 and 1), or numbers above the threshold."""
    result: NDArray[np.bool_] = array if array.dtype.kind == "b" else array > threshold
    return result


def labels(
    name: str, y_true: ArrayLike, y_pred: ArrayLike, threshold: float = 0.5
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Classes (n,) of both, by their shapes.

    y_pred (n, classes): the place of the largest. (n,) or (n, 1) of floats: 1 above the threshold, else 0. (n,) of
    integers: labels as they are. y_true: labels (n,), or rows (n, classes), of which the largest counts.
    """
    true, pred = arrays(name, y_true, y_pred)
    if pred.ndim == 2:
        classes = pred.shape[1]
        if true.ndim == 2 and true.shape != pred.shape:
            raise ValueError(f"{name}: y_true is {true.shape} but y_pred is {pred.shape}")
        return (true.argmax(axis=1) if true.ndim == 2 else whole_labels(name, true, classes)), pred.argmax(axis=1)
    if pred.ndim != 1 or true.ndim != 1:
        raise ValueError(f"{name}: y_true is {np.shape(y_true)} but y_pred is {np.shape(y_pred)}")
    if pred.dtype.kind in "iu":
        return whole_labels(name, true), pred.astype(np.int64)
    return yes(true).astype(np.int64), yes(pred, threshold).astype(np.int64)


def whole_labels(
    name: str, array: NDArray[Any], classes: int | None = None, called: str = "y_true"
) -> NDArray[np.int64]:
    """Labels as int64; ValueError for a fraction, or for a label that is not below `classes`."""
    if array.dtype.kind == "f":
        bad = array != np.floor(array)
        if bad.any():
            at = int(bad.argmax())
            raise ValueError(f"{name}: {called}[{at}] is {array[at]}, expected a label")
    found = array.astype(np.int64)
    if classes is not None and found.size and (found.min() < 0 or found.max() >= classes):
        at = int(((found < 0) | (found >= classes)).argmax())
        raise ValueError(f"{name}: {called}[{at}] is {found[at]}, expected a label from 0 to {classes - 1}")
    return found
