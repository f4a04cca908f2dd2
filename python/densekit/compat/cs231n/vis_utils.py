"""Pictures of images side by side."""

from __future__ import annotations

from math import ceil, sqrt

import numpy as np

from densekit._arrays import number, whole
from densekit.compat._shared import Array, as_numbers


def visualize_grid(Xs: Array, ubound: float = 255.0, padding: int = 1) -> Array:
    """Images (n, h, w, c) in a square grid, each stretched to 0 ... ubound, black lines of `padding` between them.

    >>> from densekit.compat.cs231n.vis_utils import visualize_grid
    >>> visualize_grid(np.arange(3.0).reshape(3, 1, 1, 1) + np.zeros((3, 1, 2, 1))).shape
    (3, 5, 1)
    """
    op, Xs = "visualize_grid", as_numbers("visualize_grid", "Xs", Xs)
    if Xs.ndim != 4 or not Xs.size:
        raise ValueError(f"{op}: Xs is {Xs.shape}, expected images (n, h, w, c), not empty")
    ubound, padding = number(op, "ubound", ubound), whole(op, "padding", padding, high=2**20)
    count, height, width, channels = Xs.shape
    side = ceil(sqrt(count))
    grid = np.zeros((side * (height + padding) - padding, side * (width + padding) - padding, channels))
    for i, image in enumerate(Xs):
        top, left = i // side * (height + padding), i % side * (width + padding)
        low, high = image.min(), image.max()
        stretched = ubound * (image - low) / (high - low if high > low else 1)
        grid[top : top + height, left : left + width] = stretched
    return grid


__all__ = ["ceil", "np", "sqrt", "visualize_grid"]
