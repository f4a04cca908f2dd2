"""Dropout, and Philox 4x32-10, which draws its masks."""

from typing import Any

import numpy as np

from densekit._arrays import Out
from densekit.reference._twin import Array, twin

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def _philox(counter: Any, key: Any) -> Any:
    """Four words for each counter of four words (..., 4) and a key of two. Salmon et al., SC'11."""
    c0, c1, c2, c3 = np.moveaxis(np.asarray(counter, np.uint64), -1, 0)
    k0, k1 = (np.uint64(k) for k in key)
    for _ in range(10):
        p, q = np.uint64(0xD2511F53) * c0, np.uint64(0xCD9E8D57) * c2  # 32 by 32 bits: nothing is lost in 64
        c0, c1, c2, c3 = (q >> _HALF) ^ c1 ^ k0, q & _LOW, (p >> _HALF) ^ c3 ^ k1, p & _LOW
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & _LOW, (k1 + np.uint64(0xBB67AE85)) & _LOW
    return np.stack([c0, c1, c2, c3], axis=-1)


@twin()
def dropout_mask(shape: Any, rate: Any, *, seed: Any, step: int = 0, layer: int = 0, out: Out = None) -> Any:
    elements = int(np.prod(shape, dtype=np.uint64))
    counters = np.empty((-(-elements // 4), 4), np.uint64)
    counters[:, 0] = np.arange(len(counters))
    counters[:, 1:] = layer, step & 0xFFFFFFFF, step >> 32
    words = _philox(counters, (seed & 0xFFFFFFFF, seed >> 32)).ravel()[:elements]
    return (words >= np.uint64(np.rint(rate * 2.0**32))).reshape(shape)


@twin("x")
def dropout(
    x: Array,
    rate: Any,
    *,
    mode: str = "inverted",
    training: bool = True,
    seed: int = 0,
    step: int = 0,
    layer: int = 0,
    out: Out = None,
) -> Any:
    if not training:
        kept, factor = np.full(x.shape, mode == "inverted" or rate < 1), 1 if mode == "inverted" else 1 - rate
    else:
        kept = dropout_mask(x.shape, rate, seed=seed, step=step, layer=layer)
        factor = 1 / np.subtract(1.0, rate) if mode == "inverted" else 1
    return np.where(kept, x * factor, 0.0)


@twin("dy")
def dropout_backward(
    dy: Array,
    rate: Any,
    *,
    mode: str = "inverted",
    training: bool = True,
    seed: int = 0,
    step: int = 0,
    layer: int = 0,
    out: Out = None,
) -> Any:
    return dropout(dy, rate, mode=mode, training=training, seed=seed, step=step, layer=layer)


__all__ = ["dropout", "dropout_backward", "dropout_mask"]
