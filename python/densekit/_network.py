"""From layers and what a model was compiled with to the spec of docs/network.md, and to an engine that runs it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from densekit import _core, losses, metrics, optimizers, regularizers
from densekit._arrays import one_of
from densekit._layer import Layer, Shape, spec_shape, walk

Array: TypeAlias = NDArray[Any]
ENGINES = ("native", "reference")


@dataclass
class Compiled:
    """What compile was given, as objects."""

    optimizer: Any = field(default_factory=optimizers.Adam)
    loss: losses.Loss | None = None
    metrics: list[metrics.Metric] = field(default_factory=list)
    regularizer: Any = None
    clip_norm: float | None = None
    clip_value: float | None = None
    precision: str = "highest"


def last_activation(layers: Sequence[Layer]) -> str | None:
    """What the network ends in; None where nobody knows, as after a layer written in Python."""
    last = layers[-1]
    if last.kind == "block" and last.children():
        return last_activation(last.children())
    if last.kind in ("host", "parallel", "block"):
        return None
    fields = getattr(last, "_fields", None)
    name: str = fields["activation"] if fields else getattr(last, "activation", "identity")
    return name


def network_spec(
    layers: Sequence[Layer], seed: int, dtype: np.dtype[Any], compiled: Compiled
) -> tuple[dict[str, Any], list[Any]]:
    """The spec as a dictionary, and the Python layers and losses that it refers to by number."""
    hosts: list[Any] = []
    described = [layer.spec(hosts) for layer in layers]
    if compiled.regularizer is not None:
        _penalise_kernels(described, layers, regularizers.get(compiled.regularizer).spec())
    loss = None
    if compiled.loss is not None:
        outputs = math.prod(layers[-1].output_shape or ())
        loss = compiled.loss.spec_for(last_activation(layers), outputs)
        if loss["kind"] == "host":
            loss["index"] = len(hosts)
            hosts.append(with_axes(compiled.loss, layers[-1].output_shape or ()))
    spec = {
        "version": 2,
        "dtype": dtype.name,
        "seed": seed,
        "inputs": spec_shape(layers[0].input_shape or ()),
        "layers": described,
        "loss": loss,
        "heads": [],
        "optimizer": compiled.optimizer.spec() or optimizers.SGD().spec(),
        "clip_norm": compiled.clip_norm,
        "clip_value": compiled.clip_value,
        "penalty_per_weight": _per_weight(layers, compiled.regularizer),
        "fuse": True,
        "precision": compiled.precision,
    }
    return spec, hosts


def with_axes(loss: Any, shape: Shape) -> Any:
    """A loss written in Python: it is given the axes of rows that the engine has as (n, numbers of a row)."""
    if len(shape) == 1:
        return loss

    def call(pred: Array, y: Array, weights: Any = None) -> tuple[Any, Array]:
        value, gradient = loss(pred.reshape(len(pred), *shape), y.reshape(len(y), *shape), weights)
        return value, np.reshape(gradient, pred.shape)

    return call


def _per_weight(layers: Sequence[Layer], regularizer: Any) -> bool:
    """Whether penalties are divided by the weights of the batch: all of them, or none."""
    asked = [regularizer]
    for layer in walk(layers):
        asked += [getattr(layer, f"{of}_regularizer") for of in layer.penalised]
    found = {regularizers.get(one).per_weight for one in asked if one is not None}
    if len(found) > 1:
        raise ValueError("compile: regularizers with compat='sklearn' and others do not go together in one model")
    return found == {True}


def _penalise_kernels(described: list[dict[str, Any]], layers: Sequence[Layer], penalty: dict[str, Any]) -> None:
    """Gives the model's penalty to each kernel that has none of its own."""
    for spec, layer in zip(described, layers, strict=True):
        if layer.children():
            _penalise_kernels(spec["layers"], layer.children(), penalty)
        elif layer.kind == "dense" and getattr(layer, "kernel_regularizer", None) is None:
            spec["kernel_penalty"] = dict(penalty)


def engine_name(name: str | None) -> str:
    """The engine that a model asked for; None is the fastest that this installation has."""
    if name is None:
        return "native" if hasattr(_core, "NetworkFloat32") else "reference"
    return one_of("Sequential", "engine", name, ENGINES)


def make_engine(name: str, spec: dict[str, Any], hosts: list[Any]) -> Any:
    text = json.dumps(spec)
    if name == "reference":
        from densekit._reference_engine import ReferenceEngine

        return ReferenceEngine(text, hosts)
    classes = {"float32": "NetworkFloat32", "float64": "NetworkFloat64"}
    return getattr(_core, classes[spec["dtype"]])(text, hosts)


def weight_views(engine: Any, layers: Sequence[Layer]) -> dict[str, dict[str, Array]]:
    """Views of parameters, then statistics, by name of the layer and of the weight. engine: or a snapshot of one."""
    views: dict[str, dict[str, Array]] = {str(layer.name): {} for layer in walk(layers)}
    for segment in sorted(engine.segments, key=lambda s: s["kind"] != "parameter"):
        memory = engine.parameters if segment["kind"] == "parameter" else engine.statistics
        start, shape = segment["offset"], tuple(segment["shape"])
        views[segment["layer"]][segment["name"]] = memory[start : start + math.prod(shape)].reshape(shape)
    return views


def needs_two_rows(layers: Sequence[Layer]) -> bool:
    """Whether a batch of one row has no statistics: batch norms, unless a row is several rows to them."""
    return 1 in _rows_seen(walk(layers))


def takes_batch_statistics(layers: Sequence[Layer]) -> bool:
    """Whether a batch norm is not frozen, by itself or by a block around it."""
    return rows_of_statistics(layers) is not None


def rows_of_statistics(layers: Sequence[Layer]) -> int | None:
    """How many rows a row of the network is to a batch norm: the least of those not frozen; None if there are none."""
    return min(_rows_seen(_not_frozen(layers)), default=None)


def _rows_seen(layers: Iterable[Layer]) -> list[int]:
    return [math.prod((layer.input_shape or ())[:-1]) for layer in layers if layer.uses_batch]


def _not_frozen(layers: Sequence[Layer]) -> Iterator[Layer]:
    for layer in layers:
        if layer.trainable:
            yield layer
            yield from _not_frozen(layer.children())


def draws(layers: Sequence[Layer]) -> list[Layer]:
    """The layers whose outputs in training depend on random numbers."""
    return [layer for layer in walk(layers) if layer.draws]


def carry_pending(old: Any, new: Any) -> None:
    """What is pending in one engine becomes pending in another, for the layers that both have."""
    pending = old.pending
    if pending is None:
        return
    values = new.statistics.copy()
    known = {(s["layer"], s["name"]): s for s in old.segments if s["kind"] == "statistic"}
    for s in new.segments:
        before = known.get((s["layer"], s["name"])) if s["kind"] == "statistic" else None
        if before is not None and tuple(before["shape"]) == tuple(s["shape"]):
            size = math.prod(s["shape"])
            values[s["offset"] : s["offset"] + size] = pending[before["offset"] : before["offset"] + size]
    new.pending = values


def penalties(layers: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The penalties of a spec's layers that are not zero."""
    for layer in layers:
        for key, value in layer.items():
            if key.endswith("_penalty") and (value["l1"] or value["l2"]):
                yield value
        yield from penalties(layer.get("layers", ()))
