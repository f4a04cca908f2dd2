"""What a model is asked: predictions, losses and metrics over many rows, gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from densekit import _columns as columns
from densekit import _data as data
from densekit import _frames
from densekit import _network as network
from densekit._arrays import flag, one_of, real, whole
from densekit._checks import network as checked_network
from densekit._checks import short
from densekit._columns import features
from densekit._data import Array, Rows, Weights
from densekit._intake import as_array
from densekit._layer import Layer, Shape, walk
from densekit._scores import PARTS, Scores

if TYPE_CHECKING:
    from densekit.model import Sequential

# Rows at a time: enough to keep all threads busy, few enough that memory does not grow with the data.
ROWS_AT_ONCE = 2048
_TRAINING = ("fit", "train_on_batch", "loss_and_gradients", "evaluate_objective")  # they fix the names of columns


def rows_at_once(op: str, batch_size: int | None) -> int:
    return ROWS_AT_ONCE if batch_size is None else whole(op, "batch_size", batch_size, low=1)


def _in_batches(forward: Callable[[Array], Array], x: Array, width: int, dtype: Any, size: int) -> Array:
    y = np.empty((len(x), width), dtype)
    for start in range(0, len(x), size):
        y[start : start + size] = forward(np.ascontiguousarray(x[start : start + size], dtype))
    return y


def inputs(model: Sequential, op: str, X: Any) -> tuple[Array, Any]:
    """X as (n, numbers of a row), and the engine, made now if X is the first data that the model sees."""
    new = not checked_network(op, model).built
    x = features(model, op, "X", X)
    engine = model._ready(x.shape[1:])
    if new:
        columns.remember(model, op, "X", X)
    return data.flat(x), engine


def shaped(rows: Array, shape: Shape | None) -> Array:
    """Rows of an engine, (n, numbers of a row), with the axes of a row."""
    return rows if shape is None or len(shape) == 1 else rows.reshape(len(rows), *shape)


def predict(model: Sequential, X: Any, batch_size: int | None) -> Array:
    size = rows_at_once("predict", batch_size)
    x, engine = inputs(model, "predict", X)
    y = _in_batches(lambda part: engine.forward(part, False), x, engine.outputs, model.dtype, size)
    return shaped(y, model.output_shape)


def transform(model: Sequential, X: Any, layer: str | Layer | int, batch_size: int | None) -> Array:
    size = rows_at_once("transform", batch_size)
    x, engine = inputs(model, "transform", X)
    found = _hidden_layer(model, layer)
    name, width = str(found.name), math.prod(found.output_shape or ())
    y = _in_batches(lambda part: engine.hidden(part, name, False), x, width, model.dtype, size)
    return shaped(y, found.output_shape)


def _hidden_layer(model: Sequential, layer: str | Layer | int) -> Layer:
    known = list(walk(model.layers))
    if isinstance(layer, Layer):
        if not any(layer is one for one in known):
            raise ValueError(f"transform: {short(layer)} is no layer of this model")
        return layer
    if isinstance(layer, str):
        names = [str(one.name) for one in known]
        return known[names.index(one_of("transform", "layer", layer, names))]
    count = len(model.layers)
    at = whole("transform", "layer", layer, low=-count, high=count - 1)
    return model.layers[at]


def vjp(model: Sequential, X: Any, training: bool) -> tuple[Array, Any]:
    x, engine = inputs(model, "vjp", X)
    training = flag("vjp", "training", training)
    tape = engine.tape(np.ascontiguousarray(x, model.dtype), training, track=training)

    y, shape = shaped(tape.output, model.output_shape), model.input_shape

    def pullback(dy: ArrayLike) -> tuple[Array, dict[str, Array]]:
        array = as_array("pullback", "dy", dy)
        if array.shape != y.shape:
            raise ValueError(f"pullback: dy is {array.shape} but y is {y.shape}")
        dx, flat = tape.pullback(np.ascontiguousarray(array.reshape(tape.output.shape), model.dtype))
        return shaped(dx, shape), by_name(engine, flat)

    return y, pullback


def by_name(engine: Any, flat: Array) -> dict[str, Array]:
    """Views of an array that is laid out as the parameters are."""
    parts = {}
    for s in engine.segments:
        if s["kind"] == "parameter":
            shape = tuple(s["shape"])
            parts[f"{s['layer']}.{s['name']}"] = flat[s["offset"] : s["offset"] + math.prod(shape)].reshape(shape)
    return parts


# Losses.


def require_compiled(model: Sequential, op: str) -> Any:
    """The loss; RuntimeError with what to write if there is none."""
    if model.loss is None:
        raise RuntimeError(f"{op}: compile the model first, e.g. model.compile('adam', loss='mse')")
    return model.loss


def known_rows(model: Sequential, op: str, name: str, X: Any) -> Array:
    """The rows of X, at least one, without NaN and infinity."""
    x = features(model, op, name, X)
    if not len(x):
        raise ValueError(f"{op}: {name} is {x.shape}: it has no rows")
    named = _frames.labels(X)
    data.require_finite(op, name, x, named and (model.feature_names or named))
    return x


def rows_to_learn(model: Sequential, op: str, X: Any) -> Array:
    """The same for what learns from X alone: the model keeps the names of its columns, and is built."""
    x = known_rows(checked_network(op, model), op, "X", X)
    model._ready(x.shape[1:])
    columns.remember(model, op, "X", X)
    return x


def rows(
    model: Sequential, op: str, X: Any, y: Any, sample_weight: Any, class_weight: Any = None, names: str = "X y"
) -> Rows:
    """X, y and the weights as an engine takes them; makes the model's weights if need be."""
    loss = require_compiled(checked_network(op, model), op)
    x_name, y_name = names.split()
    new = not model.built
    x = known_rows(model, op, x_name, X)
    model._ready(x.shape[1:])
    shape = model.output_shape or ()
    targets = data.targets(op, y, len(x), loss, shape, model.dtype, y_name)
    divides = loss.reduction == "mean"  # by the sum of the weights
    weights = data.row_weights(op, sample_weight, class_weight, targets, shape, zeros=not divides)
    columns.warn_of_other_rows(op, X, y)
    if new or op in _TRAINING:
        columns.remember(model, op, x_name, X)
    return Rows(data.engine_rows(data.flat(x), model.dtype), targets, weights)


