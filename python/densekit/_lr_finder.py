"""Which learning rate to begin with, found by training a copy with ever larger ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _evaluation as evaluation
from densekit._adapt import adapt
from densekit._arrays import number, whole
from densekit._checks import network
from densekit._fit import Loop, row_order
from densekit._portable import power

if TYPE_CHECKING:
    from densekit.model import Sequential


@dataclass(frozen=True)
class LearningRates:
    """What lr_finder saw. lrs, losses: one for each update; smoothed: means of the losses around each.

    suggestion: the rate where the loss falls steepest over the logarithm of the rate, by straight lines through the
    losses around it.
    """

    lrs: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float

    def __repr__(self) -> str:
        return f"LearningRates(suggestion={self.suggestion:.2g}, {len(self.lrs)} rates up to {self.lrs[-1]:.2g})"


def lr_finder(
    model: Sequential,
    X: Any,
    y: Any,
    *,
    lr_min: float = 1e-6,
    lr_max: float = 10.0,
    steps: int = 100,
    batch_size: int = 32,
    sample_weight: ArrayLike | None = None,
    window: int = 11,
    stop_factor: float = 4.0,
) -> LearningRates:
    """The learning-rate range test (Smith, arXiv 1506.01186) on a copy; the model stays as it is.

    lr_min, lr_max, steps: the rates grow evenly in their logarithm, one update each. batch_size: rows of an update, in
    the order of fit. window: losses that are looked at together, an odd number. stop_factor: it ends where the mean of
    the last half window is this many times the least one so far, or where a loss is not finite.

    >>> from densekit.layers import Dense
    >>> model = densekit.Sequential([Dense(1)], seed=0).compile("sgd", "mse")
    >>> X = np.linspace(-1, 1, 64).reshape(-1, 1)
    >>> found = densekit.lr_finder(model, X, 3 * X)
    >>> 0.01 < found.suggestion < 1
    True
    """
    name = "lr_finder"
    lr_min = number(name, "lr_min", lr_min, low=0, open_low=True)
    lr_max = number(name, "lr_max", lr_max, low=lr_min, open_low=True)
    steps, batch_size = whole(name, "steps", steps, low=2), whole(name, "batch_size", batch_size, low=1)
    half = whole(name, "window", window, low=3) // 2
    stop_factor = number(name, "stop_factor", stop_factor, low=1, open_low=True)
    evaluation.require_compiled(network(name, model), name)
    trial = model.clone(weights=True)
    given = evaluation.rows(trial, name, X, y, sample_weight)
    adapt(trial, name, given.x, again=False)
    loop = Loop(name, trial, given, batch_size)
    rates = lr_min * power(lr_max / lr_min, np.arange(steps) / (steps - 1))
    rates[-1] = lr_max
    losses: list[float] = []
    least = math.inf
    for i, rate in enumerate(rates):
        epoch, batch = divmod(i, len(loop.cuts))
        if batch == 0:
            order = row_order(trial.seed, epoch, len(loop.rows.x))
        first, last = loop.cuts[batch]
        result = loop.one_batch(np.ascontiguousarray(order[first:last]), rate)
        if result["diverged"]:
            break
        losses.append(result["loss"])
        recent = sum(losses[-half:]) / len(losses[-half:])
        least = min(least, recent)
        if recent > stop_factor * least > 0:
            break
    if len(losses) <= 2 * half:
        raise ArithmeticError(
            f"{name}: {len(losses)} update(s) from lr={lr_min:g} to {rates[len(losses) - 1]:.2g} are too few for a "
            f"window of {window}: the loss grows from the beginning, lower lr_min, or there are too few steps"
        )
    seen = np.array(losses)
    smoothed = np.array([seen[max(0, i - half) : i + half + 1].mean() for i in range(len(seen))])
    # The slope of a straight line by least squares; the rates are even in their logarithm.
    offsets = np.arange(-half, half + 1)
    slopes = np.convolve(seen, offsets[::-1], "valid")  # slopes[i]: around loss i + half
    best = int(slopes[: max(1, int(smoothed.argmin()) - half + 1)].argmin()) + half
    return LearningRates(rates[: len(seen)], seen, smoothed, float(rates[best]))


__all__ = ["LearningRates", "lr_finder"]
