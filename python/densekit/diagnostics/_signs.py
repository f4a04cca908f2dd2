"""Inputs that are not centred at zero push all weights of a neuron the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from densekit import _data as data
from densekit import _evaluation as evaluation
from densekit._checks import network
from densekit._columns import features
from densekit.diagnostics._flow import _part
from densekit.diagnostics._layerwise import feeding, kernels
from densekit.diagnostics._objective import Array


@dataclass(frozen=True)
class SignCoherence:
    """Of the inputs of one Dense layer. per_sample: mean of abs(Σᵢ sign gᵢ) / d over neurons and samples; batch: the
    same of the gradient of the mean loss (NaN without y). chance: √(2 / πd), what independent signs would give."""

    layer: str
    per_sample: float
    batch: float
    chance: float


def sign_coherence(model: Any, X: Any, y: Any = None) -> dict[str, SignCoherence]:
    """How alike the signs of a neuron's weight gradients are, for each Dense layer: 1 all equal, near 0 mixed.

    For a row with inputs x of the layer, ∂L/∂wᵢ = δ xᵢ: if all xᵢ > 0, as after a sigmoid, all weights of a neuron go
    up or down together, and only a zigzag leads where one should rise and another fall. The measure is
    abs(Σᵢ sign gᵢ) / d for each neuron and row, which does not depend on δ; elements of 0 have no sign. With y, the
    gradient of all rows together, which averaging makes less coherent, is measured too.

    >>> from densekit.layers import Dense
    >>> model = densekit.Sequential([Dense(64, "sigmoid"), Dense(1)], seed=0)
    >>> densekit.diagnostics.sign_coherence(model, [[1.0, -1.0]])["dense_1"].per_sample
    1.0
    """
    name = "sign_coherence"
    model = network(name, model)
    x = features(model, name, "X", X)
    if not len(x):
        raise ValueError(f"{name}: X is {x.shape}: it has no rows")
    data.require_finite(name, "X", x)
    model._ready(x.shape[1:])
    slopes: dict[str, Array] = {}
    if y is not None:
        given = evaluation.rows(model, name, X, y, None)
        copy = model.clone(weights=True)
        engine = copy._ready()
        engine.gradient(np.ascontiguousarray(given.x, model.dtype), given.y, given.weights, False)
        for layer in kernels(copy):
            slopes[str(layer.name)] = _part(engine, engine.gradients, layer).reshape(layer.kernel.shape)
    found, sources = {}, feeding(model.layers)
    for layer in kernels(model):
        key, width = str(layer.name), int(layer.inputs)
        source = sources[key]
        inputs = x if source is None else evaluation.transform(model, x, source, None)
        signs = np.sign(inputs).reshape(-1, width)  # of rows of several axes each place is one
        per_sample = float(np.abs(signs.sum(axis=1)).mean() / width)
        batch = float("nan")
        if y is not None:
            batch = float(np.abs(np.sign(slopes[key]).sum(axis=0)).mean() / width)
        found[key] = SignCoherence(key, per_sample, batch, float(np.sqrt(2 / (np.pi * width))))
    return found
