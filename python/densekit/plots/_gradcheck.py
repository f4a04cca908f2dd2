"""The remainders of a Taylor check over the step, with the slopes that they should have."""

from __future__ import annotations

from typing import Any

import numpy as np

from densekit._checks import instance
from densekit.diagnostics import TaylorCheck
from densekit.plots._style import BLUE, GREEN, GREY, RED, Display, tidy


class GradCheckDisplay(Display):
    """Remainders R0, R1 (and R2) over h, both logarithmic, a line for each direction; dotted: slopes 1, 2 (and 3).

    check: what gradcheck(method="taylor") returned. In the grey part the values are rounding.
    """

    def __init__(self, check: TaylorCheck) -> None:
        kind = "a TaylorCheck, as densekit.diagnostics.gradcheck(method='taylor') gives"
        self.check = instance("GradCheckDisplay", "check", check, TaylorCheck, kind)

    @classmethod
    def from_check(cls, check: TaylorCheck, *, ax: Any = None) -> GradCheckDisplay:
        """Draws.

        >>> check = densekit.diagnostics.gradcheck(lambda w: (np.sin(w).sum(), np.cos(w)), np.ones(3))
        >>> densekit.plots.GradCheckDisplay.from_check(check).check.passed
        True
        """
        return cls(check).plot(ax)  # type: ignore[no-any-return]

    def _draw(self, ax: Any) -> None:
        check = self.check
        names = ("R0 = |f(w + hv) − f(w)|", "R1 = |… − h⟨g, v⟩|", "R2 = |… − h²⟨v, Hv⟩ / 2|")
        for order in range(check.remainders.shape[1]):
            tone = (RED, BLUE, GREEN)[order]
            for direction, rest in enumerate(check.remainders[:, order]):
                shown = np.where((rest > 0) & np.isfinite(rest), rest, np.nan)
                label = f"{names[order]}, slope {np.median(check.slopes[:, order]):.2f}" if direction == 0 else None
                ax.plot(check.h, shown, color=tone, linewidth=1.2, marker=".", markersize=4, label=label)
            first = check.remainders[0, order]
            good = np.flatnonzero(np.isfinite(first) & (first > 200 * check.rounding[0]))
            if len(good):  # the slope that it should have, through the last point above rounding
                reach = check.h[good]
                ax.plot(reach, first[good[-1]] * (reach / reach[-1]) ** (order + 1), ":", color="black", linewidth=1.0)
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        floor = np.median(check.rounding, axis=0)
        low = float(np.nanmin(floor)) / 10
        ax.fill_between(check.h, low, floor, color=GREY, alpha=0.25, linewidth=0, label="rounding")
        ax.set_ylim(bottom=low)
        tidy(
            ax,
            x="step h",
            y="remainder, in units of f",
            title="passed" if check.passed else "failed: R1 must fall with slope 2",
        )
        ax.legend(frameon=False, fontsize="small", loc="upper left")