def batch_weight(loss: Any, y: Array, weights: Weights) -> float:
    """What a batch counts in the mean over batches: its weights, or its rows (but for those ignored by "count")."""
    if loss.reduction == "count":
        return float(loss._rows_that_count(y, len(y)))
    if loss.reduction != "mean":
        return float(len(y))
    weights = np.ones(len(y)) if weights is None else weights
    ignored = getattr(loss, "ignore_index", None)
    if ignored is not None and y.ndim == 1:
        weights = weights * (y != ignored)
    return float(weights.sum())


class _Mean:
    """The loss over all rows as if they were one batch, from the losses of parts."""

    def __init__(self, loss: Any) -> None:
        self.loss, self.root = loss, loss.kind == "rmse"
        self.total = self.weight = self.last = 0.0

    def add(self, value: float, part: Rows) -> None:
        if self.root:
            value = value**2
        self.last = batch_weight(self.loss, part.y, part.weights)
        self.total += value if self.loss.reduction == "sum" else value * self.last
        self.weight += self.last

    @property
    def value(self) -> float:
        mean = self.total if self.loss.reduction == "sum" else self.total / self.weight if self.weight else 0.0
        return float(np.sqrt(mean)) if self.root else mean


def evaluate_rows(model: Sequential, given: Rows, size: int) -> dict[str, float]:
    """loss, data_loss, penalty, and the metrics."""
    engine, dtype = model._ready(), model.dtype
    mean, penalty = _Mean(model.loss), 0.0
    per_weight = model._spec["penalty_per_weight"]
    outputs = np.empty((len(given.x), engine.outputs), dtype) if model.metrics else None
    for start in range(0, len(given.x), size):
        part = given[start : start + size]
        x = np.ascontiguousarray(part.x, dtype)
        into = None if outputs is None else outputs[start : start + size]
        value, penalty = engine.loss(x, part.y, part.weights, False, into)
        mean.add(value, part)
        if per_weight:  # divided by the weights of this part, where those of all rows are meant
            penalty *= mean.last / mean.weight if mean.weight else 0.0
    logs = {"loss": mean.value + penalty, "data_loss": mean.value, "penalty": penalty}
    if outputs is not None:
        logs |= metric_values(model, given.y, outputs)
    return logs


