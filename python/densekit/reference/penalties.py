"""Penalties on weights with their gradients, soft thresholding, clipping."""

from typing import Any

import numpy as np

from densekit._arrays import Out
from densekit.reference._twin import Array, _round, twin


@twin("w", outputs=("gradient",))
def l1(w: Array, lam: Any, *, out: Out = None) -> Any:
    return float(lam * np.abs(w).sum()), lam * np.sign(w)


@twin("w", outputs=("gradient",))
def l2(w: Array, lam: Any, *, out: Out = None) -> Any:
    return float(0.5 * lam * (w**2).sum()), lam * w


@twin("w", outputs=("gradient",))
def elastic_net(w: Array, alpha: Any, l1_ratio: Any, *, out: Out = None) -> Any:
    a, b = alpha * l1_ratio, alpha * (1 - l1_ratio)
    return float(a * np.abs(w).sum() + 0.5 * b * (w**2).sum()), a * np.sign(w) + b * w


@twin("w")
def soft_threshold(w: Array, threshold: Any, *, out: Out = None) -> Any:
    return np.sign(w) * np.maximum(np.abs(w) - threshold, 0)


@twin("x")
def clip_by_value(x: Array, low: Any, high: Any, *, out: Out = None) -> Any:
    return np.clip(x, -np.inf if low is None else low, np.inf if high is None else high)


def clip_by_global_norm(arrays: Any, max_norm: Any, *, out: Out = None) -> Any:
    arrays = [np.asarray(a) for a in arrays]
    dtype = np.float32 if any(a.dtype == np.float32 for a in arrays) else np.float64
    targets = [None] * len(arrays) if out is None else out
    with np.errstate(all="ignore"):
        flat = np.concatenate([np.zeros(1), *(a.astype(np.float64).ravel() for a in arrays)])
        largest = np.abs(flat).max()  # squares of what is divided by it neither overflow nor vanish
        norm = largest * np.sqrt(((flat / largest) ** 2).sum()) if 0 < largest < np.inf else largest
        factor = np.minimum(1.0, np.float64(max_norm) / norm)
        clipped = [a.astype(np.float64) * factor for a in arrays]
    results = [_round("clip_by_global_norm", c, t, dtype) for c, t in zip(clipped, targets, strict=True)]
    return results, float(norm)


__all__ = ["clip_by_global_norm", "clip_by_value", "elastic_net", "l1", "l2", "soft_threshold"]
