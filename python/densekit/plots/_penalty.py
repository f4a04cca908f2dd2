"""Penalties: where a penalised minimum lies, and how weights go as the penalty grows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _data as data
from densekit._arrays import number, one_of, real, vector, whole
from densekit._checks import instance, items
from densekit.plots._style import BLACK, BLUE, RED, Display, checked_axes, color, dashes, tidy
from densekit.sweeps import PenaltyKind, PenaltyPath, penalty_path

_NAMES = {"l1": "L1", "l2": "L2", "elastic_net": "elastic net"}


class PenaltyContoursDisplay(Display):
    """Contours of the squared error over two weights, and the set of weights whose penalty is that of the solution.

    grid: two (points,) axes. loss: (points, points), loss[i, j] at (grid[0][i], grid[1][j]), the mean squared error.
    penalty: the same of sum|w| (L1), sum w² / 2 (L2) or their mixture. solution: (2,), with the penalty. least: (2,),
    without.

    >>> X = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    >>> densekit.plots.PenaltyContoursDisplay.from_data(X, X @ [2, 0.5], "l1", 1.5).solution.round(6)
    array([1.25, 0.  ])
    """

    _size = (4.8, 4.4)

    def __init__(
        self,
        grid: tuple[NDArray[np.float64], NDArray[np.float64]],
        loss: NDArray[np.float64],
        penalty: NDArray[np.float64],
        solution: NDArray[np.float64],
        least: NDArray[np.float64],
        kind: str,
        budget: float,
    ) -> None:
        op = "PenaltyContoursDisplay"
        axes = [vector(op, "grid", axis) for axis in items(op, "grid", grid, "two (points,) axes")]
        if len(axes) != 2:
            raise ValueError(f"{op}: grid has {len(axes)} axes, expected 2")
        self.grid = axes[0], axes[1]
        self.loss, self.penalty = real(op, "loss", loss), real(op, "penalty", penalty)
        shape = len(axes[0]), len(axes[1])
        for name, values in (("loss", self.loss), ("penalty", self.penalty)):
            if values.shape != shape:
                raise ValueError(f"{op}: {name} is {values.shape}, expected {shape} as the grid")
        self.solution, self.least = vector(op, "solution", solution, 2), vector(op, "least", least, 2)
        self.kind, self.budget = one_of(op, "kind", kind, tuple(_NAMES)), number(op, "budget", budget)

    @classmethod
    def from_data(
        cls,
        X: Any,
        y: ArrayLike,
        kind: PenaltyKind = "l1",
        lam: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        points: int = 201,
        ax: Any = None,
    ) -> PenaltyContoursDisplay:
        """Computes and draws. X: (n, 2). y: (n,). kind, lam, l1_ratio: as densekit.sweeps.penalty_path."""
        op = "PenaltyContoursDisplay"
        checked_axes(op, ax)
        table = data.matrix(op, "X", X, 2).astype(np.float64)
        lam, points = number(op, "lam", lam, low=0), whole(op, "points", points, low=2)
        target = vector(op, "y", y, len(table))
        path = penalty_path(table, target, kind, [lam, 0.0], l1_ratio=l1_ratio)
        solution, least = path.coefficients
        reach = 1.35 * float(np.abs([solution, least]).max()) or 1.0
        axis = np.linspace(-reach, reach, points)
        first, second = np.meshgrid(axis, axis, indexing="ij")
        x, t = table - table.mean(axis=0), target - target.mean()
        loss = ((x[:, 0, None, None] * first + x[:, 1, None, None] * second - t[:, None, None]) ** 2).mean(axis=0)
        share = {"l1": 1.0, "l2": 0.0, "elastic_net": l1_ratio}[kind]

        def penalty(a: Any, b: Any) -> Any:
            return share * (abs(a) + abs(b)) + (1 - share) * (a**2 + b**2) / 2

        display = cls((axis, axis), loss, penalty(first, second), solution, least, kind, float(penalty(*solution)))
        return display.plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        low = float(self.loss.min())
        levels = low + (float(self.loss.max()) - low) * np.linspace(0.02, 0.75, 9) ** 2
        ax.contour(*self.grid, self.loss.T, levels=levels, cmap="cividis", linewidths=1.0)
        if self.budget > 0:
            ax.contourf(*self.grid, self.penalty.T, levels=[-1, self.budget], colors=[BLUE], alpha=0.18)
            ax.contour(*self.grid, self.penalty.T, levels=[self.budget], colors=[BLUE], linewidths=1.6)
        ax.plot(*self.least, "x", color=BLACK, markersize=8, label="least squares")
        ax.plot(*self.solution, "o", color=RED, markersize=8, label=f"with {_NAMES[self.kind]}", clip_on=False)
        ax.axhline(0, color="#AAAAAA", linewidth=0.6)
        ax.axvline(0, color="#AAAAAA", linewidth=0.6)
        ax.set_aspect("equal")
        tidy(ax, x="weight 1", y="weight 2", grid=False,
             title=f"Squared error, and a ball of {_NAMES[self.kind]}")  # fmt: skip
        ax.legend(loc="lower left", frameon=False)


class PenaltyPathDisplay(Display):
    """Weights over the strength of the penalty, one line each.

    path: a densekit.sweeps.PenaltyPath.

    >>> path = densekit.sweeps.penalty_path(np.eye(6)[:, :2], np.arange(6.0), "l2", [0.01, 0.1, 1])
    >>> densekit.plots.PenaltyPathDisplay.from_path(path).ax_.get_xscale()
    'log'
    """

    def __init__(self, path: PenaltyPath) -> None:
        kind = "a PenaltyPath, as densekit.sweeps.penalty_path gives"
        self.path = instance("PenaltyPathDisplay", "path", path, PenaltyPath, kind)

    @classmethod
    def from_path(cls, path: PenaltyPath, *, ax: Any = None) -> PenaltyPathDisplay:
        """Draws."""
        return cls(path).plot(ax)  # type: ignore[no-any-return]

    @classmethod
    def from_data(
        cls,
        X: Any,
        y: ArrayLike,
        kind: PenaltyKind = "l1",
        lambdas: ArrayLike | None = None,
        *,
        ax: Any = None,
        **options: Any,
    ) -> PenaltyPathDisplay:
        """Computes with densekit.sweeps.penalty_path, and draws."""
        checked_axes("PenaltyPathDisplay", ax)
        return cls.from_path(penalty_path(X, y, kind, lambdas, **options), ax=ax)

    def _draw(self, ax: Any) -> None:
        order = np.argsort(self.path.lambdas)
        x = self.path.lambdas[order]
        for j, name in enumerate(self.path.names):
            ax.plot(x, self.path.coefficients[order, j], color=color(j), linestyle=dashes(j), label=name, linewidth=1.6)
        if (x > 0).all():
            ax.set_xscale("log")
        ax.axhline(0, color=BLACK, linewidth=0.6)
        tidy(
            ax,
            x="strength of the penalty, lambda",
            y="weight",
            title=f"Weights under a growing {_NAMES[self.path.kind]} penalty",
        )
        ax.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
