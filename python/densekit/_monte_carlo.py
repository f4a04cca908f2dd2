"""Monte-Carlo dropout: predictions with dropout on, many times, for their mean and their spread."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from densekit import _evaluation as evaluation
from densekit import _network as network
from densekit._arrays import flag, whole
from densekit._data import Array
from densekit._layer import walk

if TYPE_CHECKING:
    from densekit.model import Sequential

_ROWS = 2048  # at a time, whatever the caller has: the masks belong to places in these blocks
_RANDOM = ("dropout", "gaussian_noise", "host")


def _freeze_batch_norms(layers: Iterable[dict[str, Any]]) -> None:
    for layer in layers:
        if layer["kind"] == "batch_norm":
            layer["trainable"] = False  # running statistics, in training too: docs/network.md
        _freeze_batch_norms(layer.get("layers", ()))


def _engine(model: Sequential) -> Any:
    """An engine with the model's weights whose batch norms do not listen to the batch."""
    trained = model._ready()
    spec, hosts = network.network_spec(model._layers, model.seed, model.dtype, model._compiled)
    _freeze_batch_norms(spec["layers"])
    engine = network.make_engine(model._engine_name, spec, hosts)
    engine.parameters[...] = trained.parameters
    engine.statistics[...] = trained.statistics
    return engine


def predict(model: Sequential, X: Any, mc_samples: int, return_std: bool) -> Array | tuple[Array, Array]:
    """The mean of `mc_samples` passes in training mode with frozen batch norms, and their std (n − 1)."""
    op = "predict"
    spread = flag(op, "return_std", return_std)
    samples = whole(op, "mc_samples", mc_samples, low=2 if spread else 1)
    x, _ = evaluation.inputs(model, op, X)
    if not any(layer.kind in _RANDOM for layer in walk(model.layers)):
        raise ValueError(
            f"{op}: mc_samples={samples} needs a Dropout or GaussianNoise layer; without one all are equal"
        )
    engine, first = _engine(model), model.step
    mean = np.zeros((len(x), engine.outputs))
    squares = np.zeros_like(mean)  # sums of squared differences from the mean, by Welford
    for block, start in enumerate(range(0, len(x), _ROWS)):
        rows = slice(start, start + _ROWS)
        part = np.ascontiguousarray(x[rows], model.dtype)
        for i in range(samples):
            engine.step = first + block * samples + i  # another mask for each sample and block
            y = engine.forward(part, True)
            away = y - mean[rows]
            mean[rows] += away / (i + 1)
            squares[rows] += away * (y - mean[rows])
    of_all = evaluation.shaped(mean.astype(model.dtype), model.output_shape)
    if not spread:
        return of_all
    std = np.sqrt(squares / (samples - 1)).astype(model.dtype)
    return of_all, evaluation.shaped(std, model.output_shape)
