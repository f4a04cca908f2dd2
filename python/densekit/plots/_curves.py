"""Training and validation loss over the number of rows, or over a setting."""

from __future__ import annotations

from typing import Any

import numpy as np

from densekit._checks import instance
from densekit.diagnostics import LearningCurve, ValidationCurve
from densekit.plots._style import BLACK, BLUE, RED, Display, tidy


def _both(ax: Any, x: Any, training: Any, validation: Any) -> None:
    """Means with bands from the least to the largest of the repeats."""
    for values, name, tone, style in ((training, "training", BLUE, "-"), (validation, "validation", RED, "--")):
        ax.plot(x, values.mean(axis=1), style, color=tone, marker="o", markersize=4, label=name)
        if values.shape[1] > 1:
            ax.fill_between(x, values.min(axis=1), values.max(axis=1), color=tone, alpha=0.15, linewidth=0)


class LearningCurveDisplay(Display):
    """curve: of `diagnostics.learning_curve`. Lines are means over the repeats, bands go from least to largest."""

    def __init__(self, curve: LearningCurve) -> None:
        kind = "a LearningCurve, as densekit.diagnostics.learning_curve gives"
        self.curve = instance("LearningCurveDisplay", "curve", curve, LearningCurve, kind)

    @classmethod
    def from_curve(cls, curve: LearningCurve, *, ax: Any = None) -> LearningCurveDisplay:
        """Draws.

        >>> losses = np.array([[0.1], [0.2]])
        >>> curve = densekit.diagnostics.LearningCurve(np.array([10, 20]), losses, losses + 0.3, "loss")
        >>> len(densekit.plots.LearningCurveDisplay.from_curve(curve).ax_.lines)
        2
        """
        return cls(curve).plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        _both(ax, self.curve.sizes, self.curve.training, self.curve.validation)
        tidy(ax, x="training rows", y=f"{self.curve.metric}, in inference mode", title="Would more data help?")
        ax.legend(frameon=False)


class ValidationCurveDisplay(Display):
    """curve: of `diagnostics.validation_curve`. The dotted line is the best value."""

    def __init__(self, curve: ValidationCurve) -> None:
        kind = "a ValidationCurve, as densekit.diagnostics.validation_curve gives"
        self.curve = instance("ValidationCurveDisplay", "curve", curve, ValidationCurve, kind)

    @classmethod
    def from_curve(cls, curve: ValidationCurve, *, ax: Any = None) -> ValidationCurveDisplay:
        """Draws; numbers that span more than a factor of 20 get a logarithmic axis, words get one tick each."""
        return cls(curve).plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        values = self.curve.values
        numeric = all(isinstance(v, int | float | np.integer | np.floating) and not isinstance(v, bool) for v in values)
        x = np.asarray(values, np.float64) if numeric else np.arange(len(values))
        _both(ax, x, self.curve.training, self.curve.validation)
        ax.axvline(x[values.index(self.curve.best)], color=BLACK, linestyle=":", label=f"best: {self.curve.best}")
        if not numeric:
            ax.set_xticks(x, [str(v) for v in values])
        elif (x > 0).all() and x.max() > 20 * x.min():
            ax.set_xscale("log")
        tidy(ax, x=self.curve.name, y=f"{self.curve.metric}, in inference mode")
        ax.legend(frameon=False)
