"""A function and its Taylor polynomials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from densekit import taylor
from densekit._arrays import number, vector, whole
from densekit._checks import items, mapping, text
from densekit.plots._style import BLACK, Display, checked_axes, color, dashes, tidy


class TaylorDisplay(Display):
    """The function (black) and its Taylor polynomials of several orders around a.

    x: (points,). values: f(x). polynomials: {order: (points,)}.
    """

    def __init__(self, x: Any, values: Any, polynomials: dict[int, Any], a: float, name: str) -> None:
        op = "TaylorDisplay"
        self.x = vector(op, "x", x)
        count = len(self.x)
        self.values, self.a = vector(op, "values", values, count), number(op, "a", a)
        found = mapping(op, "polynomials", polynomials, "{order: (points,)}")
        self.polynomials = {order: vector(op, f"polynomials[{order}]", p, count) for order, p in found.items()}
        self.name = text(op, "name", name)

    @classmethod
    def from_function(
        cls,
        f: str | Callable[[Any], Any],
        a: float = 0.0,
        orders: Sequence[int] = (1, 3, 5, 7),
        *,
        low: float | None = None,
        high: float | None = None,
        radius: float = 0.5,
        ax: Any = None,
    ) -> TaylorDisplay:
        """f, a, radius: as `taylor.coefficients`. low, high: of x; None is a ∓ 4 (from −0.95 for log1p, to 2).

        >>> display = densekit.plots.TaylorDisplay.from_function("sin", orders=[1])
        >>> bool((display.polynomials[1] == display.x).all())
        True
        """
        op = "TaylorDisplay"
        checked_axes(op, ax)
        a, wanted = number(op, "a", a), items(op, "orders", orders, "whole numbers")
        wanted = [whole(op, "orders", order, high=150) for order in wanted]
        if not wanted:
            raise ValueError(f"{op}: orders is empty")
        ends = (-0.95, 2.0) if isinstance(f, str) and f == "log1p" else (a - 4.0, a + 4.0)
        first = ends[0] if low is None else number(op, "low", low)
        x = np.linspace(first, ends[1] if high is None else number(op, "high", high), 401)
        c = taylor.coefficients(f, a, max(wanted), radius=radius)
        polynomials = {order: taylor.polynomial(c[: order + 1], a, x) for order in wanted}
        name = f if isinstance(f, str) else getattr(f, "__name__", "f")
        name = "f" if name == "<lambda>" else name
        return cls(x, np.asarray(taylor.function(f)(x)), polynomials, a, name).plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        for i, (order, values) in enumerate(self.polynomials.items()):
            ax.plot(self.x, values, color=color(i), linestyle=dashes(i), linewidth=1.4, label=f"order {order}")
        ax.plot(self.x, self.values, color=BLACK, linewidth=2.2, label=self.name)
        ax.plot(self.a, np.interp(self.a, self.x, self.values), "o", color=BLACK, markersize=6)
        reach = float(np.ptp(self.values)) or 1.0
        ax.set_ylim(
            self.values.min() - 0.6 * reach, self.values.max() + 0.6 * reach
        )  # polynomials leave, f is the point
        tidy(ax, x="x", y=f"{self.name}(x)", title=f"Taylor polynomials around a = {self.a:g}")
        ax.legend(frameon=False, fontsize="small")
