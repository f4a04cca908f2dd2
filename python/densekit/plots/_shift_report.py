"""A shift report at a glance."""

from __future__ import annotations

from typing import Any

import numpy as np

from densekit._checks import instance
from densekit.plots._style import BLUE, GREY, RED, Display, tidy
from densekit.shift import Report

_LEAST = 1e-16  # smaller p-values are drawn here


class ShiftReportDisplay(Display):
    """The p-value of each test on a logarithmic axis, with its share of alpha; what lies beyond is a change.

    report: a densekit.shift.Report.

    >>> X = np.random.default_rng(0).normal(size=(120, 2))
    >>> found = densekit.shift.report(X[:60], X[60:] + 3)
    >>> densekit.plots.ShiftReportDisplay.from_report(found).names
    ['Kolmogorov-Smirnov', 'classifier (accuracy)']
    """

    def __init__(self, report: Report) -> None:
        kind = "a Report, as densekit.shift.report gives"
        self.report = instance("ShiftReportDisplay", "report", report, Report, kind)
        self.names = [test.name for test in report.tests]
        self.p_values = np.array([test.p for test in report.tests])

    @classmethod
    def from_report(cls, report: Report, *, ax: Any = None) -> ShiftReportDisplay:
        """Draws."""
        return cls(report).plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        place = np.arange(len(self.names))
        shown = np.maximum(self.p_values, _LEAST)
        changed = np.array([test.rejected for test in self.report.tests])
        alpha = self.report.tests[0].alpha
        ax.hlines(place, shown, 1, color="#CCCCCC", linewidth=2)
        for rejected, tone, marker, label in ((True, RED, "D", "changed"), (False, BLUE, "o", "no change found")):
            chosen = changed == rejected
            if chosen.any():
                ax.plot(shown[chosen], place[chosen], marker, color=tone, markersize=8, label=label)
        ax.axvline(alpha, color=GREY, linestyle="--", linewidth=1, label=f"each test's alpha, {alpha:.3g}")
        for y, test in zip(place, self.report.tests, strict=True):
            if test.features and (test.scores or len(test.names) > 1):
                text = ", ".join(test.features[:3]) + (", …" if len(test.features) > 3 else "")
                ax.annotate(text, (max(test.p, _LEAST), y), (0, 8), textcoords="offset points", fontsize="small",
                            ha="right" if test.p > 1e-12 else "center")  # fmt: skip
        ax.set_xscale("log")
        ax.set_xlim(2, min(_LEAST if shown.min() < 1e-8 else 1e-8, shown.min()) / 5)
        ax.set_yticks(place, self.names)
        ax.set_ylim(len(place) - 0.5, -0.7)
        kind = {"none": "no shift found", "unknown": "something changed"}.get(
            self.report.kind, f"{self.report.kind} shift"
        )
        tidy(ax, x="p-value of “nothing changed” (logarithmic, smaller to the right)", y="", title=f"Verdict: {kind}")
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, frameon=False, fontsize="small")
