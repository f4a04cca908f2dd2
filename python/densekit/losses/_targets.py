"""Targets as the engine takes them, checked once for the whole set: labels as int64 (n,), numbers as floats (n, m)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit._arrays import _as_array
from densekit.functional.losses import require_range


def elements(
    name: str,
    target: ArrayLike,
    columns: int,
    dtype: Any,
    low: float = -np.inf,
    high: float = np.inf,
    expected: str = "a number",
) -> NDArray[Any]:
    """Numbers (n, columns) in [low, high]; (n,) will do where there is one column."""
    array = _as_array(name, "target", target)
    if array.ndim == 1 and columns == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[1] != columns:
        or_flat = " or (n,)" if columns == 1 else ""
        raise ValueError(f"{name}: targets are {np.shape(target)}, expected (n, {columns}){or_flat}")
    require_range(name, "target", array, low, high, expected, nan=low == -np.inf and high == np.inf)
    return np.ascontiguousarray(array, dtype)


def class_labels(name: str, target: ArrayLike, classes: int, ignore_index: int | None) -> NDArray[np.int64]:
    """Labels (n,) from 0 to classes - 1 or ignore_index; (n, 1) and floats without a fraction will do."""
    array = _as_array(name, "target", target)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ValueError(f"{name}: targets are {array.shape}, expected labels (n,) from 0 to {classes - 1}")
    if array.dtype.kind == "f":
        fraction = array != np.floor(array)  # true for NaN
        if fraction.any() or (np.abs(array) > 2**53).any():
            at = int(np.argmax(fraction | (np.abs(array) > 2**53)))
            raise ValueError(f"{name}: target[{at}] is {array[at]}, expected a label from 0 to {classes - 1}")
    wrong = (array < 0) | (array >= classes)
    if ignore_index is not None:
        wrong &= array != ignore_index
    if wrong.any():
        at = int(wrong.argmax())
        ignored = "" if ignore_index is None else f" or {ignore_index}, which is ignored"
        raise ValueError(f"{name}: target[{at}] is {array[at]}, expected a label from 0 to {classes - 1}{ignored}")
    return np.ascontiguousarray(array, np.int64)


def class_rows(name: str, target: ArrayLike, classes: int, dtype: Any, ignore_index: int | None) -> NDArray[Any]:
    """Probabilities (n, classes), or labels."""
    array = _as_array(name, "target", target)
    if array.ndim == 2 and array.shape[1] == classes:
        return elements(name, array, classes, dtype, 0, 1, "a probability from 0 to 1")
    if array.ndim == 2 and array.shape[1] != 1:
        raise ValueError(
            f"{name}: targets are {array.shape}, expected labels (n,) from 0 to {classes - 1} "
            f"or probabilities (n, {classes})"
        )
    return class_labels(name, array, classes, ignore_index)


def plus_minus_one(name: str, target: ArrayLike, columns: int, dtype: Any) -> NDArray[Any]:
    """-1 and 1 (n, columns); 0 and 1 are read as -1 and 1."""
    array = elements(name, target, columns, dtype)
    if ((array == 0) | (array == 1)).all():
        return 2 * array - 1
    bad = np.abs(array) != 1
    if bad.any():
        row, column = np.unravel_index(int(bad.argmax()), bad.shape)
        raise ValueError(f"{name}: target[{row}, {column}] is {array[row, column]}, expected -1 or 1")
    return array
