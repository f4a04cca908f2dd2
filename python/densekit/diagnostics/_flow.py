"""How large the gradient is in each layer: vanishing, exploding, or as it should be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from densekit import _evaluation as evaluation
from densekit import _learning_rate as learning_rate
from densekit._arrays import whole
from densekit._layer import walk
from densekit.callbacks import Callback
from densekit.callbacks._base import Logs
from densekit.diagnostics._layerwise import Activity, activation_of, activity, kernels
from densekit.diagnostics._objective import Array

# Frozen on seeds 0-9 of tools/planted_problems.py. Ratios are those of root mean squares, so that widths do not count.
VANISHING, EXPLODING = 1e-3, 1e3
UPDATE_TOO_LARGE = 0.3
SATURATED, DEAD = 0.75, 0.5

_REMEDIES = {
    "vanishing": (
        "Dense(…, 'relu', kernel_initializer='he_normal') instead of sigmoid or tanh",
        "BatchNorm() between the layers",
        "Residual([...]) around pairs of layers, or fewer layers",
    ),
    "exploding": (
        "a learning rate ten times smaller",
        "compile(…, clip_norm=1.0)",
        "kernel_initializer='he_normal' (relu) or 'glorot_uniform' (tanh); BatchNorm() between the layers",
        "inputs scaled to mean 0 and standard deviation 1",
    ),
}


@dataclass(frozen=True)
class LayerFlow:
    """A Dense layer: gradient_norm ‖∂L/∂W‖₂, gradient_rms (per element), weight_norm, update_ratio ‖ΔW‖₂ / ‖W‖₂.

    output_rms: root mean square of what the layer puts out, activation included.
    update_ratio is that of one real update (about 1e-3 is usual); NaN for frozen layers and for kernels of zeros.
    saturated, dead: see Activity; of this layer, or of the Activation that follows it.
    """

    name: str
    gradient_norm: float
    gradient_rms: float
    weight_norm: float
    update_ratio: float
    output_rms: float
    saturated: float
    dead: float


@dataclass(frozen=True)
class Flow:
    """verdict: "healthy", "vanishing" or "exploding". ratio: gradient_rms of the first layer / that of the last.

    reasons: the numbers behind the verdict. remedies: things to try, one line each. finite: no NaN, no infinity.
    """

    verdict: str
    ratio: float
    reasons: tuple[str, ...]
    remedies: tuple[str, ...]
    finite: bool
    loss: float
    layers: tuple[LayerFlow, ...]

    def __str__(self) -> str:
        lines = [f"gradient flow: {self.verdict}" + (f" ({'; '.join(self.reasons)})" if self.reasons else "")]
        width = max(len(layer.name) for layer in self.layers)
        lines.append(f"{'layer':<{width}}  gradient norm  update/weight  saturated  dead")
        for at in self.layers:
            shares = (f"{share:.0%}" if np.isfinite(share) else "-" for share in (at.saturated, at.dead))
            saturated, dead = shares
            lines.append(
                f"{at.name:<{width}}  {at.gradient_norm:13.3g}  {at.update_ratio:13.3g}  {saturated:>9}  {dead:>4}"
            )
        return "\n".join([*lines, *(f"try: {remedy}" for remedy in self.remedies)])


def gradient_flow(model: Any, X: Any, y: Any, sample_weight: ArrayLike | None = None, *, rows: int = 1024) -> Flow:
    """The gradient in each Dense layer of a compiled model, in training mode; the model stays as it is.

    rows: at most so many of the data, evenly spaced. Vanishing: the root mean square of the gradient in the first layer
    is below 1e-3 of that in the last (of trainable layers), or the outputs shrink so from the first to the last hidden
    layer. Exploding: one of these is above 1e3, something is not finite, or an update would change a kernel by more
    than 0.3 of its norm.

    >>> from densekit.layers import Dense
    >>> layers = [Dense(16, "sigmoid") for _ in range(20)] + [Dense(1)]
    >>> model = densekit.Sequential(layers, seed=0).compile("sgd", "mse")
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> densekit.diagnostics.gradient_flow(model, X, X).verdict
    'vanishing'
    """
    name = "gradient_flow"
    given = evaluation.rows(model, name, X, y, sample_weight)
    given = _some(given, whole(name, "rows", rows, low=2))
    trial = model.clone(weights=True)  # the update is tried on a copy
    x = np.ascontiguousarray(given.x, model.dtype)
    found = kernels(trial)
    if not found:
        raise ValueError(f"{name}: the model has no Dense layer")
    engine = trial._ready()
    seen = _activities(trial, engine, x)
    loss, _ = engine.gradient(x, given.y, given.weights, True)
    slopes = {layer.name: _part(engine, engine.gradients, layer) for layer in found}
    before = {layer.name: layer.kernel.copy() for layer in found}
    with np.errstate(all="ignore"):
        rate = _rate(trial)
        if rate is not None:
            engine.step_on(x, given.y, given.weights, rate)
        layers = tuple(_layer_flow(layer, slopes[layer.name], before[layer.name], seen[layer.name]) for layer in found)
    frozen = {layer.name for layer in found if not _trained(trial, layer)}
    finite = bool(
        np.isfinite(loss)
        and all(np.isfinite(g).all() for g in slopes.values())
        and all(a.finite for a in seen.values())
    )
    return _judged([at for at in layers if at.name not in frozen], layers, float(loss), finite)


def _some(given: Any, rows: int) -> Any:
    count = len(given.x)
    if count <= rows:
        return given
    places = np.linspace(0, count - 1, rows).astype(np.int64)
    return given[places]


def _rate(model: Any) -> float | None:
    """The learning rate of the next update; None for L-BFGS, which has none."""
    if not hasattr(model.optimizer, "schedule"):
        return None
    schedule = model.optimizer.schedule
    known = not schedule.needs_total or model._schedule_start.steps is not None
    return float(learning_rate.next_rates(model)[0] if known else schedule.initial)


def _part(engine: Any, flat: Array, layer: Any) -> Array:
    (segment,) = [s for s in engine.segments if s["layer"] == layer.name and s["name"] == "kernel"]
    size = int(np.prod(segment["shape"]))
    part: Array = flat[segment["offset"] : segment["offset"] + size].astype(np.float64)
    return part


def _trained(model: Any, layer: Any) -> bool:
    return any(s["trainable"] for s in model._ready().segments if s["layer"] == layer.name and s["name"] == "kernel")


def _activities(model: Any, engine: Any, x: Array) -> dict[str, Activity]:
    """Of each Dense layer, with the Activation behind it if it has none itself."""
    everything = list(walk(model.layers))
    seen: dict[str, Activity] = {}
    for place, layer in enumerate(everything):
        if layer.kind != "dense":
            continue
        shown = layer
        if activation_of(layer) == "identity":
            rest = everything[place + 1 :]
            until = next((i for i, one in enumerate(rest) if one.kind == "dense"), len(rest))
            shown = next((one for one in rest[:until] if one.kind == "activation"), layer)
        last = shown is everything[-1]
        y = engine.hidden(x, str(shown.name), True)
        found = activity(shown, y)
        # The outputs of the network may be near 0 and 1: that is confidence, not saturation.
        seen[str(layer.name)] = Activity(float("nan"), float("nan"), found.rms, found.finite) if last else found
    return seen


def _layer_flow(layer: Any, slope: Array, before: Array, seen: Any) -> LayerFlow:
    norm, weight = float(np.linalg.norm(slope)), float(np.linalg.norm(before.astype(np.float64)))
    change = float(np.linalg.norm(layer.kernel.astype(np.float64) - before))
    ratio = change / weight if weight > 0 else float("nan")
    return LayerFlow(str(layer.name), norm, norm / slope.size**0.5, weight, ratio, seen.rms, seen.saturated, seen.dead)


def _judged(trained: list[LayerFlow], layers: tuple[LayerFlow, ...], loss: float, finite: bool) -> Flow:
    first, last = (trained[0].gradient_rms, trained[-1].gradient_rms) if trained else (1.0, 1.0)
    with np.errstate(all="ignore"):
        ratio = float(np.divide(first, last)) if last else (1.0 if first == 0 else float("inf"))
    hidden = [at.output_rms for at in layers[:-1]]
    growth = hidden[-1] / hidden[0] if len(hidden) > 1 and hidden[0] > 0 else 1.0
    updates = [at.update_ratio for at in trained if np.isfinite(at.update_ratio)]
    reasons, verdict = [], "healthy"
    if not finite:
        verdict = "exploding"
        reasons.append("the loss, an output or a gradient is NaN or infinite")
    if np.isfinite(ratio) and ratio > EXPLODING:
        verdict = "exploding"
        reasons.append(f"the gradient of the first layer is {ratio:.3g} times that of the last")
    if np.isfinite(growth) and growth > EXPLODING:
        verdict = "exploding"
        reasons.append(f"the outputs of the last hidden layer are {growth:.3g} times those of the first")
    if updates and max(updates) > UPDATE_TOO_LARGE:
        verdict = "exploding"
        reasons.append(f"one update changes a kernel by {max(updates):.3g} of its norm")
    if verdict == "healthy" and len(trained) > 1 and ratio < VANISHING:
        verdict = "vanishing"
        reasons.append(f"the gradient of the first layer is {ratio:.3g} of that of the last")
    if verdict == "healthy" and growth < VANISHING:
        verdict = "vanishing"
        reasons.append(f"the outputs of the last hidden layer are {growth:.3g} of those of the first")
    return Flow(verdict, ratio, tuple(reasons), _REMEDIES.get(verdict, ()), finite, loss, layers)


class GradientFlow(Callback):
    """Records the gradient norms of each Dense layer after every epoch, on fixed rows: the heat map epoch × layer.

    X, y: the rows to look at, some hundred are enough. After the training: `layers` (names), `epoch`, and arrays
    (epochs, layers) `norms` and `rms`; `plots.GradientHeatMapDisplay.from_callback` draws them.

    >>> from densekit.layers import Dense
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> watch = densekit.diagnostics.GradientFlow(X, X)
    >>> model = densekit.Sequential([Dense(4, "tanh"), Dense(1)], seed=0).compile("adam", "mse")
    >>> history = model.fit(X, X, epochs=3, callbacks=[watch], verbose=0)
    >>> watch.layers, watch.norms.shape
    (['dense', 'dense_1'], (3, 2))
    """

    def __init__(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> None:
        self._data = X, y, sample_weight
        self._given: Any = None
        self._forget()

    def _forget(self) -> None:
        self.layers: list[str] = []
        self.epoch: list[int] = []
        self._norms: list[list[float]] = []
        self._rms: list[list[float]] = []

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._forget()
        self._given = evaluation.rows(self.model, "GradientFlow", *self._data)
        self.layers = [str(layer.name) for layer in kernels(self.model)]

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        engine, given = self.model._ready(), self._given
        engine.gradient(np.ascontiguousarray(given.x, self.model.dtype), given.y, given.weights, True)
        parts = [_part(engine, engine.gradients, layer) for layer in kernels(self.model)]
        self.epoch.append(epoch)
        self._norms.append([float(np.linalg.norm(g)) for g in parts])
        self._rms.append([float(np.linalg.norm(g)) / g.size**0.5 for g in parts])

    @property
    def norms(self) -> Array:
        """‖∂L/∂W‖₂, (epochs, layers)."""
        return np.array(self._norms).reshape(len(self.epoch), len(self.layers))

    @property
    def rms(self) -> Array:
        """Root mean square of the elements of ∂L/∂W, (epochs, layers)."""
        return np.array(self._rms).reshape(len(self.epoch), len(self.layers))
