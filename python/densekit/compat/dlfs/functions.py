"""Functions of arrays, or of single numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import densekit.functional as F
from densekit.compat._shared import Array, Kind, activation, as_numbers, promoted


def _applied(op: str, kernel: Callable[[Array], Array], x: Any) -> Any:
    (array,) = promoted(x, of=f"{op} x")
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
    return np.array(as_numbers("step_function", "x", x) > 0, dtype=int)


def sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x), without overflow.

    >>> from densekit.compat.dlfs.functions import sigmoid
    >>> sigmoid(np.array([-1.0, 0.0, 1.0])).round(8)
    array([0.26894142, 0.5       , 0.73105858])
    """
    return _applied("sigmoid", lambda z: activation(Kind.sigmoid, z), x)


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
    array = as_numbers("relu", "x", x)
    return _applied("relu", lambda z: activation(Kind.relu, z), x) if array.dtype.kind == "f" else np.maximum(0, array)


def relu_grad(x: Any) -> Any:
    """1 where x >= 0, else 0: here the slope at 0 is 1 (in the layer Relu it is 0)."""
    x = as_numbers("relu_grad", "x", x)
    return (x >= 0).astype(x.dtype)


def softmax(x: Any) -> Any:
    """e^x / sum(e^x) along the last axis, without overflow.

    >>> from densekit.compat.dlfs.functions import softmax
    >>> softmax(np.array([0.3, 2.9, 4.0])).round(8)
    array([0.01821127, 0.24519181, 0.73659691])
    """
    return _applied("softmax", F.softmax, x)


def sum_squared_error(y: Any, t: Any) -> Any:
    """1/2 sum (y - t)^2, over all elements.

    >>> from densekit.compat.dlfs.functions import sum_squared_error
    >>> y = np.array([0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0])
    >>> float(sum_squared_error(y, np.eye(10)[2]).round(4))
    0.0975
    """
    op = "sum_squared_error"
    y, t = as_numbers(op, "y", y), as_numbers(op, "t", t)
    if y.shape != t.shape and y.ndim and t.ndim and y.shape[-t.ndim :] != t.shape:
        raise ValueError(f"{op}: y is {y.shape} but t is {t.shape}")
    difference = y.astype(np.int64) - t.astype(np.int64) if y.dtype == t.dtype == np.bool_ else y - t
    return 0.5 * np.sum(difference**2)


mean_squared_error = sum_squared_error  # its name in the first printings


def classes(y: Array, t: Array) -> Array:
    """Class indices from targets t: those themselves, or the largest of each row if t is as large as y."""
    return t.argmax(axis=1) if t.size == y.size else t


def checked_classes(op: str, y: Array, t: Array) -> Array:
    """classes, where there is one for each row of y, all of them columns of y."""
    if y.ndim != 2 or not y.size:
        raise ValueError(f"{op}: y is {y.shape}, expected probabilities (n, classes)")
    if t.size == y.size and t.shape != y.shape and t.shape != (len(y),):
        raise ValueError(f"{op}: t is {t.shape}, expected one-hot {y.shape}, or classes ({len(y)},)")
    found = classes(y, t) if t.size != y.size or t.ndim == 2 else t
    found = found.reshape(-1)
    if found.shape != (len(y),) or found.dtype.kind not in "iu":
        raise ValueError(
            f"{op}: t is {t.dtype} {t.shape}, expected one-hot {y.shape}, or whole numbers ({len(y)},), one class a row"
        )
    wrong = (found >= y.shape[1]) | (found < -y.shape[1])
    if wrong.any():
        at = int(wrong.argmax())
        raise ValueError(f"{op}: t[{at}] is {found[at]}, expected a class from 0 to {y.shape[1] - 1}")
    return found


def cross_entropy_error(y: Any, t: Any) -> Any:
    """-sum log(y_t + 1e-7) / rows, y_t the probability of the right class.

    y: probabilities (n, classes) or (classes). t: one-hot of that shape, or class indices.

    >>> from densekit.compat.dlfs.functions import cross_entropy_error
    >>> y = np.array([0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0])
    >>> float(cross_entropy_error(y, np.eye(10)[2]).round(6))
    0.510825
    """
    op = "cross_entropy_error"
    y, t = as_numbers(op, "y", y), as_numbers(op, "t", t)
    if y.ndim == 1:
        y, t = y.reshape(1, -1), t.reshape(1, -1)
    chosen = checked_classes(op, y, t)
    right = y[np.arange(len(y)), chosen]
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
