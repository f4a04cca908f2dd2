"""Why inputs around zero are better than positive ones: the path of two weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit._arrays import number, real, vector, whole
from densekit._checks import items, mapping
from densekit.plots._style import BLACK, BLUE, RED, Display, checked_axes, tidy

Array = NDArray[np.float64]


class ZigzagDisplay(Display):
    """Gradient descent, a row at a time, of a neuron with two weights whose inputs are sigmoids (positive) or tanhs.

    paths: {"sigmoid": (steps + 1, 2), "tanh": …}, w1 and w2. target: the weights that made the data.
    detours: path length / distance from start to end. coherence: share of steps in which both weights moved the same
    way.
    """

    _size = (5.2, 4.6)

    def __init__(self, paths: dict[str, Array], target: Array) -> None:
        op = "ZigzagDisplay"
        self.paths = {
            name: real(op, f"paths[{name!r}]", path)
            for name, path in mapping(op, "paths", paths, "{name: (steps + 1, 2)}").items()
        }
        if len(self.paths) != 2:
            raise ValueError(f"{op}: paths must have two paths, of sigmoid and tanh, got {len(self.paths)}")
        self.target = vector(op, "target", target, 2)
        self.detours, self.coherence = {}, {}
        for name, path in self.paths.items():
            if path.ndim != 2 or path.shape[1] != 2 or len(path) < 2:
                raise ValueError(f"{op}: paths[{name!r}] is {path.shape}, expected (steps + 1, 2)")
            moves = np.diff(path, axis=0)
            self.detours[name] = float(np.linalg.norm(moves, axis=1).sum() / np.linalg.norm(path[-1] - path[0]))
            self.coherence[name] = float((moves[:, 0] * moves[:, 1] > 0).mean())

    @classmethod
    def from_neuron(
        cls,
        *,
        target: tuple[float, float] = (1.0, -1.0),
        steps: int = 60,
        lr: float = 0.5,
        seed: int = 0,
        ax: Any = None,
    ) -> ZigzagDisplay:
        """Trains and draws. target: the weights to find, from (0, 0); lr: of steps on (w·x − target·x)² / 2.

        >>> display = densekit.plots.ZigzagDisplay.from_neuron()
        >>> display.coherence["sigmoid"], display.detours["sigmoid"] > display.detours["tanh"]
        (1.0, True)
        """
        name = "ZigzagDisplay"
        steps, lr = whole(name, "steps", steps, low=1), number(name, "lr", lr, low=0, open_low=True)
        checked_axes(name, ax)
        wanted = np.array([number(name, "target", value) for value in items(name, "target", target, "two numbers")])
        if wanted.shape != (2,):
            raise ValueError(f"{name}: target has {len(wanted)} numbers, expected 2")
        z = np.random.default_rng(whole(name, "seed", seed)).normal(size=(steps, 2)) * 1.5
        paths = {}
        for kind, inputs in (("sigmoid", 1 / (1 + np.exp(-z))), ("tanh", np.tanh(z))):
            path = [np.zeros(2)]
            for x in inputs:
                # ∂L/∂w = δ x: with x > 0 both elements have the sign of δ.
                path.append(path[-1] - lr * (path[-1] @ x - wanted @ x) * x)
            paths[kind] = np.array(path)
        return cls(paths, wanted).plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        for (name, path), tone, what in zip(
            self.paths.items(), (RED, BLUE), ("all inputs > 0", "inputs around 0"), strict=True
        ):
            label = f"{name}: {what}; path {self.detours[name]:.1f} × the distance"
            ax.plot(*path.T, color=tone, marker=".", markersize=4, linewidth=1.2, label=label)
        ax.plot(0, 0, "o", color=BLACK, markersize=5)
        ax.annotate("start", (0, 0), textcoords="offset points", xytext=(-6, 6), ha="right")
        ax.plot(*self.target, "*", color=BLACK, markersize=12, zorder=5)
        ax.annotate("target", self.target, textcoords="offset points", xytext=(8, -4))
        tidy(ax, x="weight w1", y="weight w2", title="Positive inputs move both weights the same way")
        ax.set_aspect("equal", adjustable="datalim")
        ax.legend(frameon=False, fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.14))
