"""Update rules: each takes (w, dw, config) and returns (next_w, config).

config is a dictionary, or None for the defaults; what is missing is filled in, and its state is replaced by new arrays.
sgd updates w itself; the other rules leave w, dw and the arrays of the given state as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import densekit.functional as F
from densekit import _core
from densekit._arrays import number, whole
from densekit.compat._shared import Array, promoted

Config = dict[str, Any]


def _filled(config: Config | None, **defaults: float) -> Config:
    config = {} if config is None else config
    for key, value in defaults.items():
        config.setdefault(key, value)
    return config


def _copies(w: Array, dw: Array, *states: Array | None) -> list[Array]:
    """dw, and copies of w and of the states, zeros where there is none, all of one dtype."""
    gradient, parameters, *given = promoted(dw, w, *(s for s in states if s is not None))
    kept = iter(given)
    copies = [np.zeros(parameters.shape, parameters.dtype) if s is None else np.array(next(kept)) for s in states]
    return [gradient, np.array(parameters), *copies]


def sgd(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """Gradient descent, in place: w <- w - learning_rate dw; learning_rate: default 1e-2.

    >>> from densekit.compat.cs231n.optim import sgd
    >>> w = np.array([1.0, 2.0])
    >>> next_w, config = sgd(w, np.array([1.0, -1.0]), {"learning_rate": 0.5})
    >>> next_w is w, w
    (True, array([0.5, 2.5]))
    """
    config = _filled(config, learning_rate=1e-2)
    F.sgd(w, np.asarray(dw).astype(w.dtype, copy=False), lr=config["learning_rate"])
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
    gradient, next_w, v = _copies(w, dw, config.get("velocity"))
    momentum_step(next_w, gradient, v, config["learning_rate"], config["momentum"])
    config["velocity"] = v
    return next_w, config


def momentum_step(w: Array, dw: Array, v: Array, lr: float, momentum: float) -> None:
    """v <- momentum v - lr dw; w <- w + v, in place: the rate inside of v, so that v is what the courses call so."""
    # The kernel's v <- momentum v + g; w <- w - rate v, with g = -lr dw and rate = -1.
    step = dw * -number("momentum", "learning rate", lr, low=0)
    numbers = _core.momentum_numbers(-1.0, 0.0, False, number("momentum", "momentum", momentum, low=0, high=1), 0.0)
    _core.optimizer_update(_core.Optimizer.momentum, w, np.ascontiguousarray(step), [v], numbers)


def rmsprop(w: Array, dw: Array, config: Config | None = None) -> tuple[Array, Config]:
    """RMSprop: s <- decay_rate s + (1 - decay_rate) dw^2; w <- w - learning_rate dw / (sqrt(s) + epsilon).

    learning_rate: default 1e-2. decay_rate: 0.99. epsilon: 1e-8. cache: s, zeros.

    >>> from densekit.compat.cs231n.optim import rmsprop
    >>> rmsprop(np.array([1.0]), np.array([3.0]))[0].round(4)
    array([0.9])
    """
    config = _filled(config, learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8)
    gradient, next_w, s = _copies(w, dw, config.get("cache"))
    F.rmsprop(next_w, gradient, s, lr=config["learning_rate"], rho=config["decay_rate"], eps=config["epsilon"])
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
    t = whole("adam", "t", config["t"]) + 1
    rates = {"lr": config["learning_rate"], "beta1": config["beta1"], "beta2": config["beta2"]}
    F.adam(next_w, gradient, m, v, step=t, eps=config["epsilon"], **rates)
    config["m"], config["v"], config["t"] = m, v, t
    return next_w, config


__all__ = ["adam", "rmsprop", "sgd", "sgd_momentum"]
