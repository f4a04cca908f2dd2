"""One update of the parameters: penalties, clipping, the optimizer with its conventions, the proximal step.

w, g and the states are views of one segment. eta is the learning rate, t = 1, 2, … counts the updates.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit import reference
from densekit._reference_engine.layers import Segment

Array = NDArray[Any]
Spec = dict[str, Any]

_COMMON = ("lr", "weight_decay", "maximize")
_clip_by_global_norm: Any = reference.clip_by_global_norm

# Where other libraries differ from PyTorch. Each gives what is added to w.


def _momentum_inside(g: Array, v: Array, *, eta: float, momentum: float, **_: Any) -> Array:
    v[...] = momentum * v - eta * g
    return v


def _nesterov_keras(g: Array, v: Array, *, eta: float, momentum: float, **_: Any) -> Array:
    v[...] = momentum * v - eta * g
    return momentum * v - eta * g


def _nesterov_dlfs(g: Array, v: Array, *, eta: float, momentum: float, **_: Any) -> Array:
    v[...] = momentum * v - eta * g  # the book's algebra wants the old v below, its program uses the new one
    return momentum**2 * v - (1 + momentum) * eta * g


def _adam_eps_hat(
    g: Array, m: Array, v: Array, *top: Array, eta: float, t: int, beta1: float, beta2: float, eps: float, **_: Any
) -> Array:
    m[...] = beta1 * m + (1 - beta1) * g
    v[...] = beta2 * v + (1 - beta2) * g**2
    for largest in top:  # amsgrad
        largest[...] = v = np.maximum(largest, v)
    rate = eta * math.sqrt(1 - beta2**t) / (1 - beta1**t)
    step: Array = -rate * m / (np.sqrt(v) + eps)
    return step


def _rmsprop_inside(
    g: Array,
    s: Array,
    *more: Array,
    eta: float,
    rho: float,
    eps: float,
    centered: bool = False,
    momentum: float = 0.0,
    **_: Any,
) -> Array:
    s[...] = rho * s + (1 - rho) * g**2
    square = s
    if centered:
        mean = more[0]
        mean[...] = rho * mean + (1 - rho) * g
        square = np.maximum(s - mean**2, 0)
    step: Array = eta * g / np.sqrt(square + eps)
    if momentum:
        sums = more[-1]
        sums[...] = momentum * sums + step
        step = sums
    return -step


def _adagrad_inside(g: Array, s: Array, *, eta: float, eps: float, **_: Any) -> Array:
    s[...] = s + g**2
    step: Array = -eta * g / np.sqrt(s + eps)
    return step


_CONVENTIONS: dict[tuple[str, str], Callable[..., Array]] = {
    ("keras", "momentum"): _momentum_inside,
    ("keras", "nesterov"): _nesterov_keras,
    ("keras", "adam"): _adam_eps_hat,
    ("keras", "rmsprop"): _rmsprop_inside,
    ("keras", "adagrad"): _adagrad_inside,
    ("sklearn", "momentum"): _momentum_inside,
    ("sklearn", "nesterov"): _nesterov_keras,
    ("sklearn", "adam"): _adam_eps_hat,
    ("dlfs", "momentum"): _momentum_inside,
    ("dlfs", "nesterov"): _nesterov_dlfs,
    ("dlfs", "adam"): _adam_eps_hat,
}


class Optimizer:
    """An optimizer of the spec; its states belong to the engine."""

    def __init__(self, spec: Spec) -> None:
        # The function of densekit.reference with the name of the kind: f(w, dw, *states, lr=, step=, **options).
        if spec["kind"] not in reference.optimizers.__all__:
            raise ValueError(
                f"optimizer kind {spec['kind']!r} is not known: python/densekit/reference/optimizers.py lacks it"
            )
        self.kind, self.maximize = spec["kind"], spec["maximize"]
        self.weight_decay, self.decay_biases = float(spec["weight_decay"]), spec.get("decay_biases", False)
        self._formula = inspect.unwrap(getattr(reference, self.kind))  # PyTorch's
        parameters = inspect.signature(self._formula).parameters.values()
        self._names = reference.optimizers.states_of(self.kind, spec)
        self.states = len(self._names)
        names = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
        self._counts = "step" in names
        own = {name: spec[name] for name in names if name in spec and name not in _COMMON}
        self.options = {name: v if isinstance(v, bool) else float(v) for name, v in own.items()}
        self.initial = float(spec.get("initial", 0.0))  # of the states
        self._convention = _CONVENTIONS.get((spec["compat"], self.kind))

    def update(self, w: Array, g: Array, states: list[Array], eta: float, t: int) -> None:
        decay = self.weight_decay if self.decay_biases or w.ndim == 2 else 0.0  # of kernels, or of all
        if self._convention is not None:
            g = -g if self.maximize else g
            w[...] = (1 - eta * decay) * w + self._convention(g, *states, eta=eta, t=t, **self.options)
            return
        counted = {"step": t} if self._counts else {}
        named = dict(zip(self._names, states, strict=True))
        self._formula(w, g, **named, lr=eta, weight_decay=decay, maximize=self.maximize, **counted, **self.options)


def penalize(segments: list[Segment], parameters: Array, gradients: Array | None, share: float) -> float:
    """sum of l1 |w| + l2 w^2 / 2, times share; its gradient is added, but for that of a proximal l1."""
    total = 0.0
    for segment in segments:
        l1, l2 = float(segment.penalty["l1"]) * share, float(segment.penalty["l2"]) * share
        if not segment.trainable or (l1 == 0 and l2 == 0):
            continue
        w = segment.of(parameters)
        total += l1 * float(np.abs(w).sum(dtype=np.float64)) + l2 / 2 * float((w.astype(np.float64) ** 2).sum())
        if gradients is not None:
            g = segment.of(gradients)
            g += l2 * w
            if l1 and not segment.penalty["proximal"]:
                g += l1 * np.sign(w)
    return total


def clip(gradients: Array, norm: float | None, value: float | None) -> None:
    """First the norm over everything that is trained (the rest of `gradients` is zero), then each element."""
    if norm is not None:
        _clip_by_global_norm([gradients], norm, out=[gradients])
    if value is not None:
        np.clip(gradients, -value, value, out=gradients)


def shrink(segment: Segment, w: Array, eta: float, share: float) -> None:
    """The proximal step of l1: w <- sign(w) max(|w| - eta l1, 0)."""
    l1 = float(segment.penalty["l1"]) * share
    if segment.penalty["proximal"] and l1 > 0:
        w[...] = np.sign(w) * np.maximum(np.abs(w) - eta * l1, 0)
