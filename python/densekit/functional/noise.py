"""Gaussian noise: a function of (seed, step, layer, element), as the masks of dropout are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core, reference
from densekit._arrays import Out, Output, contiguous, flag, floats, number
from densekit.functional.dropout import _require_numbers, _stream
from densekit.registry import Call, Tolerance, op

_LARGEST = math.sqrt(66 * math.log(2))  # of all z: from the smallest u, 2^-33


def _call(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    return Call((rng.normal(size=size).astype(dtype), 0.3), {"seed": 2**40 + 7, "step": 5, "layer": 3})


# In units of the largest z: 1 eps for the root, 1 for the cosine; in float32 rounding v turns the angle by 2 pi 2^-26.
@op(
    reference=reference.gaussian_noise,
    domain=_call,
    tolerance=Tolerance(ulps=1, epsilons=3, scale=lambda call, _: call.args[1] * _LARGEST, unit="6.8 std"),
)
def gaussian_noise(
    x: ArrayLike,
    std: float,
    *,
    training: bool = True,
    seed: int = 0,
    step: int = 0,
    layer: int = 0,
    out: Out = None,
) -> NDArray[Any]:
    """Adds noise: y = x + std z in training, z independent and standard normal; y = x otherwise.

    x: floats of any shape, 2^34 elements at most. std: the standard deviation of the noise, in units of x, at least 0;
    0 draws nothing. seed, step, layer: which noise; the same numbers give the same.
    Of the four words w of a block of Philox 4x32-10 (Salmon et al., SC'11; counter and key as for dropout), Box and
    Muller make four normal numbers: u = (w0 + 1/2) / 2^32, v = w1 / 2^32, z0 = sqrt(-2 log u) cos(2 pi v), z1 the same
    with the sine, z2 and z3 from w2 and w3.

    >>> densekit.functional.gaussian_noise(np.zeros(4), 0.5, seed=0).round(4)
    array([ 0.4956, -0.4623, -0.3088, -0.241 ])
    """
    name = "gaussian_noise"
    (data,) = floats(name, "x", x)
    _require_numbers(name, "x", data.shape)
    std = number(name, "std", std, low=0)
    stream = _stream(name, seed, step, layer)
    y = Output(name, out, data.shape, data.dtype, (data,), elementwise=True)
    _core.gaussian_noise(contiguous(data), y.target, std, flag(name, "training", training), *stream, 0)
    return y.done()


__all__ = ["gaussian_noise"]
