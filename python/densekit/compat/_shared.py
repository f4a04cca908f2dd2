"""What both courses need: one dtype a call, as NumPy would find it, and the names that are not supported."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

import densekit.functional as F
from densekit import _core
from densekit._arrays import contiguous, whole
from densekit._checks import given
from densekit._intake import as_array

Kind = _core.Activation
Array: TypeAlias = NDArray[Any]

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


class ConvolutionNotSupported(NotImplementedError):
    """Convolution and pooling are not part of densekit.compat."""


def refuse(name: str, module: str) -> NoReturn:
    """Raises ConvolutionNotSupported for a name of the course's module."""
    raise ConvolutionNotSupported(
        f"{name}: densekit.compat has the dense layers only; convolution and pooling are not part of it. "
        f"Keep your own: from {module} import {name}"
    )


def refused(name: str, module: str) -> Callable[..., NoReturn]:
    """A function of that name that says so when it is called, for `from ... import *` must go through."""

    def function(*args: Any, **kwargs: Any) -> NoReturn:
        refuse(name, module)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Not supported: raises ConvolutionNotSupported. Keep the {name} of {module}."
    return function


def is_float(array: Array) -> bool:
    """Whether the kernels take the array's dtype."""
    return array.dtype in _FLOATS


def as_numbers(op: str, name: str, value: Any) -> Array:
    """An array of real numbers as it is, or made of lists and numbers."""
    if type(value) is np.ndarray and value.dtype.kind in "fiub":
        return value
    return as_array(op, name, value)


def table(op: str, name: str, value: Any) -> Array:
    """(n, d), every row of (n, d1, ..., dk) made flat; the array itself if it is that."""
    return rows(as_numbers(op, name, value), op, name)


def labels(op: str, name: str, value: Any, length: int) -> Array:
    """(length,) classes, from 0."""
    found = as_numbers(op, name, value)
    if found.shape != (length,):
        raise ValueError(f"{op}: {name} is {found.shape}, expected ({length},) classes")
    if found.dtype.kind not in "iub":
        raise TypeError(f"{op}: {name} is {found.dtype}, expected classes, whole numbers from 0")
    return found


def in_place(op: str, name: str, value: Any) -> Array:
    """An array of floats that can be changed; TypeError or ValueError otherwise."""
    if not isinstance(value, np.ndarray) or value.dtype.kind != "f":
        got = f"an array of {value.dtype}" if isinstance(value, np.ndarray) else given(value)
        raise TypeError(f"{op}: {name} is changed in place, and must be an array of floats, got {got}")
    if not value.flags.writeable:
        raise ValueError(f"{op}: {name} is changed in place, but the array is read-only")
    return value


def kept(op: str, cache: Any, count: int) -> Any:
    """What a forward function returned for its backward function."""
    if not isinstance(cache, tuple) or len(cache) != count:
        raise TypeError(f"{op}: cache must be what the forward function returned, got {given(cache)}")
    return cache


def is_on(op: str, name: str, value: Any) -> bool:
    """True or False, or 1 or 0, as the courses' notebooks write."""
    if not isinstance(value, bool | int | np.bool_ | np.integer):
        raise TypeError(f"{op}: {name} must be True or False, got {given(value)}")
    return bool(value)


def batch_of(op: str, name: str, value: Any) -> int:
    """The number of rows of a batch, which is drawn with replacement."""
    return whole(op, name, value, low=1, high=2**31)


def promoted(*values: Any, of: str) -> list[Array]:
    """Arrays of one float dtype, the one that NumPy's arithmetic would arrive at; integers count as float64.

    of: the function and the names of the values, for errors: "sgd w dw".
    """
    dtype = getattr(values[0], "dtype", None)
    for value in values:  # the common case first
        if type(value) is not np.ndarray or value.dtype is not dtype:
            break
    else:
        if dtype in _FLOATS:
            return list(values)
    op, *names = of.split()
    arrays = [as_numbers(op, name, value) for name, value in zip(names, values, strict=True)]
    dtype = np.result_type(np.float32, *arrays)
    return [a.astype(dtype, copy=False) for a in arrays]


def rows(x: Array, op: str = "forward", name: str = "x") -> Array:
    """(n, d) for an x of shape (n, d1, ..., dk)."""
    if x.ndim == 2:
        return x
    if x.ndim == 0:
        raise ValueError(f"{op}: {name} is one number, expected (n, d)")
    return x.reshape(x.shape[0], math.prod(x.shape[1:]))


