"""Updates of parameters, in place. `weight_decay` is decoupled everywhere: w <- w - lr weight_decay w."""

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from densekit.reference._twin import Array, twin


def _apply(w: Any, step: Any, lr: Any, weight_decay: Any) -> Any:
    w[...] = (1 - lr * weight_decay) * w + step


def _mean(average: Any, value: Any, beta: Any) -> Any:
    average[...] = beta * average + (1 - beta) * value


@twin("w", "dw", in_place=("w",))
def sgd(w: Array, dw: Array, *, lr: Any, weight_decay: float = 0.0, maximize: bool = False) -> Any:
    g = -dw if maximize else dw
    _apply(w, -lr * g, lr, weight_decay)


@twin("w", "dw", "v", in_place=("w", "v"))
def momentum(
    w: Array,
    dw: Array,
    v: Array,
    *,
    lr: Any,
    momentum: float = 0.9,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> Any:
    g = -dw if maximize else dw
    v[...] = momentum * v + (1 - dampening) * g
    _apply(w, -lr * v, lr, weight_decay)


@twin("w", "dw", "v", in_place=("w", "v"))
def nesterov(
    w: Array, dw: Array, v: Array, *, lr: Any, momentum: float = 0.9, weight_decay: float = 0.0, maximize: bool = False
) -> Any:
    g = -dw if maximize else dw
    v[...] = momentum * v + g
    _apply(w, -lr * (g + momentum * v), lr, weight_decay)


@twin("w", "dw", "s", "m", "b", in_place=("w", "s", "m", "b"))
def rmsprop(
    w: Array,
    dw: Array,
    s: Array,
    m: Array | None = None,
    b: Array | None = None,
    *,
    lr: Any,
    rho: float = 0.99,
    eps: float = 1e-8,
    centered: bool = False,
    momentum: float = 0.0,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> Any:
    g = -dw if maximize else dw
    _mean(s, g**2, rho)
    square: Any = s
    if centered:
        _mean(m, g, rho)
        square = np.maximum(s - np.square(m), 0)  # type: ignore[arg-type]
    root = np.sqrt(square) + eps
    if momentum:
        b[...] = momentum * b + g / root  # type: ignore[index, operator]
        _apply(w, -lr * b, lr, weight_decay)
    else:
        _apply(w, -lr * g / root, lr, weight_decay)


@twin("w", "dw", "s", in_place=("w", "s"))
def adagrad(
    w: Array, dw: Array, s: Array, *, lr: Any, eps: float = 1e-10, weight_decay: float = 0.0, maximize: bool = False
) -> Any:
    g = -dw if maximize else dw
    s[...] = s + g**2
    _apply(w, -lr * g / (np.sqrt(s) + eps), lr, weight_decay)


@twin("w", "dw", "s", "u", in_place=("w", "s", "u"))
def adadelta(
    w: Array,
    dw: Array,
    s: Array,
    u: Array,
    *,
    lr: float = 1.0,
    rho: float = 0.9,
    eps: float = 1e-6,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> Any:
    g = -dw if maximize else dw
    _mean(s, g**2, rho)
    delta = np.sqrt(u + eps) / np.sqrt(s + eps) * g
    _mean(u, delta**2, rho)
    _apply(w, -lr * delta, lr, weight_decay)


@twin("w", "dw", "m", "v", "v_max", in_place=("w", "m", "v", "v_max"))
def adam(
    w: Array,
    dw: Array,
    m: Array,
    v: Array,
    v_max: Array | None = None,
    *,
    step: Any,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    amsgrad: bool = False,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> Any:
    g = -dw if maximize else dw
    _mean(m, g, beta1)
    _mean(v, g**2, beta2)
    square: Any = v
    if amsgrad:
        square = np.maximum(v_max, v)  # type: ignore[arg-type]
        v_max[...] = square  # type: ignore[index]
    m_hat, v_hat = m / (1 - beta1**step), square / (1 - beta2**step)
    _apply(w, -lr * m_hat / (np.sqrt(v_hat) + eps), lr, weight_decay)


@twin("w", "dw", "m", "v", "v_max", in_place=("w", "m", "v", "v_max"))
def adamw(
    w: Array,
    dw: Array,
    m: Array,
    v: Array,
    v_max: Array | None = None,
    *,
    step: Any,
    lr: float = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    amsgrad: bool = False,
    weight_decay: float = 0.01,
    maximize: bool = False,
) -> Any:
    g = -dw if maximize else dw
    _mean(m, g, beta1)
    _mean(v, g**2, beta2)
    square: Any = v
    if amsgrad:
        square = np.maximum(v_max, v)  # type: ignore[arg-type]
        v_max[...] = square  # type: ignore[index]
    m_hat, v_hat = m / (1 - beta1**step), square / (1 - beta2**step)
    _apply(w, -lr * m_hat / (np.sqrt(v_hat) + eps), lr, weight_decay)


@twin("w", "dw", "m", "u", in_place=("w", "m", "u"))
def adamax(
    w: Array,
    dw: Array,
    m: Array,
    u: Array,
    *,
    step: Any,
    lr: float = 2e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> Any:
    g = -dw if maximize else dw
    _mean(m, g, beta1)
    u[...] = np.maximum(beta2 * u, np.abs(g) + eps)
    _apply(w, -lr / (1 - beta1**step) * m / u, lr, weight_decay)


@twin("w", "dw", "m", "v", in_place=("w", "m", "v"))
def nadam(
    w: Array,
    dw: Array,
    m: Array,
    v: Array,
    *,
    step: Any,
    lr: float = 2e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-8,
    momentum_decay: float = 4e-3,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> Any:
    g = -dw if maximize else dw

    def mu(i: Any) -> Any:
        return beta1 * (1 - 0.5 * 0.96 ** (i * float(momentum_decay)))

    # The product of mu(1) ... mu(step): beta1^step times a product whose factors begin at 1/2 and rise to 1. After
    # 10,000 of them either the rest are 1 (momentum_decay > 0.09) or the product is below 1e-58, and 1 - product is 1.
    i = np.arange(1, min(step, 10_000) + 1)
    product = beta1**step * np.prod(1 - 0.5 * 0.96 ** (i * float(momentum_decay)))
    _mean(m, g, beta1)
    _mean(v, g**2, beta2)
    direction = (1 - mu(step)) / (1 - product) * g + mu(step + 1) / (1 - product * mu(step + 1)) * m
    _apply(w, -lr * direction / (np.sqrt(v / (1 - beta2**step)) + eps), lr, weight_decay)


@twin("w", "dw", "m", "v", in_place=("w", "m", "v"))
def yogi(
    w: Array,
    dw: Array,
    m: Array,
    v: Array,
    *,
    step: Any,
    lr: float = 1e-2,
    beta1: float = 0.9,
    beta2: float = 0.999,
    eps: float = 1e-3,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> Any:
    g = -dw if maximize else dw
    _mean(m, g, beta1)
    v[...] = v - (1 - beta2) * np.sign(v - g**2) * g**2
    m_hat, v_hat = m / (1 - beta1**step), v / (1 - beta2**step)
    _apply(w, -lr * m_hat / (np.sqrt(v_hat) + eps), lr, weight_decay)


@twin("w", "dw", "m", in_place=("w", "m"))
def lion(
    w: Array,
    dw: Array,
    m: Array,
    *,
    lr: float = 1e-4,
    beta1: float = 0.9,
    beta2: float = 0.99,
    weight_decay: float = 0.0,
    maximize: bool = False,
) -> Any:
    g = -dw if maximize else dw
    direction = np.sign(beta1 * m + (1 - beta1) * g)
    _mean(m, g, beta2)
    _apply(w, -lr * direction, lr, weight_decay)


_OPTION_OF = {"m": "centered", "b": "momentum", "v_max": "amsgrad"}  # of states that an option needs


def states_of(name: str, options: Mapping[str, Any]) -> list[str]:
    """The names of the states that this optimizer takes with these options, in order."""
    _, _, *more = inspect.signature(globals()[name]).parameters.values()  # behind w and dw
    places = [p for p in more if p.kind is not p.KEYWORD_ONLY]
    return [p.name for p in places if p.default is p.empty or options.get(_OPTION_OF[p.name])]


__all__ = [
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "lion",
    "momentum",
    "nadam",
    "nesterov",
    "rmsprop",
    "sgd",
    "yogi",
]
