"""A function with its gradient at a point, from a model and its data or from a function of one's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from densekit import _evaluation as evaluation
from densekit import _network as network
from densekit._checks import function, given, short
from densekit._intake import as_array
from densekit._stack import Stack

Array: TypeAlias = NDArray[Any]


@dataclass
class Objective:
    """value(w) and gradient(w) around `point`, a vector; `place(i)` names its element i. Calls are counted."""

    point: Array
    both: Callable[[Array], tuple[Any, Array]]
    value_alone: Callable[[Array], Any]
    place: Callable[[int], str]
    real: bool = False  # whether it takes real numbers only
    values: int = 0
    gradients: int = 0

    def value(self, w: Array) -> Any:
        self.values += 1
        return self.value_alone(w)

    def gradient(self, w: Array) -> tuple[float, Array]:
        self.gradients += 1
        value, gradient = self.both(w)
        return float(value), gradient

    def hessian_times(self, v: Array) -> Array:
        """The Hessian at `point` times v, by central differences of gradients; relative error about 1e-10."""
        length = float(np.linalg.norm(v))
        if length == 0:
            return np.zeros_like(v)
        # The cube root of eps balances truncation, which falls with h², and rounding, which grows with 1 / h.
        h = np.cbrt(np.finfo(self.point.dtype).eps) * max(1.0, float(np.linalg.norm(self.point))) / length
        up, down = self.gradient(self.point + h * v)[1], self.gradient(self.point - h * v)[1]
        product: Array = (up - down) / (2 * h)
        return product


def objective(op: str, fn: Any, at: tuple[Any, ...], gradient: Any = None, training: bool = True) -> Objective:
    """at: (X, y) or (X, y, sample_weight) for a model, (w,) for a function."""
    if isinstance(fn, Stack):
        if len(at) not in (2, 3):
            raise TypeError(f"{op}: a model needs its data: {op}(model, X, y)")
        return of_model(op, fn, *at, training=training)
    if not callable(fn):
        raise TypeError(f"{op}: expected a model or a function of w, got {short(fn)}")
    if len(at) != 1:
        raise TypeError(f"{op}: a function needs the point: {op}(fn, w)")
    return _of_function(op, fn, at[0], gradient)


def _of_function(op: str, fn: Callable[[Array], Any], w: Any, gradient: Any) -> Objective:
    start = as_array(op, "w", w)
    start = start if start.dtype in (np.float32, np.float64) else start.astype(np.float64)
    if not start.size:
        raise ValueError(f"{op}: w is {start.shape}: it has no elements")
    if gradient is not None:
        function(op, "gradient", gradient, "a function of w")
    shape = start.shape

    def value(flat: Array) -> Any:
        result = fn(flat.reshape(shape))
        return _one_number(op, result if gradient is not None else _pair(op, result)[0])

    def both(flat: Array) -> tuple[Any, Array]:
        array = flat.reshape(shape)
        found = (fn(array), gradient(array)) if gradient is not None else _pair(op, fn(array))
        slope = np.asarray(as_array(op, "the gradient of fn", found[1]), flat.dtype)
        if slope.shape != shape:
            raise ValueError(f"{op}: w is {shape} but its gradient is {slope.shape}")
        return _one_number(op, found[0]), slope.reshape(-1).copy()  # it may be a buffer that the next call overwrites

    def place(i: int) -> str:
        return f"w[{', '.join(map(str, np.unravel_index(i, shape)))}]" if shape else "w"

    return Objective(start.reshape(-1).copy(), both, value, place)


def _pair(op: str, found: Any) -> tuple[Any, Any]:
    if not isinstance(found, tuple) or len(found) != 2:
        raise TypeError(f"{op}: fn(w) must return (value, gradient), or give gradient=; it returned {given(found)}")
    return found


def _one_number(op: str, value: Any) -> Any:
    """The value of a function: a number, complex where w is."""
    array = value if isinstance(value, complex | np.complexfloating) else as_array(op, "the value of fn", value)
    if np.ndim(array):
        raise ValueError(f"{op}: the value of fn is {np.shape(array)}, expected one number")
    return np.asarray(array)[()]


def twin(model: Any) -> Any:
    """A copy of the model with the same weights, in float64."""
    copy = model.clone(weights=True)
    copy._ready()
    copy.dtype = np.dtype(np.float64)
    copy._changed()
    return copy


def of_model(op: str, model: Any, X: Any, y: Any, sample_weight: Any = None, *, training: bool = True) -> Objective:
    """The model's loss and penalties over these rows, of a float64 copy; dropout keeps the mask of the next update."""
    evaluation.rows(model, op, X, y, sample_weight)  # errors speak of the model itself
    copy = twin(model)
    rows = evaluation.rows(copy, op, X, y, sample_weight)
    if any(p["l1"] and p["proximal"] for p in network.penalties(copy._spec["layers"])):
        raise ValueError(f"{op}: the proximal L1 has no gradient; write L1(…, mode='subgradient') or leave it out")
    engine, x = copy._ready(), np.ascontiguousarray(rows.x, np.float64)
    point = evaluation.trainable(copy)
    if not point.size:
        raise ValueError(f"{op}: the model has no trainable parameters")

    def value(w: Array) -> float:
        evaluation.set_trainable(copy, w)
        return float(sum(engine.loss(x, rows.y, rows.weights, training)))

    def both(w: Array) -> tuple[float, Array]:
        evaluation.set_trainable(copy, w)
        loss, penalty = engine.gradient(x, rows.y, rows.weights, training)
        return loss + penalty, evaluation.joined_gradient(copy)

    return Objective(point, both, value, _places(engine), real=True)


def _places(engine: Any) -> Callable[[int], str]:
    segments = [s for s in engine.segments if s["kind"] == "parameter" and s["trainable"]]
    ends = np.cumsum([int(np.prod(s["shape"])) for s in segments])

    def place(i: int) -> str:
        at = int(np.searchsorted(ends, i, "right"))
        s = segments[at]
        inside = i - (int(ends[at - 1]) if at else 0)
        return f"{s['layer']}.{s['name']}[{', '.join(map(str, np.unravel_index(inside, tuple(s['shape']))))}]"

    return place
