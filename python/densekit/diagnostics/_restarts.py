"""Several starts of one training; the best is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from densekit._arrays import whole
from densekit._checks import function, network
from densekit.callbacks._watching import direction
from densekit.diagnostics._curves import measured
from densekit.diagnostics._objective import Array


@dataclass(frozen=True)
class RestartResult:
    """best: the model with the best value. seed: of it. values: of all starts, in order."""

    best: Any
    seed: int
    values: Array


def restarts(
    make_model: Callable[[int], Any],
    n: int,
    X: Any,
    y: Any,
    X_val: Any = None,
    y_val: Any = None,
    *,
    metric: str = "loss",
    seed: int = 0,
    **fit: Any,
) -> RestartResult:
    """Trains n models with different seeds; the best by `metric` on the validation rows (without: training rows).

    make_model: of a seed (seed, seed + 1, …), returns a compiled model. metric: "loss" (of the data), or one that the
    model is compiled with. fit: arguments of `Sequential.fit`. If one start succeeds with probability p, the best of n
    does with 1 − (1 − p)ⁿ. A start that diverges counts as the worst.

    >>> from densekit.layers import Dense
    >>> def make(seed):
    ...     return densekit.Sequential([Dense(2, "tanh"), Dense(1)], seed=seed).compile("adam", "mse")
    >>> X = np.linspace(-1, 1, 32).reshape(-1, 1)
    >>> found = densekit.diagnostics.restarts(make, 3, X, X**2, epochs=5)
    >>> found.values.shape, found.seed in (0, 1, 2)
    ((3,), True)
    """
    from densekit.model import TrainingDiverged

    name = "restarts"
    if (X_val is None) != (y_val is None):
        raise TypeError(f"{name}: give X_val and y_val, or neither of them")
    function(name, "make_model", make_model, "a function of a seed that returns a compiled model")
    seed = whole(name, "seed", seed)
    rows = (X, y) if X_val is None else (X_val, y_val)
    sign = 1 if direction(name, "auto", metric) == "min" else -1
    values, best, place = [], None, -1
    for i in range(whole(name, "n", n, low=1)):
        model = network(name, make_model(seed + i), "what make_model returned")
        try:
            model.fit(X, y, **{"verbose": 0, **fit})
            value = measured(model, *rows, metric)
        except TrainingDiverged:
            value = float("nan")
        values.append(value)
        if np.isfinite(value) and (best is None or sign * value < sign * values[place]):
            best, place = model, i
    if best is None:
        raise ArithmeticError(f"{name}: all {n} starts diverged; a smaller learning rate or clip_norm=1.0 may help")
    return RestartResult(best, seed + place, np.array(values))
