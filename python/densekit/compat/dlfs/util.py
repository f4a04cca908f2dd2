"""Data in another order, and curves for pictures."""

from __future__ import annotations

from typing import Any

import numpy as np

from densekit._intake import as_labels
from densekit.compat._shared import Array, as_numbers, refused


def smooth_curve(x: Any) -> Array:
    """The mean of each 11 neighbours, weighted by a Kaiser window (beta 2); the ends are mirrored.

    >>> from densekit.compat.dlfs.util import smooth_curve
    >>> smooth_curve(np.ones(20)).shape
    (20,)
    """
    x = as_numbers("smooth_curve", "x", x)
    if x.ndim != 1 or len(x) < 11:
        raise ValueError(f"smooth_curve: x is {x.shape}, expected (n,), 11 numbers or more")
    window = np.kaiser(11, 2)
    mirrored = np.concatenate([x[10:0:-1], x, x[-1:-11:-1]])
    return np.convolve(window / window.sum(), mirrored, mode="valid")[5:-5]


def shuffle_dataset(x: Array, t: Array) -> tuple[Array, Array]:
    """x and t with their rows in the same random order, that of np.random.permutation.

    >>> from densekit.compat.dlfs.util import shuffle_dataset
    >>> np.random.seed(0)
    >>> shuffle_dataset(np.eye(3), np.arange(3))[1]
    array([2, 1, 0])
    """
    op = "shuffle_dataset"
    x, t = as_numbers(op, "x", x), as_labels(op, "t", t)
    if not x.ndim or not t.ndim or len(x) != len(t):
        raise ValueError(f"{op}: x is {x.shape} but t is {t.shape}, expected as many rows")
    order = np.random.permutation(x.shape[0])
    return x[order], t[order]


_MODULE = "common.util"
im2col = refused("im2col", _MODULE)
col2im = refused("col2im", _MODULE)
conv_output_size = refused("conv_output_size", _MODULE)

__all__ = ["col2im", "conv_output_size", "im2col", "np", "shuffle_dataset", "smooth_curve"]
