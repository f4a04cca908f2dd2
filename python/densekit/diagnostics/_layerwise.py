"""What gradient_flow and sign_coherence see of each layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from densekit._layer import walk
from densekit.diagnostics._objective import Array

# Where the slope of an activation is below this share of its greatest, it is saturated.
_SATURATED = 0.05
_SATURATING = {
    "sigmoid": lambda y: 4 * y * (1 - y),
    "tanh": lambda y: 1 - y**2,
    "softsign": lambda y: (1 - np.abs(y)) ** 2,
    "hard_sigmoid": lambda y: ((y > 0) & (y < 1)).astype(float),
}


@dataclass(frozen=True)
class Activity:
    """saturated: share of the layer's outputs, NaN where the activation has no flat ends. dead: share of units that are
    0 for every row, NaN where the activation is not relu. rms: root mean square of the outputs. finite: whether all
    outputs are."""

    saturated: float
    dead: float
    rms: float
    finite: bool


def activation_of(layer: Any) -> str:
    """The name of the activation that a layer applies, "identity" for one without."""
    if layer.kind not in ("dense", "activation"):
        return "identity"
    name: str = layer.spec([])["activation"]
    return name


def activity(layer: Any, y: Array) -> Activity:
    """From the outputs (n, numbers of a row) of a layer; a unit has one for each place of the leading axes."""
    name, finite = activation_of(layer), bool(np.isfinite(y).all())
    y = y.reshape(-1, layer.outputs)
    saturated = dead = float("nan")
    if finite and name in _SATURATING:
        saturated = float((_SATURATING[name](y.astype(np.float64)) < _SATURATED).mean())
    if finite and name == "relu":
        dead = float((y <= 0).all(axis=0).mean())
    with np.errstate(all="ignore"):
        rms = float(np.sqrt((y.astype(np.float64) ** 2).mean()))
    return Activity(saturated, dead, rms, finite)


def kernels(model: Any) -> list[Any]:
    """The Dense layers in order, those inside blocks too."""
    return [layer for layer in walk(model.layers) if layer.kind == "dense"]


def feeding(layers: Sequence[Any], source: str | None = None) -> dict[str, str | None]:
    """For each layer the name of that whose output it takes; None for the data themselves."""
    found: dict[str, str | None] = {}
    for layer in layers:
        name = str(layer.name)
        found[name] = source
        inside = layer.children()
        for one_after_another in [[branch] for branch in inside] if layer.kind == "parallel" else [inside]:
            found |= feeding(one_after_another, source)
        source = name
    return found
