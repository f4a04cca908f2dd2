"""The loss around a trained model, along random directions as large as its weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit import _evaluation as evaluation
from densekit._arrays import number, real, vector, whole
from densekit._checks import network
from densekit.diagnostics._objective import twin
from densekit.plots._style import BLACK, BLUE, RED, SEQUENTIAL, Display, checked_axes, tidy

Array = NDArray[np.float64]


class LossLandscapeDisplay(Display):
    """The loss at w + αd (a line), or at w + αd + βe (contours), with filter-normalised directions d and e.

    Filter-normalised (Li et al., arXiv 1712.09913): the part of a direction that belongs to a unit has the norm of that
    unit's weights; biases and the parameters of norms stay. Batch norms keep their running statistics.
    alpha: (points,). loss: (points,) or (points, points), loss[i, j] at alpha[i], alpha[j]; of the data alone.
    """

    _size = (5.6, 4.4)

    def __init__(self, alpha: Array, loss: Array) -> None:
        op = "LossLandscapeDisplay"
        self.alpha, self.loss = vector(op, "alpha", alpha), real(op, "loss", loss)
        points = len(self.alpha)
        if self.loss.shape not in ((points,), (points, points)) or not points:
            raise ValueError(f"{op}: loss is {self.loss.shape}, expected ({points},) or ({points}, {points})")

    @classmethod
    def from_model(
        cls,
        model: Any,
        X: Any,
        y: Any,
        *,
        dimensions: int = 2,
        span: float = 1.0,
        points: int = 25,
        seed: int = 0,
        ax: Any = None,
    ) -> LossLandscapeDisplay:
        """Computes in inference mode on a float64 copy, and draws.

        dimensions: 1 or 2. span: α from −span to span; at 1 a unit's weights have moved by their own length. points: on
        each axis, odd, so that the model itself is in the middle.

        >>> from densekit.layers import Dense
        >>> model = densekit.Sequential([Dense(1)], seed=0).compile("sgd", "mse")
        >>> display = densekit.plots.LossLandscapeDisplay.from_model(model, [[1.0]], [1.0], dimensions=1, points=5)
        >>> bool(np.isclose(display.loss[2], model.evaluate([[1.0]], [1.0])["loss"]))
        True
        """
        name = "LossLandscapeDisplay"
        checked_axes(name, ax)
        model, seed = network(name, model), whole(name, "seed", seed)
        dimensions = whole(name, "dimensions", dimensions, low=1, high=2)
        points, span = whole(name, "points", points, low=3), number(name, "span", span, low=0, open_low=True)
        if points % 2 == 0:
            raise ValueError(f"{name}: points must be odd, so that the model is in the middle, got {points}")
        evaluation.rows(model, name, X, y, None)
        copy = twin(model)
        rows = evaluation.rows(copy, name, X, y, None)
        engine, x = copy._ready(), np.ascontiguousarray(rows.x, np.float64)
        rng = np.random.default_rng(seed)
        start = engine.parameters.copy()
        directions = [filter_normalised(engine, rng) for _ in range(dimensions)]
        alpha = np.linspace(-span, span, points)
        loss = np.empty((points,) * dimensions)
        for place in np.ndindex(loss.shape):
            engine.parameters[...] = start
            for i, direction in zip(place, directions, strict=True):
                engine.parameters[...] += alpha[i] * direction
            loss[place] = engine.loss(x, rows.y, rows.weights, False)[0]
        return cls(alpha, loss).plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        if self.loss.ndim == 1:
            ax.plot(self.alpha, self.loss, color=BLUE)
            ax.plot(0, self.loss[len(self.loss) // 2], "o", color=RED)
            tidy(ax, x="α, in lengths of each unit's weights", y="loss")
            return
        shown = self.loss
        positive = bool((shown > 0).all()) and float(shown.max()) > 20 * float(shown.min())
        height = np.log10(shown) if positive else shown
        filled = ax.contourf(self.alpha, self.alpha, height.T, levels=20, cmap=SEQUENTIAL)
        ax.contour(self.alpha, self.alpha, height.T, levels=10, colors="white", linewidths=0.5)
        ax.figure.colorbar(filled, ax=ax).set_label("log10 of the loss" if positive else "loss")
        ax.plot(0, 0, "o", color=BLACK, markeredgecolor="white")
        tidy(ax, x="α, in lengths of each unit's weights", y="β, likewise", grid=False)


def filter_normalised(engine: Any, rng: np.random.Generator) -> Array:
    """A random direction over all parameters of an engine: of each unit as long as its weights, 0 for vectors."""
    direction: Array = np.zeros(engine.parameters.shape)
    for s in engine.segments:
        if s["kind"] != "parameter" or len(s["shape"]) != 2:
            continue
        place = slice(s["offset"], s["offset"] + int(np.prod(s["shape"])))
        w = engine.parameters[place].reshape(s["shape"])  # (inputs, units): a unit is a column
        d = rng.standard_normal(w.shape)
        d *= np.linalg.norm(w, axis=0) / np.linalg.norm(d, axis=0)
        direction[place] = d.ravel()
    return direction