def metric_values(model: Sequential, y: Array, outputs: Array) -> dict[str, float]:
    """Each metric over these rows; rows with the label that the loss ignores are left out."""
    ignored = getattr(model.loss, "ignore_index", None)
    if ignored is not None and y.ndim == 1 and (y == ignored).any():
        y, outputs = y[y != ignored], outputs[y != ignored]
    outputs = shaped(outputs, model.output_shape)
    if outputs.ndim > 2:
        y = y.reshape(outputs.shape)
    return {metric.name: metric(y, outputs) for metric in model.metrics}


def validation_logs(model: Sequential, given: Rows, size: int) -> dict[str, float]:
    """The val_ entries of an epoch's logs: the two parts of the loss only where there are two."""
    logs = evaluate_rows(model, given, size)
    if not any(network.penalties(model._spec["layers"])):
        logs = {name: value for name, value in logs.items() if name not in PARTS}
    return {f"val_{name}": value for name, value in logs.items()}


def evaluate(model: Sequential, X: Any, y: Any, sample_weight: Any, batch_size: int | None) -> Scores:
    size = rows_at_once("evaluate", batch_size)
    return Scores(evaluate_rows(model, rows(model, "evaluate", X, y, sample_weight), size))


# The parameters as one vector, for optimizers from outside.


def _trainable_places(model: Sequential) -> list[slice]:
    segments = model._ready().segments
    return [
        slice(s["offset"], s["offset"] + math.prod(s["shape"]))
        for s in segments
        if s["kind"] == "parameter" and s["trainable"]
    ]


def _joined(flat: Array, places: list[slice]) -> Array:
    return np.concatenate([flat[place] for place in places] or [flat[:0]], dtype=np.float64)


def trainable(model: Sequential) -> Array:
    return _joined(model._ready().parameters, _trainable_places(model))


def set_trainable(model: Sequential, theta: ArrayLike) -> None:
    places = _trainable_places(model)
    vector, size = real("evaluate_objective", "theta", theta), sum(place.stop - place.start for place in places)
    if vector.shape != (size,):
        raise ValueError(f"evaluate_objective: theta is {vector.shape}, but the model has {size} trainable parameters")
    start = 0
    for place in places:
        length = place.stop - place.start
        model._ready().parameters[place] = vector[start : start + length]
        start += length


def joined_gradient(model: Sequential) -> Array:
    """The gradient that the engine found last, as `trainable` orders the parameters."""
    return _joined(model._ready().gradients, _trainable_places(model))


def objective(model: Sequential, theta: ArrayLike, given: Rows, *, track: bool = False) -> tuple[float, Array]:
    """track: the pass is a part of somebody's own loop."""
    engine = model._ready()
    if any(p["l1"] and p["proximal"] for p in network.penalties(model._spec["layers"])):
        raise ValueError(
            "evaluate_objective: the proximal L1 has no gradient; write L1(…, mode='subgradient'), or another optimizer"
        )
    set_trainable(model, theta)
    x = np.ascontiguousarray(given.x, model.dtype)
    value, penalty = engine.gradient(x, given.y, given.weights, True, track)
    return value + penalty, joined_gradient(model)
