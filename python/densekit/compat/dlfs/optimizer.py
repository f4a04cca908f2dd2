"""Update rules as objects: update(params, grads) changes every params[key] in place.

An entry of params that is a plain number, not an array, is replaced by the updated number.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import numpy as np

from densekit import _core
from densekit._arrays import number
from densekit._checks import instance, mapping
from densekit.compat._shared import Array, as_numbers, descend, is_float, step

Params = MutableMapping[str, Any]
Rule = _core.Optimizer


def _checked(params: Params, grads: Params) -> Params:
    """params, when every gradient fits its parameter: all are updated, or none."""
    op = "update"
    instance(op, "params", params, MutableMapping, "a dictionary of arrays")
    mapping(op, "grads", grads, "of arrays, one a parameter")
    for key, value in params.items():
        if key not in grads:
            raise ValueError(f"{op}: grads has nothing for {key!r}, expected the keys of params")
        if not isinstance(value, np.ndarray):
            as_numbers(op, f"params[{key!r}]", value)
        elif not is_float(value):
            raise TypeError(f"params[{key!r}] is {value.dtype}; it is updated in place, and needs float32 or float64")
        elif not value.flags.writeable:
            raise ValueError(f"params[{key!r}] is updated in place, but the array is read-only")
        shape = as_numbers(op, f"grads[{key!r}]", grads[key]).shape
        if shape != np.shape(value):
            raise ValueError(f"{op}: params[{key!r}] is {np.shape(value)} but its gradient is {shape}")
    return params


def _targets(params: Params, grads: Params) -> Iterator[tuple[str, Array]]:
    """Every key with the array to update."""
    for key in list(_checked(params, grads)):
        value = params[key]
        if not isinstance(value, np.ndarray):
            target = np.array(as_numbers("update", f"params[{key!r}]", value), np.float64)
            yield key, target
            params[key] = target[()]
        else:
            yield key, value


def _rate(value: Any, name: str = "lr") -> float:
    return number("optimizer", name, value)


def _state(states: dict[str, Array] | None, key: str, w: Array) -> Array:
    """states[key], zeros at first."""
    assert states is not None
    if key not in states:
        states[key] = np.zeros(w.shape, w.dtype)
    return states[key]


class SGD:
    """Gradient descent: w <- w - lr g.

    >>> from densekit.compat.dlfs.optimizer import SGD
    >>> params = {"W": np.array([1.0, 2.0])}
    >>> SGD(lr=0.5).update(params, {"W": np.array([1.0, -1.0])})
    >>> params["W"]
    array([0.5, 2.5])
    """

    def __init__(self, lr: float = 0.01) -> None:
        self.lr = _rate(lr)

    def update(self, params: Params, grads: Params) -> None:
        for key, w in _targets(params, grads):
            descend(w, grads[key], self.lr)


class Momentum:
    """Momentum: v <- momentum v - lr g; w <- w + v."""

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        self.lr, self.momentum = _rate(lr), _rate(momentum, "momentum")
        self.v: dict[str, Array] | None = None

    def update(self, params: Params, grads: Params) -> None:
        self.v = {} if self.v is None else self.v
        for key, w in _targets(params, grads):
            v = _state(self.v, key, w)
            v *= self.momentum
            descend(v, grads[key], self.lr)
            w += v


class Nesterov:
    """Nesterov's momentum as the book writes it: v <- momentum v - lr g; w <- w + momentum^2 v - (1 + momentum) lr g.

    The algebra of arXiv 1212.0901 wants the old v in the second line; here it is the new one, so this differs from
    Nesterov's momentum elsewhere (densekit.optimizers.SGD(nesterov=True)).
    """

    def __init__(self, lr: float = 0.01, momentum: float = 0.9) -> None:
        self.lr, self.momentum = _rate(lr), _rate(momentum, "momentum")
        self.v: dict[str, Array] | None = None

    def update(self, params: Params, grads: Params) -> None:
        self.v = {} if self.v is None else self.v
        for key, w in _targets(params, grads):
            v = _state(self.v, key, w)
            v *= self.momentum
            descend(v, grads[key], self.lr)
            descend(w, v, -(self.momentum**2))
            descend(w, grads[key], (1 + self.momentum) * self.lr)


class AdaGrad:
    """AdaGrad: h <- h + g^2; w <- w - lr g / (sqrt(h) + 1e-7)."""

    def __init__(self, lr: float = 0.01) -> None:
        self.lr = _rate(lr)
        self.h: dict[str, Array] | None = None

    def update(self, params: Params, grads: Params) -> None:
        self.h = {} if self.h is None else self.h
        numbers = _core.adagrad_numbers(self.lr, 0.0, False, 1e-7)
        for key, w in _targets(params, grads):
            step(Rule.rmsprop, numbers, w, grads[key], _state(self.h, key, w))


class RMSprop:
    """RMSprop: h <- decay_rate h + (1 - decay_rate) g^2; w <- w - lr g / (sqrt(h) + 1e-7)."""

    def __init__(self, lr: float = 0.01, decay_rate: float = 0.99) -> None:
        self.lr, self.decay_rate = _rate(lr), _rate(decay_rate, "decay_rate")
        self.h: dict[str, Array] | None = None

    def update(self, params: Params, grads: Params) -> None:
        self.h = {} if self.h is None else self.h
        numbers = _core.rmsprop_numbers(self.lr, 0.0, False, self.decay_rate, 1e-7, 0.0)
        for key, w in _targets(params, grads):
            step(Rule.rmsprop, numbers, w, grads[key], _state(self.h, key, w))


class Adam:
    """Adam: w <- w - lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + 1e-7), m and v the means of g and g^2.

    >>> from densekit.compat.dlfs.optimizer import Adam
    >>> params, adam = {"W": np.array([1.0])}, Adam(lr=0.1)
    >>> adam.update(params, {"W": np.array([3.0])})
    >>> params["W"].round(6), adam.iter
    (array([0.9]), 1)
    """

    def __init__(self, lr: float = 0.001, beta1: float = 0.9, beta2: float = 0.999) -> None:
        self.lr, self.beta1, self.beta2 = _rate(lr), _rate(beta1, "beta1"), _rate(beta2, "beta2")
        self.iter = 0
        self.m: dict[str, Array] | None = None
        self.v: dict[str, Array] | None = None

    def update(self, params: Params, grads: Params) -> None:
        if self.m is None:
            self.m, self.v = {}, {}
        self.iter += 1
        # The kernel's eps is added after v is corrected for its start at zero; the book's before.
        eps = 1e-7 / np.sqrt(1.0 - self.beta2**self.iter)
        numbers = _core.adam_numbers(self.lr, 0.0, False, self.iter, self.beta1, self.beta2, eps)
        for key, w in _targets(params, grads):
            step(Rule.adam, numbers, w, grads[key], _state(self.m, key, w), _state(self.v, key, w))


__all__ = ["SGD", "AdaGrad", "Adam", "Momentum", "Nesterov", "RMSprop", "np"]
