"""What both courses need: one dtype a call, as NumPy would find it, and the names that are not supported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

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


def promoted(*values: Any) -> list[Array]:
    """Arrays of one float dtype, the one that NumPy's arithmetic would arrive at; integers count as float64."""
    arrays = [np.asarray(v) for v in values]
    dtype = arrays[0].dtype
    if dtype in _FLOATS and all(a.dtype == dtype for a in arrays):
        return arrays
    dtype = np.result_type(np.float32, *arrays)
    return [a.astype(dtype, copy=False) for a in arrays]


def rows(x: Array) -> Array:
    """(n, d) for an x of shape (n, d1, ..., dk)."""
    return x if x.ndim == 2 else x.reshape(x.shape[0], -1)
