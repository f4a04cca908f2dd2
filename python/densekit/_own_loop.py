"""Training without fit: passes in training mode, gradients, updates, and what is pending between them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from densekit import _evaluation as evaluation
from densekit import _learning_rate as learning_rate
from densekit import _network as network
from densekit import optimizers
from densekit._arrays import number, one_of
from densekit._data import Array
from densekit._fit import diverged
from densekit._intake import as_array
from densekit._scores import Scores

if TYPE_CHECKING:
    from densekit.model import Sequential


def note_drawing(model: Sequential) -> None:
    """Called by what people call, after a training pass: a second one without an update drew the same masks again."""
    step = model.step
    if model._drew_at == step and not model._warned_of_drawing and network.draws(model.layers):
        model._warned_of_drawing = True
        warnings.warn(
            "dropout and noise drew the same numbers as in the pass before, because there was no update between the "
            "two; apply_gradients, or commit() after an update by hand, lets them draw anew",
            UserWarning,
            stacklevel=3,
        )
    model._drew_at = step


def loss_and_gradients(
    model: Sequential, X: Any, y: Any, sample_weight: ArrayLike | None
) -> tuple[Scores, dict[str, Array]]:
    op = "loss_and_gradients"
    rows = evaluation.rows(model, op, X, y, sample_weight)
    engine = model._ready()
    outputs = np.empty((len(rows.x), engine.outputs), model.dtype) if model.metrics else None
    x = np.ascontiguousarray(rows.x, model.dtype)
    loss, gradients, where = engine.loss_and_gradients(x, rows.y, rows.weights, outputs)
    if where is not None:
        raise diverged(op, {"layer": where, "step": model.step})
    scores = {"loss": loss}
    if outputs is not None:
        scores |= evaluation.metric_values(model, rows.y, outputs)
    return Scores(scores), evaluation.by_name(engine, gradients)


def apply_gradients(model: Sequential, gradients: Mapping[str, ArrayLike], weight: float | None) -> None:
    op = "apply_gradients"
    evaluation.require_compiled(model, op)
    if isinstance(model.optimizer, optimizers.LBFGS):
        raise TypeError(f"{op}: L-BFGS has no update of its own; use fit, or another optimizer")
    engine = model._ready()
    if not model._spec["penalty_per_weight"]:
        if weight is not None:
            raise ValueError(f"{op}: weight is for penalties that are divided by weights, and this model has none")
    elif weight is None:
        raise ValueError(
            f"{op}: the penalties of this model (compat='sklearn') are divided by the weights of the batch; give "
            "weight=sample_weight.sum(), or weight=len(X) without weights"
        )
    else:
        weight = number(op, "weight", weight, low=0)
    engine.apply_gradients(_flat(op, engine, gradients, model.dtype), learning_rate.next_rate(model, op), weight)


def _flat(op: str, engine: Any, gradients: Any, dtype: np.dtype[Any]) -> Array:
    """All gradients in one new array, as the engine lays parameters out; ValueError if they are not the model's."""
    if not isinstance(gradients, Mapping):
        raise TypeError(
            f"{op}: gradients must be a dictionary by name, as loss_and_gradients and the pullback of vjp give, "
            f"got {type(gradients).__name__}"
        )
    segments = {f"{s['layer']}.{s['name']}": s for s in engine.segments if s["kind"] == "parameter"}
    for name in gradients:
        one_of(op, "the name of a gradient", name, list(segments))
    missing = [name for name, s in segments.items() if s["trainable"] and name not in gradients]
    if missing:
        raise ValueError(f"{op}: gradients has nothing for {', '.join(missing)}")
    flat = np.zeros(engine.parameters.shape, dtype)
    for name, value in gradients.items():
        segment, array = segments[name], as_array(op, f"the gradient of {name}", value)
        if array.shape != tuple(segment["shape"]):
            raise ValueError(f"{op}: the gradient of {name} is {array.shape}, expected {tuple(segment['shape'])}")
        if segment["trainable"]:
            place = flat[segment["offset"] : segment["offset"] + math.prod(segment["shape"])]
            with np.errstate(over="ignore"):
                place[...] = array.ravel()
    with np.errstate(invalid="ignore"):
        total = float(flat.sum(dtype=np.float64))
    if not math.isfinite(total) and not np.isfinite(flat).all():
        wrong = next(name for name, part in evaluation.by_name(engine, flat).items() if not np.isfinite(part).all())
        raise ValueError(
            f"{op}: the gradient of {wrong} is not finite, and an update would spoil the weights; they are as before. "
            "A smaller learning rate, clip_norm=1.0 or scaled inputs usually help"
        )
    return flat
