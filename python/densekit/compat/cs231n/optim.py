"""Update rules: each takes (w, dw, config) and returns (next_w, config).

config is a dictionary, or None for the defaults; what is missing is filled in, and its state is replaced by new arrays.
sgd updates w itself; the other rules leave w, dw and the arrays of the given state as they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from densekit import _core
from densekit._arrays import number, whole
from densekit._checks import instance
from densekit.compat._shared import Array, as_numbers, descend, in_place, promoted, step

Config = dict[str, Any]
Rule = _core.Optimizer


def _filled(op: str, config: Config | None, **defaults: float) -> Config:
    config = {} if config is None else instance(op, "config", config, dict, "a dictionary or None")
    for key, value in defaults.items():
        number(op, f"config[{key!r}]", config.setdefault(key, value))
    return config


def _copies(op: str, w: Array, dw: Array, **states: Array | None) -> list[Array]:
    """dw, and copies of w and of the states, zeros where there is none, all of one dtype."""
    known = {name: state for name, state in states.items() if state is not None}
    gradient, parameters, *given = promoted(dw, w, *known.values(), of=" ".join([op, "dw", "w", *known]))
    for name, array in zip(("dw", *known), (gradient, *given), strict=True):
        if array.shape != parameters.shape:
            raise ValueError(f"{op}: w is {parameters.shape} but {name} is {array.shape}")
    kept = iter(given)
    copies = [
        np.zeros(parameters.shape, parameters.dtype) if s is None else np.array(next(kept), order="C")
        for s in states.values()
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
    config = _filled("sgd", config, learning_rate=1e-2)
    descend(in_place("sgd", "w", w), as_numbers("sgd", "dw", dw), config["learning_rate"])
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
    op = "sgd_momentum"
    config = _filled(op, config, learning_rate=1e-2, momentum=0.9)
    given = config.get("velocity")
    gradient, parameters, v = promoted(dw, w, w if given is None else given, of="sgd_momentum dw w velocity")
    if not gradient.shape == parameters.shape == v.shape:
        raise ValueError(f"{op}: w is {parameters.shape}, dw is {gradient.shape} and velocity {v.shape}")
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
    config = _filled("rmsprop", config, learning_rate=1e-2, decay_rate=0.99, epsilon=1e-8)
    gradient, next_w, s = _copies("rmsprop", w, dw, cache=config.get("cache"))
    rate, decay, eps = (config[name] for name in ("learning_rate", "decay_rate", "epsilon"))
    numbers = _core.rmsprop_numbers(rate, 0.0, False, decay, eps, 0.0)
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
    config = _filled("adam", config, learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8, t=0)
    gradient, next_w, m, v = _copies("adam", w, dw, m=config.get("m"), v=config.get("v"))
    config["t"] = whole("adam", "config['t']", config["t"]) + 1
    rates = config["t"], config["beta1"], config["beta2"], config["epsilon"]
    step(Rule.adam, _core.adam_numbers(config["learning_rate"], 0.0, False, *rates), next_w, gradient, m, v)
    config["m"], config["v"] = m, v
    return next_w, config


RULES = ("adam", "rmsprop", "sgd", "sgd_momentum")

__all__ = ["adam", "np", "rmsprop", "sgd", "sgd_momentum"]
