"""Dropout: masks are functions of (seed, step, layer, element), so nothing has to be stored for the backward pass.

Element e (in C order) is kept if its random 32-bit word is at least round(rate 2^32). The word is number e % 4 of the
Philox 4x32-10 block with counter (e // 4, layer, low half of step, high half of step) and key (low half of seed, high
half of seed). So masks depend neither on threads nor on the instruction set.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core, reference
from densekit._arrays import Floats, Out, Output, contiguous, flag, floats, number, one_of, whole
from densekit.registry import Call, Tolerance, op

_MOST_ELEMENTS = 2**34
_WORD, _DOUBLE_WORD = 2**32 - 1, 2**64 - 1


def _stream(name: str, seed: int, step: int, layer: int) -> tuple[int, int, int]:
    return (
        whole(name, "seed", seed, high=_DOUBLE_WORD),
        whole(name, "step", step, high=_DOUBLE_WORD),
        whole(name, "layer", layer, high=_WORD),
    )


def _require_numbers(name: str, what: str, shape: tuple[int, ...]) -> None:
    if math.prod(shape) > _MOST_ELEMENTS:
        raise ValueError(f"{name}: {what} is {shape}, more than the 2^34 elements that one call can number")


def _mask_call(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    return Call(((size,), 0.3), {"seed": 7, "step": 2**33 + 5, "layer": 3})


def _dropout_call(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    return Call((rng.normal(size=size).astype(dtype), 0.3), {"seed": 2**40 + 7, "step": 5, "layer": 3})


@op(reference=reference.dropout_mask, domain=_mask_call, tolerance=Tolerance(ulps=0))
def dropout_mask(
    shape: int | tuple[int, ...], rate: float, *, seed: int, step: int = 0, layer: int = 0, out: Out = None
) -> NDArray[np.bool_]:
    """The mask of dropout: True for the elements that are kept.

    shape: a length or a tuple of them, 2^34 elements at most. rate: the probability of being dropped, in [0, 1]; 0
    keeps all, 1 drops all. seed, step: whole numbers below 2^64; layer: below 2^32. The same numbers give the same
    mask.
    Generator: Philox 4x32-10, Salmon et al., SC'11.

    >>> densekit.functional.dropout_mask(8, 0.5, seed=0)
    array([False,  True,  True,  True,  True, False,  True, False])
    """
    name = "dropout_mask"
    lengths = shape if isinstance(shape, tuple) else (shape,)
    lengths = tuple(whole(name, "shape", length) for length in lengths)
    _require_numbers(name, "shape", lengths)
    rate = number(name, "rate", rate, low=0, high=1)
    stream = _stream(name, seed, step, layer)
    kept = Output(name, out, lengths, np.dtype(np.bool_))
    _core.dropout_mask(rate, *stream, 0, kept.target)
    return kept.done()


def _apply(
    name: str, what: str, x: Floats, rate: float, mode: str, training: bool, seed: int, step: int, layer: int, out: Out
) -> NDArray[Any]:
    _require_numbers(name, what, x.shape)
    rate = number(name, "rate", rate, low=0, high=1)
    kind = _core.DropoutMode.__members__[one_of(name, "mode", mode, ("inverted", "classic"))]
    stream = _stream(name, seed, step, layer)
    y = Output(name, out, x.shape, x.dtype, (x,), elementwise=True)
    _core.dropout(contiguous(x), y.target, rate, kind, flag(name, "training", training), *stream, 0)
    return y.done()


@op(reference=reference.dropout, domain=_dropout_call, tolerance=Tolerance(ulps=2))
def dropout(
    x: ArrayLike,
    rate: float,
    *,
    mode: Literal["inverted", "classic"] = "inverted",
    training: bool = True,
    seed: int = 0,
    step: int = 0,
    layer: int = 0,
    out: Out = None,
) -> NDArray[Any]:
    """Dropout: zeroes elements at random; rate is the probability of being dropped (not of being kept), in [0, 1].

    mode "inverted": y = x kept / (1 - rate) in training, y = x otherwise. "classic": y = x kept in training,
    y = x (1 - rate) otherwise. Either way the mean over masks is what comes out with training=False.
    x: floats of any shape, 2^34 elements at most. seed, step, layer: which mask, see dropout_mask. A rate of 0 draws
    nothing; a rate of 1 gives zeros. What is dropped is zero even where x is NaN or infinite.
    Srivastava et al., JMLR 15, 2014.

    >>> densekit.functional.dropout(np.float32([1, 2, 3, 4]), 0.5, seed=0)
    array([0., 4., 6., 8.], dtype=float32)
    """
    (data,) = floats("dropout", "x", x)
    return _apply("dropout", "x", data, rate, mode, training, seed, step, layer, out)


@op(
    reference=reference.dropout_backward,
    domain=_dropout_call,
    tolerance=Tolerance(ulps=2),
    backward_of="dropout",
)
def dropout_backward(
    dy: ArrayLike,
    rate: float,
    *,
    mode: Literal["inverted", "classic"] = "inverted",
    training: bool = True,
    seed: int = 0,
    step: int = 0,
    layer: int = 0,
    out: Out = None,
) -> NDArray[Any]:
    """The gradient of dropout with respect to x, for a gradient dy from above; the same keywords draw the same mask.

    >>> densekit.functional.dropout_backward(np.ones(4), 0.5, seed=0)
    array([0., 2., 2., 2.])
    """
    (upstream,) = floats("dropout_backward", "dy", dy)
    return _apply("dropout_backward", "dy", upstream, rate, mode, training, seed, step, layer, out)


__all__ = ["dropout", "dropout_backward", "dropout_mask"]
