"""Norm balls: what "no larger than 1" looks like for each norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit import functional as F
from densekit._arrays import number, real
from densekit._checks import items, short
from densekit.plots._style import Display, checked_axes, color, tidy


def ball(p: float, points: int = 721) -> NDArray[np.float64]:
    """(points, 2): all w with (|w₁|^p + |w₂|^p)^(1/p) = 1, around the origin once."""
    angle = np.linspace(0, 2 * np.pi, points)
    around = np.column_stack([np.cos(angle), np.sin(angle)])
    around[np.abs(around) < 1e-12] = 0.0  # the corners on the axes exactly
    return np.asarray(around / F.vector_norm(around, p, axis=1)[:, None])


def _order(p: Any) -> float:
    if isinstance(p, float | np.floating) and p == np.inf:
        return np.inf
    order = number("NormBallsDisplay", "orders", p)
    if order <= 0:
        raise ValueError(f"NormBallsDisplay: orders must be greater than 0, got {short(p)}")
    return order


class NormBallsDisplay(Display):
    """Balls of radius 1 in the plane: p = 1 the diamond of L1, 2 the circle of L2, inf the square.

    orders: the p, each greater than 0. curves: one (points, 2) array each.
    Corners on the axes are why L1 makes weights exactly 0: the least loss on the ball is often at a corner.

    >>> display = densekit.plots.NormBallsDisplay.from_orders([1, 2])
    >>> [float(curve.max()) for curve in display.curves]
    [1.0, 1.0]
    """

    _size = (4.6, 4.4)

    def __init__(self, orders: Sequence[float], curves: Sequence[NDArray[np.float64]]) -> None:
        op = "NormBallsDisplay"
        self.orders = tuple(_order(p) for p in items(op, "orders", orders, "numbers above 0"))
        self.curves = tuple(
            real(op, f"curves[{i}]", curve) for i, curve in enumerate(items(op, "curves", curves, "(points, 2) arrays"))
        )
        if len(self.curves) != len(self.orders):
            raise ValueError(f"{op}: {len(self.orders)} orders but {len(self.curves)} curves, expected one each")
        for i, curve in enumerate(self.curves):
            if curve.ndim != 2 or curve.shape[1] != 2:
                raise ValueError(f"{op}: curves[{i}] is {curve.shape}, expected (points, 2)")

    @classmethod
    def from_orders(cls, orders: Sequence[float] = (0.5, 1, 2, 4, np.inf), *, ax: Any = None) -> NormBallsDisplay:
        """Computes and draws."""
        checked_axes("NormBallsDisplay", ax)
        found = [_order(p) for p in items("NormBallsDisplay", "orders", orders, "numbers above 0")]
        return cls(found, [ball(p) for p in found]).plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        for i, (p, curve) in enumerate(zip(self.orders, self.curves, strict=True)):
            name = "∞" if p == np.inf else f"{p:g}"
            ax.plot(*curve.T, color=color(i), label=f"p = {name}", linewidth=1.8)
        ax.axhline(0, color="#AAAAAA", linewidth=0.6)
        ax.axvline(0, color="#AAAAAA", linewidth=0.6)
        ax.set_aspect("equal")
        tidy(ax, x="weight 1", y="weight 2", title="All weights of norm 1", grid=False)
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
