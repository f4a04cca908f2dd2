"""Dropout: how much of it is good, and what it says about uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _data as data
from densekit._arrays import number, real, vector, whole
from densekit._checks import instance, network
from densekit.model import Sequential
from densekit.plots._style import BLACK, BLUE, DASHES, RED, Display, checked_axes, tidy
from densekit.sweeps import DropoutSweep


class DropoutSweepDisplay(Display):
    """Training and validation loss over the dropout rate; both without dropout, so that they can be compared.

    sweep: a densekit.sweeps.DropoutSweep. With several seeds: their mean, and a band from least to largest.
    """

    def __init__(self, sweep: DropoutSweep) -> None:
        kind = "a DropoutSweep, as densekit.sweeps.dropout_sweep gives"
        self.sweep = instance("DropoutSweepDisplay", "sweep", sweep, DropoutSweep, kind)

    @classmethod
    def from_sweep(cls, sweep: DropoutSweep, *, ax: Any = None) -> DropoutSweepDisplay:
        """Draws.

        >>> rates, losses = np.array([0.0, 0.5]), np.array([[[0.1], [0.2]]])
        >>> sweep = densekit.sweeps.DropoutSweep(rates, ("inverted",), losses, losses + 0.1)
        >>> len(densekit.plots.DropoutSweepDisplay.from_sweep(sweep).ax_.lines)
        2
        """
        return cls(sweep).plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        for losses, name, tone in (
            (self.sweep.train_loss, "training", BLUE),
            (self.sweep.val_loss, "validation", RED),
        ):
            for i, mode in enumerate(self.sweep.modes):
                label = f"{name}, {mode}" if len(self.sweep.modes) > 1 else name
                ax.plot(self.sweep.rates, losses[i].mean(axis=1), color=tone, linestyle=DASHES[i], marker="o",
                        markersize=4, label=label)  # fmt: skip
                if losses.shape[2] > 1:
                    low, high = losses[i].min(axis=1), losses[i].max(axis=1)
                    ax.fill_between(self.sweep.rates, low, high, color=tone, alpha=0.12, linewidth=0)
        tidy(ax, x="dropout rate (share of units dropped)", y="loss, without dropout",
             title="Too little overfits, too much learns nothing")  # fmt: skip
        ax.legend(frameon=False, fontsize="small")


class UncertaintyDisplay(Display):
    """Monte-Carlo dropout over one input column: the mean and two standard deviations to both sides.

    x: (points,). mean, std: (points,), of the first output. X, y: (n,) known data, or None.
    """

    def __init__(
        self,
        x: NDArray[np.float64],
        mean: NDArray[np.float64],
        std: NDArray[np.float64],
        X: NDArray[np.float64] | None = None,
        y: NDArray[np.float64] | None = None,
    ) -> None:
        op = "UncertaintyDisplay"
        self.x = vector(op, "x", x)
        self.mean, self.std = vector(op, "mean", mean, len(self.x)), vector(op, "std", std, len(self.x))
        self.X = None if X is None else vector(op, "X", X)
        self.y = None if y is None else vector(op, "y", y, None if self.X is None else len(self.X))

    @classmethod
    def from_model(
        cls, model: Sequential, X: Any, y: ArrayLike | None = None, *, mc_samples: int = 200, margin: float = 0.5,
        points: int = 200, ax: Any = None,
    ) -> UncertaintyDisplay:  # fmt: skip
        """Computes with model.predict(mc_samples=, return_std=True), and draws.

        X: (n, 1), which the axis covers, with `margin` of its width on both sides. y: (n,), drawn as points.

        >>> from densekit.layers import Dense, Dropout
        >>> model = densekit.Sequential([Dense(8, "tanh"), Dropout(0.5), Dense(1)], seed=0)
        >>> densekit.plots.UncertaintyDisplay.from_model(model, [[0.0], [1.0]], mc_samples=5).mean.shape
        (200,)
        """
        op = "UncertaintyDisplay"
        checked_axes(op, ax)
        model, count, around = network(op, model), whole(op, "points", points, low=2), number(op, "margin", margin)
        known = data.matrix(op, "X", X, 1).astype(np.float64)[:, 0]
        if not len(known):
            raise ValueError(f"{op}: X is {np.shape(X)}: it has no rows")
        data.require_finite(op, "X", known)
        targets = None if y is None else real(op, "y", y)
        if targets is not None and targets.size != len(known):
            raise ValueError(f"{op}: X has {len(known)} rows but y is {targets.shape}, expected ({len(known)},)")
        low, high = float(known.min()), float(known.max())
        reach = around * (high - low)
        x = np.linspace(low - reach, high + reach, count)
        mean, std = model.predict(x.reshape(-1, 1), mc_samples=mc_samples, return_std=True)
        display = cls(
            x,
            mean[:, 0].astype(np.float64),
            std[:, 0].astype(np.float64),
            known,
            None if targets is None else targets.ravel(),
        )
        return display.plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        ax.fill_between(self.x, self.mean - 2 * self.std, self.mean + 2 * self.std, color=BLUE, alpha=0.2, linewidth=0,
                        label="± 2 standard deviations")  # fmt: skip
        ax.plot(self.x, self.mean, color=BLUE, linewidth=1.8, label="mean of the samples")
        if self.X is not None and self.y is not None:
            ax.plot(self.X, self.y, ".", color=BLACK, markersize=4, label="data")
        tidy(ax, x="input", y="output", title="Monte-Carlo dropout")
        ax.legend(frameon=False, fontsize="small")