def step(rule: Any, numbers: Any, w: Array, dw: Any, *states: Array) -> None:
    """One update of w and its states in place: arrays of one shape and dtype, the states in C order.

    Straight to the kernel, for small arrays would spend more time on checks than on numbers: what the courses'
    hyper-parameters may be is what NumPy's arithmetic makes of them.
    """
    gradient = contiguous(as_numbers("update", "the gradient", dw).astype(w.dtype, copy=False))
    if gradient.shape != w.shape:
        raise ValueError(f"the parameters are {w.shape} but their gradient is {gradient.shape}")
    target = contiguous(w)
    _core.optimizer_update(rule, target, gradient, list(states), numbers)
    if target is not w:
        w[...] = target


def descend(w: Array, direction: Any, lr: float) -> None:
    """w <- w - lr direction, in place; either way the same bits."""
    if (
        w.size < 4096
        and isinstance(direction, np.ndarray)
        and direction.dtype == w.dtype
        and direction.shape == w.shape
    ):
        w -= float(lr) * direction
    else:
        step(_core.Optimizer.sgd, _core.sgd_numbers(lr, 0.0, False), w, direction)


def _plain(*arrays: Array) -> bool:
    """Whether kernels can take all of them as they lie."""
    return all(a.flags.carray for a in arrays)


# Operations without the questions of densekit.functional, which on small networks take longer than the numbers. They
# take arrays of one dtype; those that a kernel cannot take as they are, and those that do not fit, go the long way.


def dense(x: Array, w: Array, b: Array, *, relu: bool = False) -> Array:
    """x w + b, or max(0, x w + b)."""
    if x.ndim == 2 and w.ndim == 2 and x.shape[1] == w.shape[0] and b.shape == w.shape[1:] and _plain(x, w, b):
        y = np.empty((x.shape[0], w.shape[1]), x.dtype)
        _core.dense(x, w, b, Kind.relu if relu else Kind.identity, 0.0, y, None)
        return y
    return F.dense(x, w, b, activation="relu" if relu else None)  # type: ignore[no-any-return]


def dense_backward(dy: Array, x: Array, w: Array) -> tuple[Array, Array, Array]:
    """dx, dw, db."""
    if dy.ndim == x.ndim == w.ndim == 2 and (*x.shape, dy.shape[1]) == (len(dy), *w.shape) and _plain(dy, x, w):
        dx, dw, db = np.empty(x.shape, x.dtype), np.empty(w.shape, x.dtype), np.empty(w.shape[1], x.dtype)
        _core.dense_backward(dy, x, w, dx, dw, db)
        return dx, dw, db
    return F.dense_backward(dy, x, w)


def first_dense_backward(dy: Array, x: Array) -> tuple[Array, Array]:
    """dw and db of the first layer of a network, whose dx nobody needs: a third of its products."""
    return F.matmul(x, dy, transpose_a=True), dy.sum(axis=0)


def activation(kind: _core.Activation, z: Array) -> Array:
    """relu, sigmoid or another by its number."""
    if not _plain(z):
        z = contiguous(z)
    y = np.empty(z.shape, z.dtype)
    _core.activation_forward(kind, z, y, 0.0)
    return y


def activation_backward(kind: _core.Activation, dy: Array, saved: Array, out: Array | None = None) -> Array:
    """dy times the slope, from what relu or sigmoid gave (for relu, what it was given serves as well)."""
    if dy.shape == saved.shape and _plain(dy, saved):
        dz = np.empty(dy.shape, dy.dtype) if out is None else out
        _core.activation_backward(kind, dy, saved, dz, 0.0)
        return dz
    backward = F.relu_backward if kind == Kind.relu else F.sigmoid_backward
    return backward(dy, saved, out=out)


def batch_norm(
    x: Array, gamma: Array, beta: Array, mean: Array, var: Array, *, training: bool, decay: float, eps: float, axis: int
) -> tuple[Array, Array]:
    """out, and what batch_norm_backward needs; in training, mean and var are updated in place.

    As functional.batch_norm, but a batch of one row is taken as the courses take it: its variance is 0, so that what is
    normalized is 0 and out is beta.
    """
    channels = x.shape[axis]
    if not training or x.size != channels:
        return F.batch_norm(  # type: ignore[no-any-return]
            x, gamma, beta, mean, var, training=training, stats_decay=decay, eps=eps, axis=axis, return_saved=True
        )
    for name, array in (("gamma", gamma), ("beta", beta), ("running_mean", mean), ("running_var", var)):
        if array.shape != (channels,):
            raise ValueError(f"batch_norm: {name} is {array.shape}, expected ({channels},)")
    row = x.reshape(channels)
    mean[...] = decay * mean + (1 - decay) * row
    var[...] = decay * var
    out = np.broadcast_to(beta, x.shape).copy() if axis in (-1, x.ndim - 1) else beta.reshape(x.shape).copy()
    return out, np.stack([row.astype(np.float64), np.full(channels, 1 / np.sqrt(eps))])
