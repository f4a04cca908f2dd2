"""Activations by the names of the spec: forward(z) and backward(dy, z, y), in the dtype of their argument."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densekit._activations import ENTRIES
from densekit.reference import activations

Array = NDArray[Any]


class Activation(NamedTuple):
    forward: Callable[[Array], Array]
    backward: Callable[[Array, Array, Array], Array]  # of dy, z and y


def _sum(a: Array) -> Array:
    """Of each row, in float64: (n, columns) to (n, 1)."""
    total: Array = a.sum(axis=1, keepdims=True, dtype=np.float64)
    return total


def softmax(z: Array, temperature: float = 1.0) -> Array:
    e = np.exp((z - z.max(axis=1, keepdims=True)) / temperature)  # (n, classes); the largest is 1
    return np.asarray(e / _sum(e), z.dtype)


def log_softmax(z: Array, temperature: float = 1.0) -> Array:
    shifted = (z - z.max(axis=1, keepdims=True)) / temperature
    return np.asarray(shifted - np.log(_sum(np.exp(shifted))), z.dtype)


def _softmax_backward(dy: Array, z: Array, y: Array, temperature: float) -> Array:
    # The Jacobian is diag(y) - y y'.
    return np.asarray(y * (dy - _sum(dy * y)) / temperature, z.dtype)


def _log_softmax_backward(dy: Array, z: Array, y: Array, temperature: float) -> Array:
    return np.asarray((dy - np.exp(y) * _sum(dy)) / temperature, z.dtype)


def activation(name: str, parameter: float) -> Activation:
    """The activation of that name. parameter: slope, alpha or temperature, where it has one."""
    if name == "softmax":
        return Activation(lambda z: softmax(z, parameter), lambda dy, z, y: _softmax_backward(dy, z, y, parameter))
    if name == "log_softmax":
        return Activation(
            lambda z: log_softmax(z, parameter), lambda dy, z, y: _log_softmax_backward(dy, z, y, parameter)
        )
    if name == "identity":
        return Activation(lambda z: z, lambda dy, z, y: dy)
    if name not in ENTRIES:
        raise ValueError(f"activation {name!r} is not known")
    entry = ENTRIES[name]
    options = entry.options(parameter)
    # The formulas of densekit.reference, without the conversion to float64 around them.
    forward = functools.partial(inspect.unwrap(getattr(activations, entry.function)), **options)
    slope = functools.partial(inspect.unwrap(getattr(activations, f"{entry.function}_backward")), **options)
    saves_z = entry.saves == "z"
    return Activation(
        lambda z: forward(z).astype(z.dtype, copy=False),
        lambda dy, z, y: slope(dy, z if saves_z else y).astype(z.dtype, copy=False),
    )
