"""Arrays as the kernels of normalisation and scaling see them: (outer, channels, inner)."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit._arrays import Floats, Output, _as_array, contiguous, whole
from densekit._checks import short


class Channels:
    """An array of a given shape as (outer, channels, inner), C-contiguous: a channel is an index into the kept axes.

    No copy is needed where the kept axes are neighbours; with `last`, where they are the last ones (then inner is 1).
    """

    __slots__ = ("_direct", "_kept", "_last", "count", "cube", "others", "statistics")

    def __init__(self, shape: tuple[int, ...], kept: tuple[int, ...], *, last: bool = False) -> None:
        first = kept[0] if kept else 0
        end = first + len(kept)
        self.statistics = tuple(shape[a] for a in kept)
        self._kept = kept
        self._last = tuple(range(-len(kept), 0))
        self._direct = kept == tuple(range(first, end)) and (end == len(shape) or not last)
        self.others = others = tuple(length for a, length in enumerate(shape) if a not in kept)
        split = first if self._direct else len(others)
        self.cube = (math.prod(others[:split]), math.prod(self.statistics), math.prod(others[split:]))
        self.count = math.prod(others)  # values in a channel

    def view(self, array: Floats) -> Floats:
        moved = array if self._direct else np.moveaxis(array, self._kept, self._last)
        return contiguous(moved).reshape(self.cube)

    def target(self, y: Output) -> NDArray[Any]:
        """Where the kernel writes y."""
        return y.target.reshape(self.cube) if self._direct else np.empty(self.cube, y.target.dtype)

    def done(self, y: Output, target: NDArray[Any]) -> NDArray[Any]:
        if not self._direct:
            moved = np.moveaxis(y.target, self._kept, self._last)
            moved[...] = target.reshape(moved.shape)
        return y.done()

    def parameter(self, op: str, name: str, value: Floats | None) -> Floats | None:
        """One value a channel, flat; None stays None."""
        if value is None:
            return None
        self.require(op, name, value)
        return contiguous(value).reshape(-1)

    def require(self, op: str, name: str, value: Floats) -> None:
        if value.shape != self.statistics:
            raise ValueError(
                f"{op}: {name} is {value.shape}, expected {self.statistics}, one value a channel of this axis"
            )


def _axes(op: str, axis: Any, ndim: int) -> tuple[int, ...]:
    """One axis or a tuple of them as sorted, different numbers from 0 to ndim - 1."""
    if ndim == 0:
        raise ValueError(f"{op}: expected at least one dimension, got a single number")
    given = axis if isinstance(axis, tuple) else (axis,)
    axes = sorted(whole(op, "axis", a, low=-ndim, high=ndim - 1) % ndim for a in given)
    if len(set(axes)) < len(axes) or not axes:
        raise ValueError(f"{op}: axis={short(axis)} must name at least one axis, and none twice")
    return tuple(axes)


def _cached(make: Any) -> Any:
    """Keeps the last results: a network asks for the same few shapes at every step."""
    kept = functools.lru_cache(maxsize=256, typed=True)(make)

    @functools.wraps(make)
    def call(op: str, shape: tuple[int, ...], axis: Any) -> Channels:
        return kept(op, shape, axis) if isinstance(axis, int | tuple) else make(op, shape, axis)  # type: ignore[no-any-return]

    return call


@_cached
def channels_along(op: str, shape: tuple[int, ...], axis: Any) -> Channels:
    """The channels are the indices into the axis or axes."""
    return Channels(shape, _axes(op, axis, len(shape)))


@_cached
def columns_along(op: str, shape: tuple[int, ...], axis: Any) -> Channels:
    """The channels are the columns along one axis: the indices into the others."""
    (along,) = _one_axis(op, shape, axis)
    return Channels(shape, tuple(a for a in range(len(shape)) if a != along))


@_cached
def rows_along(op: str, shape: tuple[int, ...], axis: Any) -> Channels:
    """The channels are the indices into one axis, which comes last: rows of their length."""
    return Channels(shape, _one_axis(op, shape, axis), last=True)


def _one_axis(op: str, shape: tuple[int, ...], axis: Any) -> tuple[int, ...]:
    if isinstance(axis, tuple):
        raise TypeError(f"{op}: axis must be a whole number, got {short(axis)}")
    return _axes(op, axis, len(shape))


def doubles(op: str, name: str, value: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Statistics that the caller hands in, as float64 whatever the data are."""
    array = np.require(_as_array(op, name, value), np.float64, ["C", "ALIGNED"])
    if array.shape != shape:
        raise ValueError(f"{op}: {name} is {array.shape}, expected {shape}")
    return array
