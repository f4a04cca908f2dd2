"""Random words, normal numbers and dropout masks as functions of (seed, step, layer, element)."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit.reference.dropout import _philox, dropout_mask

_LOW = 0xFFFFFFFF
_blocks: Any = _philox
_mask = inspect.unwrap(dropout_mask)


def mask(shape: tuple[int, ...], rate: float, *, first: int = 0, **place: int) -> NDArray[np.bool_]:
    """Which elements are kept; first: the number of the first, a multiple of 4."""
    count = math.prod(shape)
    kept: NDArray[Any] = _mask((first + count,), rate, **place)
    return kept[first:].reshape(shape).astype(bool)


def words(count: int, *, seed: int, layer: int, step: int, first: int = 0) -> NDArray[np.uint64]:
    """The words of `count` elements, four to a row (a block of Philox); the last row may hold some more.

    first: the number of the first element, a multiple of 4.
    """
    counters = np.empty((-(-count // 4), 4), np.uint64)
    counters[:, 0] = first // 4 + np.arange(len(counters))
    counters[:, 1:] = layer, step & _LOW, step >> 32
    drawn: NDArray[np.uint64] = _blocks(counters, (seed & _LOW, seed >> 32))
    return drawn


def uniforms(count: int, **place: int) -> NDArray[np.float64]:
    """In (0, 1): the middle of the interval that a word stands for."""
    return (words(count, **place).ravel()[:count].astype(np.float64) + 0.5) / 2.0**32


def normals(count: int, **place: int) -> NDArray[np.float64]:
    """Standard normal numbers. Box and Muller, Ann. Math. Statist. 29 (1958): two words give two."""
    w = words(count, **place).astype(np.float64)
    radius = np.sqrt(-2 * np.log((w[:, ::2] + 0.5) / 2.0**32))  # (blocks, 2)
    angle = 2 * np.pi * (w[:, 1::2] / 2.0**32)
    z: NDArray[Any] = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)  # (blocks, 2, 2)
    return z.ravel()[:count]
