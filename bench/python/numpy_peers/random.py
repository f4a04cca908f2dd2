"""Dropout and noise: both sides draw numbers of their own, so only their statistics can agree."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from densekit.registry import Call
from numpy_peers.peer import peer

GENERATOR = np.random.Generator(np.random.SFC64(0))  # NumPy's fastest


def same_share(ours: tuple[Any, ...], theirs: tuple[Any, ...], call: Call) -> bool:
    """Shares of kept elements within five standard deviations of 1 - rate, and the kept ones scaled alike."""
    rate = call.args[1]
    for y in (ours[0], theirs[0]):
        if abs(np.count_nonzero(y) / y.size - (1 - rate)) > 5 * math.sqrt(rate * (1 - rate) / y.size):
            return False
    both = (ours[0] != 0) & (theirs[0] != 0)
    return bool(np.allclose(ours[0][both], theirs[0][both], rtol=1e-6, atol=0))


@peer(agree=same_share)
def dropout_mask(shape, rate, *, seed, step=0, layer=0):
    return GENERATOR.random(shape, np.float32) >= rate


@peer(agree=same_share)
def dropout(x, rate, *, seed, step=0, layer=0):
    y = GENERATOR.random(x.shape, np.float32)
    kept = y >= rate
    np.multiply(x, np.float32(1 / (1 - rate)), out=y)
    y *= kept
    return y


@lru_cache
def kept_mask(shape: tuple[int, ...], rate: float) -> np.ndarray:
    return GENERATOR.random(shape, np.float32) >= rate


@peer(agree=same_share)
def dropout_backward(dy, rate, *, seed, step=0, layer=0):
    """From the mask that the forward pass kept; ours draws it again."""
    d = dy * np.float32(1 / (1 - rate))
    d *= kept_mask(dy.shape, rate)
    return d


def same_spread(ours: tuple[Any, ...], theirs: tuple[Any, ...], call: Call) -> bool:
    """Means and deviations of the noise within five standard errors of 0 and std."""
    x, std = call.args
    for y in (ours[0], theirs[0]):
        noise = (y - x).astype(np.float64)
        if abs(noise.mean()) > 5 * std / math.sqrt(y.size) or abs(noise.std() - std) > 5 * std / math.sqrt(2 * y.size):
            return False
    return True


@peer(agree=same_spread)
def gaussian_noise(x, std, *, seed, step=0, layer=0):
    y = GENERATOR.standard_normal(x.shape, np.float32)
    y *= np.float32(std)
    y += x
    return y
