"""The decision boundary of a classifier over two columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _data as data
from densekit import _frames
from densekit._arrays import number, real, vector, whole
from densekit._checks import items, text
from densekit._columns import features
from densekit._intake import as_labels
from densekit._probabilities import probabilities
from densekit._stack import Stack
from densekit.plots._style import BLACK, Display, checked_axes, color, tidy

_MARKERS = "osD^vP*X"


class DecisionBoundaryDisplay(Display):
    """Which class a model gives to each point of the plane, paler where it is less sure, and the data on top.

    grid: two (points,) axes. probability: (points, points, classes) at (grid[0][i], grid[1][j]). X: (n, 2); y: (n,), or
    None. Lines are where two classes are equally likely.
    """

    _size = (5.2, 4.2)

    def __init__(
        self,
        grid: tuple[NDArray[np.float64], NDArray[np.float64]],
        probability: NDArray[np.float64],
        X: ArrayLike,
        y: ArrayLike | None = None,
        labels: Sequence[str] = ("column 0", "column 1"),
    ) -> None:
        op = "DecisionBoundaryDisplay"
        axes = [vector(op, "grid", axis) for axis in items(op, "grid", grid, "two (points,) axes")]
        if len(axes) != 2:
            raise ValueError(f"{op}: grid has {len(axes)} axes, expected 2")
        self.grid = axes[0], axes[1]
        self.probability, shape = real(op, "probability", probability), (len(axes[0]), len(axes[1]))
        if self.probability.ndim != 3 or self.probability.shape[:2] != shape or self.probability.shape[2] < 2:
            raise ValueError(
                f"{op}: probability is {self.probability.shape}, expected {(*shape, 'classes')}, two or more"
            )
        self.X = data.matrix(op, "X", X, 2)
        self.y = None if y is None else as_labels(op, "y", y)
        if self.y is not None and self.y.shape != (len(self.X),):
            raise ValueError(f"{op}: X has {len(self.X)} rows but y is {self.y.shape}, expected ({len(self.X)},)")
        names = [text(op, "labels", one) for one in items(op, "labels", labels, "two str")]
        if len(names) != 2:
            raise ValueError(f"{op}: labels has {len(names)} words, expected 2, one an axis")
        self.labels = names[0], names[1]

    @classmethod
    def from_model(
        cls, model: Any, X: Any, y: ArrayLike | None = None, *, points: int = 200, margin: float = 0.08,
        labels: tuple[str, str] | None = None, ax: Any = None,
    ) -> DecisionBoundaryDisplay:  # fmt: skip
        """Asks the model at points x points places around X, and draws.

        model: a classifier with predict_proba or predict, or a function of X. X: (n, 2), y: (n,) labels from 0, drawn.
        margin: around the data, as a share of their width. labels: of the axes, by default the columns' names.

        >>> X, y = densekit.datasets.moons(50)
        >>> display = densekit.plots.DecisionBoundaryDisplay.from_model(lambda X: (X[:, 0] > 0) * 1.0, X, y)
        >>> display.probability.shape
        (200, 200, 2)
        """
        op = "DecisionBoundaryDisplay"
        checked_axes(op, ax)
        table = features(model, op, "X", X) if isinstance(model, Stack) else data.matrix(op, "X", X, 2)
        if table.shape[1] != 2:
            raise ValueError(f"{op}: X is {table.shape}, expected two columns")
        known = _frames.labels(X)
        known = (getattr(model, "feature_names", None) or known) if known else ("column 0", "column 1")
        names = tuple(map(str, known))
        target = None if y is None else as_labels(op, "y", y)
        if target is not None and target.shape != (len(table),):
            raise ValueError(f"{op}: X has {len(table)} rows but y is {target.shape}, expected ({len(table)},)")
        data.require_finite(op, "X", table)
        if not len(table):
            raise ValueError(f"{op}: X is {table.shape}: it has no rows")
        count, around = whole(op, "points", points, low=2), number(op, "margin", margin, low=0)
        axes = []
        for column in table.astype(np.float64).T:
            low, high = float(column.min()), float(column.max())
            reach = around * (high - low) or 1.0
            axes.append(np.linspace(low - reach, high + reach, count))
        first, second = np.meshgrid(*axes, indexing="ij")
        found = probabilities(op, model, np.column_stack([first.ravel(), second.ravel()]))
        display = cls(
            (axes[0], axes[1]), found.reshape(count, count, -1), table, target, names if labels is None else labels
        )
        return display.plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        from matplotlib.colors import to_rgb

        classes = self.probability.shape[2]
        tones = np.array([to_rgb(color(k)) for k in range(classes)])
        best = self.probability.argmax(axis=2)
        sure = (self.probability.max(axis=2) - 1 / classes) / (1 - 1 / classes)
        strength = (0.08 + 0.42 * sure)[..., None]
        picture = (1 - strength) + strength * tones[best]
        extent = (self.grid[0][0], self.grid[0][-1], self.grid[1][0], self.grid[1][-1])
        ax.imshow(picture.transpose(1, 0, 2), origin="lower", extent=extent, aspect="auto", interpolation="bilinear")
        for k in range(1 if classes == 2 else 0, classes):
            others = np.delete(self.probability, k, axis=2).max(axis=2)
            ax.contour(*self.grid, (self.probability[..., k] - others).T, levels=[0], colors=[BLACK], linewidths=0.9)
        if self.y is not None:
            for i, k in enumerate(np.unique(self.y)):
                chosen = self.y == k
                ax.scatter(*self.X[chosen].T, s=16, color=color(i), marker=_MARKERS[i % len(_MARKERS)],
                           edgecolors="white", linewidths=0.4, label=str(k))  # fmt: skip
            ax.legend(title="class", frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
        ax.locator_params(nbins=6)
        tidy(ax, x=self.labels[0], y=self.labels[1], title="What the model says", grid=False)
