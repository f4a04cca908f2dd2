"""Rectifiers whose slope below 0 is a parameter, and their backward pass."""

from typing import Any

import numpy as np

from densekit._arrays import Out
from densekit.reference._twin import Array, twin


def _along(alpha: Any, x: Any, axis: int) -> Any:
    """One value a channel, shaped to go with x; a single number as it is."""
    if alpha.ndim == 0:
        return alpha
    return alpha.reshape([-1 if a == axis % x.ndim else 1 for a in range(x.ndim)])


@twin("x", "alpha")
def prelu(x: Array, alpha: Array, *, axis: int = -1, out: Out = None) -> Any:
    return np.where(x > 0, x, _along(alpha, x, axis) * x)


@twin("dy", "x", "alpha", outputs=("dx", "dalpha"))
def prelu_backward(dy: Array, x: Array, alpha: Array, *, axis: int = -1, out: Any = None) -> Any:
    over = None if alpha.ndim == 0 else tuple(a for a in range(x.ndim) if a != axis % x.ndim)
    dx = np.where(x > 0, dy, _along(alpha, x, axis) * dy)
    return dx, np.where(x > 0, 0.0, dy * x).sum(axis=over)


__all__ = ["prelu", "prelu_backward"]
