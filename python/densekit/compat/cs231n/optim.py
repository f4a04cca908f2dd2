"""Update rules: each takes (w, dw, config) and returns (next_w, config).

config is a dictionary, or None for the defaults; what is missing is filled in, and its state is replaced by new arrays.
sgd updates w itself; the other rules leave w, dw and the arrays of the given state as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from densekit import _core
from densekit.compat._shared import Array, descend, promoted, step

Config = dict[str, Any]
Rule = _core.Optimizer


def _filled(config: Config | None, **defaults: float) -> Config:
    config = {} if config is None else config
    for key, value in defaults.items():
        config.setdefault(key, value)
    return config


def _copies(w: Array, dw: Array, *states: Array | None) -> list[Array]:
    """dw, and copies of w and of the states, zeros where there is none, all of one dtype."""
    gradient, parameters, *given = promoted(dw, w, *(s for s in states if s is not None))
    kept = iter(given)
    copies = [
        np.zeros(parameters.shape, parameters.dtype) if s is None else np.array(next(kept), order="C") for s in states
    ]
    return [gradient, np.array(parameters, order="C"), *copies]


def sgd(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """Gradient descent, in place: w <- w - learning_rate dw; learning_rate: default 1e-2.

    >>> from densekit.compat.cs231n.optim import sgd
    >>> w = np.array([1.0, 2.0])
    >>> next_w, config = sgd(w, np.array([1.0, -1.0]), {"learning_rate": 0.5})
    >>> next_w is w, w
    (True, array([0.5, 2.5]))
    """
    config = _filled(config, learning_rate=1e-2)
    descend(w, dw, config["learning_rate"])
    return w, config


def sgd_momentum(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """Momentum: v <- momentum v - learning_rate dw; w <- w + v.

    learning_rate: default 1e-2. momentum: 0.9. velocity: v, zeros.

    >>> from densekit.compat.cs231n.optim import sgd_momentum
    >>> config = {"learning_rate": 0.5, "velocity": np.array([1.0])}
    >>> next_w, config = sgd_momentum(np.array([1.0]), np.array([1.0]), config)
    >>> next_w, config["velocity"]
    (array([1.4]), array([0.4]))
    """
    config = _filled(config, learning_rate=1e-2, momentum=0.9)
    given = config.get("velocity")
    gradient, parameters, v = promoted(dw, w, w if given is None else given)
    # Only the two new arrays: on large ones memory that is touched for the first time costs more than arithmetic.
    v = np.zeros_like(v, order="C") if given is None else np.multiply(v, float(config["momentum"]), order="C")
    descend(v, gradient, config["learning_rate"])
    config["velocity"] = v
    return parameters + v, config


def rmsprop(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """RMSprop: s <- decay_rate s + (1 - decay_rate) dw^2; w <- w - learning_rate dw / (sqrt(s) + epsilon).

    learning_rate: default 1e-2. decay_rate: 0.99. epsilon: 1e-8. cache: s, zeros.

    >>> from densekit.compat.cs231n.optim import rmsprop
    >>> rmsprop(np.array([1.0]), np.array([3.0]))[0].round(4)
    array([0.9])
    """
    config = _filled(config, learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8)
    gradient, next_w, s = _copies(w, dw, config.get("cache"))
    numbers = _core.rmsprop_numbers(config["learning_rate"], 0.0, False, config["decay_rate"], config["epsilon"])
    step(Rule.rmsprop, numbers, next_w, gradient, s)
    config["cache"] = s
    return next_w, config


def adam(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """Adam: w <- w - learning_rate m' / (sqrt(v') + epsilon), m' and v' the means of dw and dw^2 without their bias.

    learning_rate: default 1e-3. beta1: 0.9. beta2: 0.999. epsilon: 1e-8, added after the correction. m, v: zeros.
    t: the updates made so far, 0; it is counted up before it is used.

    >>> from densekit.compat.cs231n.optim import adam
    >>> next_w, config = adam(np.array([1.0]), np.array([3.0]))
    >>> next_w.round(6), config["t"]
    (array([0.999]), 1)
    """
    config = _filled(config, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, t=0)
    gradient, next_w, m, v = _copies(w, dw, config.get("m"), config.get("v"))
    config["t"] += 1
    rates = config["t"], config["beta1"], config["beta2"], config["epsilon"]
    step(Rule.adam, _core.adam_numbers(config["learning_rate"], 0.0, False, *rates), next_w, gradient, m, v)
    config["m"], config["v"] = m, v
    return next_w, config


RULES = ("adam", "rmsprop", "sgd", "sgd_momentum")

__all__ = ["adam", "np", "rmsprop", "sgd", "sgd_momentum"]
