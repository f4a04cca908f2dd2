"""Functions of arrays, or of single numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import densekit.functional as F
from densekit.compat._shared import Array, Kind, activation, promoted


def _applied(kernel: Callable[[Array], Array], x: Any) -> Any:
    (array,) = promoted(x)
    result = kernel(array)
    return result[()] if result.ndim == 0 else result


def identity_function(x: Any) -> Any:
    """x itself."""
    return x


def step_function(x: Any) -> Any:
    """1 where x > 0, else 0, as integers.

    >>> from densekit.compat.dlfs.functions import step_function
    >>> step_function(np.array([-1.0, 0.0, 2.0]))
    array([0, 0, 1])
    """
    return np.array(np.asarray(x) > 0, dtype=int)


def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x), without overflow.

    >>> from densekit.compat.dlfs.functions import sigmoid
    >>> sigmoid(np.array([-1.0, 0.0, 1.0])).round(8)
    array([0.26894142, 0.5       , 0.73105858])
    """
    return _applied(lambda z: activation(Kind.sigmoid, z), x)


def sigmoid_grad(x: Any) -> Any:
    """The slope of sigmoid at x: s (1 - s)."""
    s = sigmoid(x)
    return (1.0 - s) * s


def relu(x: Any) -> Any:
    """max(0, x); integers stay integers.

    >>> from densekit.compat.dlfs.functions import relu
    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return _applied(lambda z: activation(Kind.relu, z), x) if np.asarray(x).dtype.kind == "f" else np.maximum(0, x)


def relu_grad(x: Any) -> Any:
    """1 where x >= 0, else 0: here the slope at 0 is 1 (in the layer Relu it is 0)."""
    x = np.asarray(x)
    return (x >= 0).astype(x.dtype)


def softmax(x: Any) -> Any:
    """e^x / sum(e^x) along the last axis, without overflow.

    >>> from densekit.compat.dlfs.functions import softmax
    >>> softmax(np.array([0.3, 2.9, 4.0])).round(8)
    array([0.01821127, 0.24519181, 0.73659691])
    """
    return _applied(F.softmax, x)


def sum_squared_error(y: Any, t: Any) -> Any:
    """1/2 sum (y - t)^2, over all elements.

    >>> from densekit.compat.dlfs.functions import sum_squared_error
    >>> y = np.array([0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0])
    >>> float(sum_squared_error(y, np.eye(10)[2]).round(4))
    0.0975
    """
    difference = np.asarray(y) - np.asarray(t)
    return 0.5 * np.sum(difference**2)


mean_squared_error = sum_squared_error  # its name in the first printings


def classes(y: Array, t: Array) -> Array:
    """Class indices from targets t: those themselves, or the largest of each row if t is as large as y."""
    return t.argmax(axis=1) if t.size == y.size else t


def cross_entropy_error(y: Any, t: Any) -> Any:
    """-sum log(y_t + 1e-7) / rows, y_t the probability of the right class.

    y: probabilities (n, classes) or (classes). t: one-hot of that shape, or class indices.

    >>> from densekit.compat.dlfs.functions import cross_entropy_error
    >>> y = np.array([0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0])
    >>> float(cross_entropy_error(y, np.eye(10)[2]).round(6))
    0.510825
    """
    y, t = np.asarray(y), np.asarray(t)
    if y.ndim == 1:
        y, t = y.reshape(1, -1), t.reshape(1, -1)
    right = y[np.arange(len(y)), classes(y, t)]
    return -np.sum(np.log(right + 1e-7)) / len(y)


def softmax_loss(X: Any, t: Any) -> Any:
    """cross_entropy_error of softmax(X)."""
    return cross_entropy_error(softmax(X), t)


__all__ = [
    "cross_entropy_error",
    "identity_function",
    "mean_squared_error",
    "np",  # scripts of the book have no `import numpy` where its modules give it by `import *`
    "relu",
    "relu_grad",
    "sigmoid",
    "sigmoid_grad",
    "softmax",
    "softmax_loss",
    "step_function",
    "sum_squared_error",
]
