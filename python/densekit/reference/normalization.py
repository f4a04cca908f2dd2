"""Batch and layer normalisation with their backward passes."""

from typing import Any

import numpy as np

from densekit._arrays import Out
from densekit._refuse import MOMENTUM, refuses
from densekit.reference._twin import Array, twin


def _others(x: Any, axis: Any) -> Any:
    """All axes but those of the channels."""
    kept = [a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))]
    return tuple(a for a in range(x.ndim) if a not in kept)


def _each(values: Any, over: Any, default: Any) -> Any:
    """One value a channel, shaped to go with x."""
    return default if values is None else np.expand_dims(np.asarray(values, np.float64), over)


@refuses(momentum=MOMENTUM)
@twin("x", "gamma", "beta", outputs=("y", "saved"), float64=("saved",))
def batch_norm(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    running_mean: Any = None,
    running_var: Any = None,
    *,
    training: bool = True,
    stats_decay: float = 0.9,
    running_var_kind: str = "biased",
    eps: float = 1e-5,
    axis: Any = -1,
    return_saved: bool = False,
    out: Out = None,
) -> Any:
    over = _others(x, axis)
    if training:
        n = np.prod([x.shape[a] for a in over], dtype=int)
        if n < 2:
            raise ValueError(f"batch_norm: x is {x.shape} with axis={axis}: training needs at least 2 values a channel")
        mean, var = x.mean(axis=over), x.var(axis=over)
        if running_mean is not None:
            counted = var * n / (n - 1) if running_var_kind == "unbiased" else var
            running_mean[...] = stats_decay * running_mean.astype(np.float64) + (1 - stats_decay) * mean
            running_var[...] = stats_decay * running_var.astype(np.float64) + (1 - stats_decay) * counted
    else:
        mean, var = np.asarray(running_mean, np.float64), np.asarray(running_var, np.float64)
    inverse = 1 / np.sqrt(var + eps)
    y = _each(gamma, over, 1) * (x - _each(mean, over, 0)) * _each(inverse, over, 1) + _each(beta, over, 0)
    return (y, np.stack([mean, inverse])) if return_saved else y


@refuses(momentum=MOMENTUM)
@twin("dy", "x", "gamma", outputs=("dx", "dgamma", "dbeta"))
def batch_norm_backward(
    dy: Array,
    x: Array,
    gamma: Array | None = None,
    *,
    saved: Any,
    training: bool = True,
    axis: Any = -1,
    out: Out = None,
) -> Any:
    over = _others(x, axis)
    mean, inverse = (_each(s, over, None) for s in saved)
    z = (x - mean) * inverse
    dgamma, dbeta = (dy * z).sum(axis=over), dy.sum(axis=over)
    dx = dy
    if training:
        n = np.prod([x.shape[a] for a in over])
        dx = dy - _each(dbeta, over, None) / n - z * _each(dgamma, over, None) / n
    return _each(gamma, over, 1) * inverse * dx, dgamma, dbeta


@twin("x", "gamma", "beta", outputs=("y", "saved"), float64=("saved",))
def layer_norm(
    x: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    eps: float = 1e-5,
    axis: Any = -1,
    return_saved: bool = False,
    out: Out = None,
) -> Any:
    others = _others(x, axis)
    mean, var = x.mean(axis=axis), x.var(axis=axis)
    inverse = 1 / np.sqrt(var + eps)
    z = (x - np.expand_dims(mean, axis)) * np.expand_dims(inverse, axis)
    y = _each(gamma, others, 1) * z + _each(beta, others, 0)
    return (y, np.stack([mean, inverse])) if return_saved else y


@twin("dy", "x", "gamma", outputs=("dx", "dgamma", "dbeta"))
def layer_norm_backward(
    dy: Array, x: Array, gamma: Array | None = None, *, saved: Any, axis: Any = -1, out: Out = None
) -> Any:
    others = _others(x, axis)
    mean, inverse = (np.expand_dims(np.asarray(s, np.float64), axis) for s in saved)
    z = (x - mean) * inverse
    g = dy * _each(gamma, others, 1)
    dx = inverse * (g - g.mean(axis=axis, keepdims=True) - z * (g * z).mean(axis=axis, keepdims=True))
    return dx, (dy * z).sum(axis=others), dy.sum(axis=others)


__all__ = ["batch_norm", "batch_norm_backward", "layer_norm", "layer_norm_backward"]
