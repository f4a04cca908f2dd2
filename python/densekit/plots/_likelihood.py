"""The likelihood surface: parameters on the axes, the data fixed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from densekit._checks import instance
from densekit.likelihood import Surface, mle, surface
from densekit.plots._style import BLACK, BLUE, RED, SEQUENTIAL, Display, checked_axes, tidy

_DEPTH = 12.0  # nats below the top; e^−12 of its likelihood


class LikelihoodSurfaceDisplay(Display):
    """The log-likelihood over one parameter (a curve) or two (contours), with the closed-form estimate.

    surface: a densekit.likelihood.Surface. estimate: {parameter: value}, or None if there is no best one.
    Nats below the top: 0.5 below is one standard error of one parameter where there are many data.

    >>> grids = {"p": np.linspace(0.01, 0.99, 99)}
    >>> densekit.plots.LikelihoodSurfaceDisplay.from_data("bernoulli", [1, 1, 0, 1], grids).estimate
    {'p': 0.75}
    """

    _size = (5.4, 4.0)

    def __init__(self, surface: Surface, estimate: dict[str, Any] | None = None) -> None:
        op = "LikelihoodSurfaceDisplay"
        self.surface = instance(op, "surface", surface, Surface, "a Surface, as densekit.likelihood.surface gives")
        kinds = (dict, type(None))
        self.estimate = instance(op, "estimate", estimate, kinds, "{parameter: value} or None")
        if self.estimate is not None and not set(self.surface.names) <= self.estimate.keys():
            raise ValueError(f"{op}: estimate must have a value of each of {', '.join(self.surface.names)}")

    @classmethod
    def from_surface(cls, found: Surface, *, ax: Any = None) -> LikelihoodSurfaceDisplay:
        """Draws."""
        op = "LikelihoodSurfaceDisplay"
        found = instance(op, "found", found, Surface, "a Surface, as densekit.likelihood.surface gives")
        try:
            estimate = mle(found.distribution, found.data)
        except ValueError:  # no best parameters
            estimate = None
        return cls(found, estimate).plot(ax)  # type: ignore[no-any-return]

    @classmethod
    def from_data(
        cls, distribution: str, data: ArrayLike, grids: Mapping[str, ArrayLike], *, ax: Any = None
    ) -> LikelihoodSurfaceDisplay:
        """Computes with densekit.likelihood.surface, and draws."""
        checked_axes("LikelihoodSurfaceDisplay", ax)
        return cls.from_surface(surface(distribution, data, grids), ax=ax)

    def _draw(self, ax: Any) -> None:
        found = self.surface
        below = found.log_likelihood - found.log_likelihood.max()
        title = f"{found.distribution.capitalize()} likelihood of {len(found.data)} data"
        if len(found.names) == 1:
            ax.plot(found.grids[0], below, color=BLUE, linewidth=1.8)
            ax.set_ylim(-_DEPTH, _DEPTH / 24)
            if self.estimate is not None:
                ax.axvline(self.estimate[found.names[0]], color=RED, linestyle="--", label="closed-form estimate")
            tidy(ax, x=found.names[0], y="log-likelihood below its top (nats)", title=title)
        else:
            levels = -np.array([_DEPTH, 8, 6, 4, 3, 2, 1, 0.5, 0])
            seen = np.maximum(below, -4 * _DEPTH).T  # −∞ has no contours
            filled = ax.contourf(*found.grids, seen, levels=levels, cmap=SEQUENTIAL, extend="min")
            ax.contour(*found.grids, seen, levels=levels, colors="white", linewidths=0.4)
            bar = ax.figure.colorbar(filled, ax=ax, label="log-likelihood below its top (nats)")
            bar.outline.set_visible(False)
            if self.estimate is not None:
                place = [self.estimate[name] for name in found.names]
                ax.plot(*place, "o", color=RED, markeredgecolor=BLACK, label="closed-form estimate", zorder=3)
            tidy(ax, x=found.names[0], y=found.names[1], title=title, grid=False)
        if self.estimate is not None:
            ax.legend(loc="upper right", frameon=len(found.names) > 1, fontsize="small")
