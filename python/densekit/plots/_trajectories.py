"""Paths of optimizers over a surface, and what restarts bring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from densekit import optim2d
from densekit._checks import instance, items
from densekit.plots._style import BLACK, BLUE, RED, SEQUENTIAL, Display, checked_axes, color, dashes, tidy


class TrajectoriesDisplay(Display):
    """Contours of the surface (of its logarithm), the path of each optimizer, stars at the global minima.

    trajectories: of `optim2d.trajectory`, all over one surface.
    """

    _size = (6.4, 5.0)

    def __init__(self, trajectories: Sequence[optim2d.Trajectory]) -> None:
        op, kind = "TrajectoriesDisplay", "Trajectory objects, as densekit.optim2d.trajectory gives"
        self.trajectories = [
            instance(op, f"trajectories[{i}]", one, optim2d.Trajectory, "a Trajectory of densekit.optim2d.trajectory")
            for i, one in enumerate(items(op, "trajectories", trajectories, kind))
        ]
        names = {t.surface.name for t in self.trajectories}
        if len(names) != 1:
            raise ValueError(f"TrajectoriesDisplay: trajectories over one surface are needed, got {sorted(names)}")

    @classmethod
    def from_surface(
        cls,
        surface: str | optim2d.Surface,
        optimizers: Sequence[str] = ("sgd", "momentum", "rmsprop", "adam"),
        *,
        start: ArrayLike = (-1.5, 2.0),
        steps: int = 200,
        lr: float | None = None,
        ax: Any = None,
    ) -> TrajectoriesDisplay:
        """Runs the optimizers and draws; the arguments are those of `optim2d.trajectory`.

        >>> len(densekit.plots.TrajectoriesDisplay.from_surface("beale", ["adam"], steps=5).trajectories[0].points)
        6
        """
        op = "TrajectoriesDisplay"
        checked_axes(op, ax)
        optimizers = items(op, "optimizers", optimizers, "names of optimizers")
        paths = [optim2d.trajectory(surface, name, start=start, steps=steps, lr=lr) for name in optimizers]
        return cls(paths).plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        surface = self.trajectories[0].surface
        grid = np.linspace(surface.low, surface.high, 201)
        x, y = np.meshgrid(grid, grid)
        z = surface.value(x, y)
        height = np.log10(z - z.min() + 0.1) if len(surface.minima) else z
        filled = ax.contourf(x, y, height, levels=24, cmap=SEQUENTIAL, alpha=0.55)
        bar = ax.figure.colorbar(filled, ax=ax)
        bar.set_label("log10 of (f + 0.1)" if len(surface.minima) else "f")
        for i, path in enumerate(self.trajectories):
            label = path.optimizer + (" (reached)" if path.reached else "")
            ax.plot(*path.points.T, color="white", linewidth=3.2)
            ax.plot(*path.points.T, color=color(i), linestyle=dashes(i), linewidth=1.6, label=label)
            ax.plot(*path.points[-1], "o", color=color(i), markeredgecolor="white", markersize=6)
        ax.plot(*self.trajectories[0].points[0], "s", color=BLACK, markeredgecolor="white", markersize=7)
        ax.plot(*surface.minima.T, "*", color="white", markeredgecolor=BLACK, markersize=13, linestyle="none")
        ax.set_xlim(surface.low, surface.high)
        ax.set_ylim(surface.low, surface.high)
        title = f"{surface.name}: square start" + (", stars global minima" if len(surface.minima) else "")
        tidy(ax, x="x", y="y", title=title, grid=False)
        ax.legend(fontsize="small", framealpha=0.9, loc="best")


class RestartsDisplay(Display):
    """How often the best of n random starts reaches a global minimum, beside 1 − (1 − p)ⁿ.

    rates: of `optim2d.restart_rates`.
    """

    def __init__(self, rates: optim2d.Restarts) -> None:
        kind = "a Restarts, as densekit.optim2d.restart_rates gives"
        self.rates = instance("RestartsDisplay", "rates", rates, optim2d.Restarts, kind)

    @classmethod
    def from_rates(cls, rates: optim2d.Restarts, *, ax: Any = None) -> RestartsDisplay:
        """Draws."""
        return cls(rates).plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        n = np.arange(1, len(self.rates.rates) + 1)
        ax.plot(n, 100 * self.rates.expected, color=BLUE, label=f"1 − (1 − p)ⁿ with p = {self.rates.share:.3g}")
        ax.plot(n, 100 * self.rates.rates, "o", color=RED, label="counted")
        ax.set_ylim(bottom=0)
        tidy(ax, x="random starts n", y="global minimum reached (%)")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend(frameon=False)
