"""What layers of Normalization know of the data: mean and variance of the columns that come to them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from densekit import _core
from densekit import _data as data
from densekit._layer import Layer, walk

if TYPE_CHECKING:
    from densekit.layers import Normalization
    from densekit.model import Sequential

Array = NDArray[Any]

ROWS_AT_ONCE = 8192


def column_moments(x: Array, through: Callable[[Array], Array] | None = None) -> tuple[Array, Array]:
    """Mean and variance (divided by n) of each column of x (n, *shape), n > 0, in float64: those of the last axis.

    through: what happens to the rows before. Chunks of rows are joined by the formula of Chan, Golub and LeVeque, 1983;
    within one the kernel does the same with blocks of 64 rows. Everything is taken about the first row, so that a
    spread which is small beside the values keeps its digits; a column of one value has exactly that mean, and 0.
    """
    count, pivot, mean, square = 0, np.zeros(0), np.zeros(0), np.zeros(0)
    for start in range(0, len(x), ROWS_AT_ONCE):
        part = x[start : start + ROWS_AT_ONCE]
        part = np.array(part if through is None else through(part), np.float64, order="C")
        part = part.reshape(-1, part.shape[-1])
        if count == 0:
            pivot = part[0].copy()
        part -= pivot
        moments = np.empty((2, part.shape[1]))
        _core.channel_moments(part.reshape(*part.shape, 1), moments)
        if count == 0:
            count, mean, square = len(part), moments[0], moments[1]
            continue
        total, delta = count + len(part), moments[0] - mean
        mean += delta * (len(part) / total)
        square += moments[1] + delta**2 * (count * len(part) / total)
        count = total
    return pivot + mean, square / count


def known_rows(op: str, X: Any, names: Sequence[Any] | None) -> Array:
    """X as (n, *shape) numbers, finite and n > 0. names: of the columns, for messages."""
    x = data.rows_of_shape(op, "X", X, None)
    if len(x) == 0:
        raise ValueError(f"{op}: X is {x.shape}: it has no rows")
    data.require_finite(op, "X", x, names)
    return x


def adapt(model: Sequential, op: str, x: Array, *, again: bool) -> None:
    """Gives the model's layers of Normalization the statistics of x; again: also those that have some.

    A layer sees what the layers before it make of x; they must be fixed.
    """
    from densekit.layers import Normalization

    rows = x.reshape(len(x), *(model.input_shape or ()))
    waiting = [one for one in walk(model.layers) if isinstance(one, Normalization) and (again or not one.adapted)]
    for layer in waiting:
        before = _before(model, op, layer)
        moments = column_moments(rows, _passed_through(model, before) if before else None)
        views = layer.weights
        with model._moment:
            for name, value in zip(("mean", "variance"), moments, strict=True):
                views[name][...] = value


def _before(model: Sequential, op: str, layer: Normalization) -> list[Layer]:
    """The layers before this one; ValueError if its input is not known before the training."""
    cure = f"give {layer.name} mean= and variance=, or put it first; BatchNorm follows what changes"
    if layer not in model.layers:
        raise ValueError(f"{op}: {layer.name} is inside a block, whose input is not that of the model; {cure}")
    before = list(model.layers[: model.layers.index(layer)])
    for one in before:
        if not one.fixed:
            raise ValueError(f"{op}: {layer.name} comes after {one.name}, whose outputs change in training; {cure}")
    return before


def _passed_through(model: Sequential, before: list[Layer]) -> Callable[[Array], Array]:
    """What these layers make of rows: a model of copies of them, with their statistics."""
    from densekit.layers import Input
    from densekit.model import Sequential

    copies = copy.deepcopy(before)
    shape = model.input_shape or ()
    part = Sequential([Input(shape), *copies], seed=0, dtype=model.dtype, engine=model._engine_name)  # type: ignore[arg-type]
    part.build(shape)
    for name, view in part.weights.items():
        view[...] = model.weights[name]
    return part.predict
