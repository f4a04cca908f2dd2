"""What people pass as X, y and weights, made into what an engine takes; errors that say what to write instead."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from densekit import _core
from densekit._arrays import weights as checked_weights
from densekit._checks import short
from densekit._frames import labels
from densekit._intake import as_array
from densekit._layer import Shape
from densekit.losses import CategoricalCrossentropy, Loss

Array: TypeAlias = NDArray[Any]
Weights: TypeAlias = NDArray[np.float64] | None

_ROWS_AT_ONCE = 4096  # when a check needs an array of its own


def rows_of_shape(op: str, name: str, value: Any, shape: Shape | None) -> Array:
    """(n, *shape) numbers of any real type; shape None: of any, then an array of more than two axes is taken too."""
    if shape is not None and len(shape) == 1:
        return matrix(op, name, value, shape[0])
    array = as_array(op, name, value)
    if shape is None:
        if array.ndim <= 2:
            return matrix(op, name, array)
        if 0 in array.shape[1:]:
            raise ValueError(f"{op}: {name} is {array.shape}: its rows are empty")
        return array
    if array.shape[1:] != shape:
        raise ValueError(
            f"{op}: {name} is {array.shape}, expected (rows, {', '.join(map(str, shape))}){_cure(name, array, shape)}"
        )
    return array


def _cure(name: str, array: Array, shape: Shape) -> str:
    """What to write for an array that is not (n, *shape)."""
    if array.ndim == len(shape) + 1 and array.shape[1:] == (shape[-1], *shape[:-1]):
        axes = ", ".join(map(str, (0, *range(2, array.ndim), 1)))
        return f": channels last; write {name}.transpose({axes})"
    if array.shape == shape:
        return f"; one row is {name}[None]"
    if array.ndim and len(array) and array.size == len(array) * math.prod(shape):
        return f"; write {name}.reshape(-1, {', '.join(map(str, shape))})"
    return ""


def flat(array: Array) -> Array:
    """Rows as (n, numbers of a row): a view where the memory allows it."""
    return array if array.ndim == 2 else array.reshape(len(array), math.prod(array.shape[1:]))


def matrix(op: str, name: str, value: Any, width: int | None = None) -> Array:
    """(n, width) numbers of any real type."""
    array = as_array(op, name, value)
    if array.ndim == 1:
        row = f"one row is {name}.reshape(1, -1), one column {name}.reshape(-1, 1)"
        raise ValueError(f"{op}: {name} is {array.shape}, expected (rows, {width or 'columns'}); {row}")
    if array.ndim != 2:
        hint = f"; flatten the rows with {name}.reshape(len({name}), -1)" if array.ndim > 2 else ""
        raise ValueError(f"{op}: {name} is {array.shape}, expected (rows, {width or 'columns'}){hint}")
    if width is not None and array.shape[1] != width:
        raise ValueError(f"{op}: {name} is {array.shape} but the model takes {width} columns")
    if array.shape[1] == 0:
        raise ValueError(f"{op}: {name} is {array.shape}: it has no columns")
    return array


def engine_rows(array: Array, dtype: Any) -> Array:
    """The array itself if an engine gathers its rows (float32, float64, uint8; any strides), else a copy in `dtype`."""
    return array if array.dtype in (np.float32, np.float64, np.uint8) else array.astype(dtype)


def require_finite(op: str, name: str, array: Array, columns: Sequence[Any] | None = None) -> None:
    """ValueError that names the first NaN or infinity; one pass, without a copy, where all is well.

    columns: their names, for the message.
    """
    if array.dtype.kind != "f" or array.size == 0:
        return
    with np.errstate(over="ignore", invalid="ignore"):
        if array.flags.forc and array.dtype in (np.float32, np.float64):  # five times as fast as NumPy's sum in float64
            total = _core.sum_of_squares(array.reshape(-1, order="A"), 1.0)
        else:
            total = array.sum(dtype=np.float64)
        if np.isfinite(total):
            return
    for start in range(0, len(array), _ROWS_AT_ONCE):
        bad = ~np.isfinite(array[start : start + _ROWS_AT_ONCE])
        if bad.any():
            at = np.argwhere(bad)[0]
            at[0] += start
            place = ", ".join(map(str, at.tolist()))
            named = f" (column {columns[at[1]]!r})" if columns is not None and len(at) == 2 else ""
            cure = (
                "a target that is missing or infinite cannot be learned: drop its row"
                if name == "y"
                else ("fill such values or drop their rows")
            )
            raise ValueError(f"{op}: {name}[{place}]{named} is {array[tuple(at)]}; {cure}")


def targets(op: str, y: Any, rows: int, loss: Loss, shape: Shape, dtype: Any, name: str = "y") -> Array:
    """Targets as the loss wants them in an engine, labels int64 (n,) or (n, m) of `dtype`.

    shape: of what the network puts out for a row.
    """
    names = labels(y)
    y = as_array(op, name, y)
    if y.ndim == 0 or len(y) != rows:
        raise ValueError(f"{op}: X has {rows} rows but {name} is {y.shape}")
    outputs = math.prod(shape)
    if len(shape) > 1 and y.shape[1:] != shape:
        raise ValueError(
            f"{op}: {name} is {y.shape}, but the network puts out rows of shape {shape}; for one row of scores put a "
            "Flatten() before the last layer"
        )
    require_finite(op, name, y, names)
    y = flat(y) if len(shape) > 1 else y
    try:
        converted: Array = loss.targets(y, outputs, dtype)
    except ValueError as error:
        raise ValueError(f"{op}: {error}{_advice(y, loss, outputs)}") from None
    if loss.kind == "softmax_cross_entropy" and converted.ndim == 2:
        _require_one_class(op, name, converted)
    return converted


def _advice(y: Array, loss: Loss, outputs: int) -> str:
    """What to write instead of targets that the loss refused."""
    whole = y.dtype.kind in "iub" or bool((y == np.floor(y)).all())
    flat = y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1)
    low, high = (y.min(), y.max()) if y.size else (0, 0)
    if loss.takes_labels:
        if not flat:
            one_hot = y.ndim == 2 and y.shape[1] == outputs
            return "; rows of probabilities take loss='categorical_crossentropy'" if one_hot else ""
        if isinstance(loss, CategoricalCrossentropy):
            return ": loss='sparse_categorical_crossentropy'"
        if not whole or loss.__dict__.get("ignore_index") is not None:
            return ""
        if low >= 1 and high == outputs:
            return f"; labels count from 0: write y - {low:g}"
        if low < 0:
            return "; number the classes with np.unique(y, return_inverse=True)[1]"
        return f"; the last layer has {outputs} unit(s), and {high:g} is the label of class {high + 1:g}"
    if loss.kind == "binary_cross_entropy" and flat and whole and high > 1:
        return (
            f"; labels of several classes take Dense({high + 1:g}, 'softmax') and "
            "loss='sparse_categorical_crossentropy'"
        )
    if loss.kind == "binary_cross_entropy" and flat and outputs == 1 and low == -1 and high == 1:
        return "; write (y + 1) / 2"
    columns = 1 if y.ndim == 1 else y.shape[1]
    if y.ndim <= 2 and loss.outputs_for(columns) != outputs:
        return f"; for these targets the last layer has {loss.outputs_for(columns)} unit(s)"
    return ""


def _require_one_class(op: str, name: str, y: Array) -> None:
    off = np.abs(y.sum(axis=1, dtype=np.float64) - 1) > 1e-3
    if off.any():
        at = int(off.argmax())
        raise ValueError(
            f"{op}: row {at} of {name} sums to {y[at].sum():g}, expected 1; several classes at once take "
            f"Dense({y.shape[1]}, 'sigmoid') and loss='binary_crossentropy'"
        )


def row_weights(
    op: str, sample_weight: Any, class_weight: Any, y: Array, shape: Shape, *, zeros: bool = False
) -> Weights:
    """Weights of the rows as float64: the sample weight times that of the row's class; not all zero unless `zeros`.

    shape: of what the network puts out for a row.
    """
    weight = checked_weights(op, "sample_weight", sample_weight, len(y), zeros=zeros)
    if class_weight is not None and len(shape) > 1:
        raise ValueError(
            f"{op}: class_weight is for rows of one class, but the network puts out rows of shape {shape}; a loss "
            "takes one weight a row: give sample_weight"
        )
    by_class = _class_weights(op, class_weight, y, shape[-1])
    if by_class is None:
        return weight
    return by_class if weight is None else weight * by_class


def _class_weights(op: str, class_weight: Any, y: Array, outputs: int) -> Weights:
    """The weight that class_weight gives each row.

    Labels (n,), a column of 0 and 1, and one-hot rows name the class of each row. Columns of 0 and 1 of which a row may
    have several or none have a weight for each label of each column: that of the row if its columns agree.
    """
    if class_weight is None:
        return None
    if y.ndim == 1:
        return _weights_of_labels(op, class_weight, y, outputs)
    on, columns = _binary(op, y, outputs), y.shape[1]
    if isinstance(class_weight, list | tuple | np.ndarray) and any(
        one is None or isinstance(one, str | Mapping) or np.ndim(one) for one in class_weight
    ):
        if len(class_weight) != columns:
            raise ValueError(f"{op}: class_weight has {len(class_weight)} columns, but y has {columns}")
        return _weights_of_columns(op, list(class_weight), on)
    if columns == 1:
        return _weights_of_labels(op, class_weight, on[:, 0].astype(np.int64), 2)
    ones = on.sum(axis=1)
    if (ones == 1).all():
        return _weights_of_labels(op, class_weight, on.argmax(axis=1), columns)
    if isinstance(class_weight, str):
        return _weights_of_columns(op, [class_weight] * columns, on)
    at = int((ones != 1).argmax())
    raise ValueError(
        f"{op}: row {at} of y has {ones[at]} ones in {columns} columns, so it is of no single class, and class_weight="
        f"{short(class_weight)} does not say for which column it is; give a list with {{0: weight, 1: weight}} for "
        f"each of the {columns} columns, or sample_weight"
    )


def _binary(op: str, y: Array, outputs: int) -> Array:
    """Which elements of targets (n, columns) are 1; ValueError if they are no labels 0 and 1 (or -1 and 1)."""
    for low in (0, -1):  # hinge losses take -1 and 1
        if ((y == low) | (y == 1)).all() and (y.shape[1] > 1 or outputs == 1):
            return np.asarray(y == 1)
    place = np.argwhere((y != 0) & (y != 1))
    value = f" (y[{', '.join(map(str, place[0].tolist()))}] is {y[tuple(place[0])]:g})" if len(place) else ""
    raise ValueError(f"{op}: class_weight needs classes, but y are numbers; use sample_weight{value}")


def _weights_of_columns(op: str, tables: list[Any], on: Array) -> Weights:
    """tables: for each column what class_weight is for one, or None."""
    each = np.ones(on.shape)
    for j, table in enumerate(tables):
        if table is not None:
            each[:, j] = _weights_of_labels(op, table, on[:, j].astype(np.int64), 2)
    differs = each != each[:, :1]
    if differs.any():
        row, column = np.argwhere(differs)[0]
        raise ValueError(
            f"{op}: class_weight gives the columns of row {row} different weights, {each[row, 0]:g} for column 0 and "
            f"{each[row, column]:g} for column {column}; a loss takes one weight a row: give sample_weight, or train a "
            "network for each column"
        )
    return each[:, 0].copy()


def _weights_of_labels(op: str, class_weight: Any, labels: Array, classes: int) -> NDArray[np.float64]:
    table = np.ones(classes)
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(f"{op}: class_weight must be 'balanced', a dict or an array, got {short(class_weight)}")
        counts = np.bincount(labels[labels >= 0], minlength=classes)
        present = counts > 0
        table[present] = counts.sum() / (present.sum() * counts[present])  # scikit-learn's definition
    elif isinstance(class_weight, Mapping):
        for label, value in class_weight.items():
            if not isinstance(label, int | np.integer) or not 0 <= label < classes:
                raise ValueError(f"{op}: class_weight has {label!r}, but classes are numbered from 0 to {classes - 1}")
            table[label] = value
        checked_weights(op, "class_weight", table, classes)
    else:
        table = np.asarray(checked_weights(op, "class_weight", class_weight, classes))
    # The label that the loss ignores may be any number; its rows weigh nothing anyway.
    return np.asarray(table[np.clip(labels, 0, classes - 1)])


def split_rows(op: str, fraction: float, rows: int) -> int:
    """How many rows to train on when the last `fraction` of them is kept for validation, as Keras counts."""
    kept = int(np.floor(rows * (1 - fraction)))
    if not 0 < kept < rows:
        raise ValueError(
            f"{op}: validation_split={fraction:g} of {rows} row(s) leaves {kept} to train on and {rows - kept} to "
            "validate with"
        )
    return kept


def batches(rows: int, batch_size: int, drop_last: bool, joins: bool) -> list[tuple[int, int]]:
    """First and last row (exclusive) of each batch of an epoch.

    joins: the network has a batch norm, so that a last batch of one row joins its predecessor.
    """
    cuts = [*range(0, rows, batch_size), rows]
    if drop_last and rows % batch_size:
        del cuts[-1]
    elif joins and rows % batch_size == 1 and len(cuts) > 2:
        del cuts[-2]
    return list(itertools.pairwise(cuts))


@dataclass(frozen=True)
class Rows:
    """X, targets and weights as an engine takes them."""

    x: Array
    y: Array
    weights: Weights

    def __getitem__(self, part: slice) -> Rows:
        return Rows(self.x[part], self.y[part], None if self.weights is None else self.weights[part])
