"""Gaussian noise by Box and Muller, Ann. Math. Statist. 29 (1958)."""

from typing import Any

import numpy as np

from densekit._arrays import Out
from densekit.reference._twin import Array, twin
from densekit.reference.dropout import _philox


@twin("x")
def gaussian_noise(
    x: Array, std: float, *, training: bool = True, seed: int = 0, step: int = 0, layer: int = 0, out: Out = None
) -> Any:
    if not training or std == 0:
        return x.copy()
    counters = np.empty((-(-x.size // 4), 4), np.uint64)
    counters[:, 0] = np.arange(len(counters))
    counters[:, 1:] = layer, step & 0xFFFFFFFF, step >> 32
    words = _philox(counters, (seed & 0xFFFFFFFF, seed >> 32)).astype(np.float64).reshape(-1, 2)  # pairs
    radius = np.sqrt(-2 * np.log((words[:, 0] + 0.5) / 2.0**32))
    angle = 2 * np.pi * (words[:, 1] / 2.0**32)
    z = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return x + std * z.ravel()[: x.size].reshape(x.shape)


__all__ = ["gaussian_noise"]
