"""How large the gradient is in each layer, now and over the epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from densekit._arrays import real, vector
from densekit._checks import instance, items, text
from densekit.diagnostics import Flow, GradientFlow, gradient_flow
from densekit.plots._style import BLUE, RED, SEQUENTIAL, Display, checked_axes, tidy

_MANY = 12  # layers whose names still fit under the axis


def _name_layers(ax: Any, names: list[str], along: str = "x") -> None:
    """Names at the ticks of as many layers as fit."""
    step = -(-len(names) // _MANY)
    places = range(0, len(names), step)
    if along == "x":
        ax.set_xticks(places, [names[i] for i in places], rotation=30 if len(names) > 4 else 0,
                      ha="right" if len(names) > 4 else "center")  # fmt: skip
    else:
        ax.set_yticks(places, [names[i] for i in places])


class GradientFlowDisplay(Display):
    """Bars: the root mean square of the gradient of each layer's kernel, on a logarithmic axis; points: what one update
    changes, as a share of the kernel's norm. flow: of `diagnostics.gradient_flow`.
    """

    def __init__(self, flow: Flow) -> None:
        self.flow = instance("GradientFlowDisplay", "flow", flow, Flow, "a Flow, as gradient_flow gives")

    @classmethod
    def from_model(cls, model: Any, X: Any, y: Any, *, ax: Any = None) -> GradientFlowDisplay:
        """Measures on these rows and draws.

        >>> from densekit.layers import Dense
        >>> model = densekit.Sequential([Dense(3, "tanh"), Dense(1)], seed=0).compile("sgd", "mse")
        >>> densekit.plots.GradientFlowDisplay.from_model(model, [[1.0], [2.0]], [1.0, 0.0]).flow.verdict
        'healthy'
        """
        checked_axes("GradientFlowDisplay", ax)
        return cls(gradient_flow(model, X, y)).plot(ax)  # type: ignore[no-any-return]

    @classmethod
    def from_flow(cls, flow: Flow, *, ax: Any = None) -> GradientFlowDisplay:
        """Draws what gradient_flow returned."""
        return cls(flow).plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        names = [at.name for at in self.flow.layers]
        places = np.arange(len(names))
        heights = np.array([at.gradient_rms for at in self.flow.layers])
        ratios = np.array([at.update_ratio for at in self.flow.layers])
        ax.bar(places, heights, color=BLUE, width=0.7, label="gradient, root mean square")
        ax.plot(places, ratios, "o", color=RED, markersize=5, label="update / weight of one step")
        seen = np.concatenate([heights, ratios])
        seen = seen[np.isfinite(seen) & (seen > 0)]
        if len(seen):
            ax.set_yscale("log")
            ax.set_ylim(float(seen.min()) / 5, float(seen.max()) * 12)
        _name_layers(ax, names)
        tidy(ax, x="layer, first to last", y="size (gradient: loss per unit of weight)",
             title=f"{self.flow.verdict}: first / last = {self.flow.ratio:.2g}")  # fmt: skip
        ax.grid(False, axis="x")
        ax.legend(frameon=False, fontsize="small", ncols=2, loc="upper left")


class GradientHeatMapDisplay(Display):
    """The gradient of each layer over the epochs, as a heat map of its decimal logarithm.

    layers: names. epochs: (k,), from 1. rms: (k, layers), root mean squares of the kernels' gradients.
    """

    def __init__(self, layers: Sequence[str], epochs: ArrayLike, rms: ArrayLike) -> None:
        op = "GradientHeatMapDisplay"
        self.layers = [text(op, "layers", one) for one in items(op, "layers", layers, "names")]
        self.epochs, self.rms = vector(op, "epochs", epochs), real(op, "rms", rms)
        expected = (len(self.epochs), len(self.layers))
        if self.rms.shape != expected or not self.rms.size:
            raise ValueError(f"{op}: rms is {self.rms.shape}, expected (epochs, layers), here {expected}, not empty")

    @classmethod
    def from_callback(cls, watch: GradientFlow, *, ax: Any = None) -> GradientHeatMapDisplay:
        """Draws what `diagnostics.GradientFlow` recorded."""
        kind = "a GradientFlow callback of densekit.diagnostics"
        watch = instance("GradientHeatMapDisplay", "watch", watch, GradientFlow, kind)
        if not watch.epoch:
            raise ValueError("GradientHeatMapDisplay: nothing was recorded; give the callback to fit first")
        return cls(watch.layers, np.array(watch.epoch) + 1, watch.rms).plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log10(self.rms.T)
        logs = np.where(np.isfinite(logs), logs, np.nan)  # zero, infinite, NaN stay white
        edges = np.append(self.epochs - 0.5, self.epochs[-1] + 0.5)
        rows = np.arange(len(self.layers) + 1) - 0.5
        mesh = ax.pcolormesh(edges, rows, logs, cmap=SEQUENTIAL)
        bar = ax.figure.colorbar(mesh, ax=ax)
        bar.set_label("log10 of the gradient's root mean square")
        _name_layers(ax, self.layers, "y")
        ax.invert_yaxis()
        tidy(ax, x="epoch", y="layer, first at the top", grid=False)
        ax.xaxis.get_major_locator().set_params(integer=True)
