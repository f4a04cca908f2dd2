"""Points in space: data such as the swiss roll, and what each layer makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _data as data
from densekit._checks import given, instance, items, mapping, optional_text, text
from densekit._intake import as_array, as_labels
from densekit.manifold import IntrinsicDimension, hidden_spaces, intrinsic_dimension
from densekit.model import Sequential
from densekit.plots._style import BLUE, GREY, RED, SEQUENTIAL, Display, checked_axes, color, require_pyplot, tidy

_MARKERS = "osD^vP*X<>"
_MOST_CLASSES = 10


def principal(X: NDArray[Any], count: int) -> NDArray[np.float64]:
    """The first principal components of centred rows, (n, count): where they spread most."""
    centred = X.astype(np.float64) - X.mean(axis=0)
    directions = np.linalg.eigh(centred.T @ centred)[1][:, ::-1][:, :count]
    directions = directions * np.where(directions[np.abs(directions).argmax(axis=0), np.arange(count)] < 0, -1, 1)
    return np.asarray(centred @ directions)


class PointsDisplay(Display):
    """Rows as points, in two or three dimensions, with colours and shapes for classes, or colours for numbers.

    points: (n, 2) or (n, 3). y: (n,) whole numbers (classes, at most 10) or numbers, or None. labels: of the axes.
    """

    _size = (5.0, 4.2)

    def __init__(
        self,
        points: ArrayLike,
        y: ArrayLike | None = None,
        labels: Sequence[str] = (),
        title: str | None = None,
    ) -> None:
        op = "PointsDisplay"
        self.points = as_array(op, "points", points)
        if self.points.ndim != 2 or self.points.shape[1] not in (2, 3):
            raise ValueError(f"{op}: points is {self.points.shape}, expected (n, 2) or (n, 3)")
        rows, columns = self.points.shape
        self.y = None if y is None else as_labels(op, "y", y)
        if self.y is not None and self.y.shape != (rows,):
            raise ValueError(f"{op}: points has {rows} rows but y is {self.y.shape}, expected ({rows},)")
        self.title = optional_text(op, "title", title)
        words = [text(op, "labels", one) for one in items(op, "labels", labels, "str, one an axis")]
        self.labels = tuple(words or (f"column {i}" for i in range(columns)))
        if len(self.labels) != columns:
            raise ValueError(f"{op}: labels has {len(self.labels)} words, expected {columns}, one an axis")

    @classmethod
    def from_data(
        cls, X: Any, y: ArrayLike | None = None, *, title: str | None = None, ax: Any = None
    ) -> PointsDisplay:
        """Draws columns as they are if there are two or three, and the first two principal components of more.

        >>> X, t = densekit.datasets.swiss_roll(100)
        >>> densekit.plots.PointsDisplay.from_data(X, t).ax_.name
        '3d'
        """
        checked_axes("PointsDisplay", ax)
        table = data.matrix("PointsDisplay", "X", X)
        target = None if y is None else as_labels("PointsDisplay", "y", y)
        if target is not None and target.shape != (len(table),):
            raise ValueError(
                f"PointsDisplay: X has {len(table)} rows but y is {target.shape}, expected ({len(table)},)"
            )
        points, labels = _shown(table, "column", 3)
        return cls(points, target, labels, title).plot(ax)  # type: ignore[no-any-return]

    def plot(self, ax: Any = None) -> Any:
        """Draws into `ax` (of projection "3d" for three columns), or into a new figure; returns the Display."""
        if self.points.shape[1] == 3 and ax is None:
            figure = require_pyplot("PointsDisplay").figure(figsize=self._size, layout="constrained")
            ax = figure.add_subplot(projection="3d")
        checked_axes("PointsDisplay", ax)
        if self.points.shape[1] == 3 and getattr(ax, "name", "") != "3d":
            raise ValueError('PointsDisplay: three columns need Axes made with add_subplot(projection="3d")')
        return super().plot(ax)

    def _draw(self, ax: Any) -> None:
        columns = self.points.T
        if self.y is None:
            ax.scatter(*columns, s=10, color=BLUE, linewidths=0)
        elif self.y.dtype.kind not in "f" and len(np.unique(self.y)) <= _MOST_CLASSES:
            for i, k in enumerate(np.unique(self.y)):
                chosen = self.y == k
                ax.scatter(*columns[:, chosen], s=14, color=color(i), marker=_MARKERS[i], linewidths=0, label=str(k))
            ax.legend(
                title="class",
                frameon=False,
                fontsize="small",
                loc="center left",
                bbox_to_anchor=(1.0 if len(self.labels) == 2 else 1.12, 0.5),
            )
        else:
            drawn = ax.scatter(*columns, s=10, c=self.y, cmap=SEQUENTIAL, linewidths=0)
            bar = ax.figure.colorbar(drawn, ax=ax, label="y", shrink=0.8, pad=0.12 if len(self.labels) == 3 else 0.03)
            bar.outline.set_visible(False)
        if len(self.labels) == 3:
            ax.set_zlabel(self.labels[2])
            ax.view_init(elev=12, azim=-70)
        tidy(ax, x=self.labels[0], y=self.labels[1], title=self.title, grid=len(self.labels) == 2)


def _shown(table: NDArray[Any], word: str, most: int) -> tuple[NDArray[Any], tuple[str, ...]]:
    """(points, names of the axes); a single column is drawn over the number of the row."""
    columns = table.shape[1]
    if columns == 1:
        return np.column_stack([np.arange(len(table)), table[:, 0]]), ("row", f"{word} 0")
    if columns <= most:
        return table, tuple(f"{word} {i}" for i in range(columns))
    return principal(table, 2), ("first principal component", "second principal component")


class HiddenSpacesDisplay:
    """What each layer puts out, a panel each: two units as they are, more by their first two principal components.

    spaces: {layer: (n, units)}, where rows have several axes (n, *shape). y: (n,) as PointsDisplay. panels: a
    PointsDisplay each. axes_, figure_: after `plot`.
    """

    axes_: list[Any]
    figure_: Any

    def __init__(self, spaces: Mapping[str, NDArray[Any]], y: ArrayLike | None = None) -> None:
        op = "HiddenSpacesDisplay"
        found = mapping(op, "spaces", spaces, "{layer: (n, units)}")
        self.spaces = {
            name: data.flat(data.rows_of_shape(op, f"spaces[{name!r}]", space, None)) for name, space in found.items()
        }
        if not self.spaces:
            raise ValueError(f"{op}: spaces is empty, expected {{layer: (n, units)}}")
        self.y = None if y is None else as_labels(op, "y", y)
        self.panels = [
            PointsDisplay(points, self.y, labels, f"{name}, {space.shape[1]} unit{'s' if space.shape[1] > 1 else ''}")
            for name, space in self.spaces.items()
            for points, labels in [_shown(space, "unit", 2)]
        ]

    @classmethod
    def from_model(
        cls, model: Sequential, X: Any, y: ArrayLike | None = None, *, figure: Any = None
    ) -> HiddenSpacesDisplay:
        """Computes with densekit.manifold.hidden_spaces, and draws.

        >>> model = densekit.manifold.autoencoder(4, (3,), 2, seed=0)
        >>> X = np.random.default_rng(0).normal(size=(20, 4))
        >>> display = densekit.plots.HiddenSpacesDisplay.from_model(model, X)
        >>> [ax.get_title(loc="left") for ax in display.axes_]
        ['encoder_0, 3 units', 'latent, 2 units', 'decoder_0, 3 units', 'output, 4 units']
        """
        _checked_figure(figure)
        return cls(hidden_spaces(model, X), y).plot(figure)

    def plot(self, figure: Any = None) -> HiddenSpacesDisplay:
        """Draws into a figure, by default a new one; returns the Display."""
        _checked_figure(figure)
        count = len(self.panels)
        wide = min(3, count)
        deep = -(-count // wide)
        if figure is None:
            pyplot = require_pyplot("HiddenSpacesDisplay")
            figure = pyplot.figure(figsize=(3.9 * wide, 3.4 * deep), layout="constrained")
        self.figure_, self.axes_ = figure, []
        for i, panel in enumerate(self.panels):
            panel.plot(figure.add_subplot(deep, wide, i + 1))
            self.axes_.append(panel.ax_)
            legend = panel.ax_.get_legend()
            if legend is not None and i + 1 < count:  # one for all panels
                legend.remove()
        return self


def _checked_figure(figure: Any) -> None:
    require_pyplot("HiddenSpacesDisplay")
    from matplotlib.figure import FigureBase

    if figure is not None and not isinstance(figure, FigureBase):
        raise TypeError(f"HiddenSpacesDisplay: figure must be a Figure of matplotlib or None, got {given(figure)}")


class IntrinsicDimensionDisplay(Display):
    """The points of TwoNN and the line through them, whose slope is the dimension.

    found: a densekit.manifold.IntrinsicDimension.
    """

    _size = (5.0, 4.0)

    def __init__(self, found: IntrinsicDimension) -> None:
        kind = "an IntrinsicDimension, as densekit.manifold.intrinsic_dimension gives"
        self.found = instance("IntrinsicDimensionDisplay", "found", found, IntrinsicDimension, kind)

    @classmethod
    def from_data(cls, X: Any, *, discard: float = 0.1, ax: Any = None) -> IntrinsicDimensionDisplay:
        """Computes with densekit.manifold.intrinsic_dimension, and draws.

        >>> X = np.random.default_rng(0).random((500, 2))
        >>> round(densekit.plots.IntrinsicDimensionDisplay.from_data(X).found.dimension)
        2
        """
        return cls(intrinsic_dimension(X, discard=discard)).plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        x, y, used = self.found.log_ratio, self.found.minus_log_rest, self.found.used
        ax.plot(x[:used], y[:used], ".", color=BLUE, markersize=3, label="rows")
        ax.plot(x[used:], y[used:], ".", color=GREY, markersize=3, label="left out")
        ends = np.array([0.0, x[used - 1]])
        label = f"dimension {self.found.dimension:.2f}"
        ax.plot(ends, self.found.dimension * ends, color=RED, linewidth=1.8, label=label)
        tidy(ax, x="log(r₂ / r₁), nearest neighbours", y="−log(1 − share of rows)", title="Intrinsic dimension (TwoNN)")
        ax.legend(frameon=False, fontsize="small", markerscale=3, loc="lower right")
