"""Pictures in scikit-learn's Display style. Need matplotlib: pip install matplotlib.

Each Display holds the numbers that it draws as attributes. `XDisplay.from_…(…)` computes and draws,
`XDisplay(…).plot(ax=None)` draws numbers that you have; both return the Display, with `ax_` and `figure_` for
everything else. plt.show() and plt.savefig() are yours to call: densekit never does.
"""

from __future__ import annotations

import importlib
from typing import Any

# Where each Display lives; a file is imported when its name is first asked for.
_DISPLAYS: dict[str, str] = {
    "BatchSizeNoiseDisplay": "_batch_noise",
    "DecisionBoundaryDisplay": "_decision",
    "DropoutSweepDisplay": "_dropout",
    "GradCheckDisplay": "_gradcheck",
    "GradientFlowDisplay": "_gradient_flow",
    "GradientHeatMapDisplay": "_gradient_flow",
    "HiddenSpacesDisplay": "_points",
    "HistoryDisplay": "_history",
    "IntrinsicDimensionDisplay": "_points",
    "LearningCurveDisplay": "_curves",
    "LikelihoodSurfaceDisplay": "_likelihood",
    "LossLandscapeDisplay": "_landscape",
    "NormBallsDisplay": "_norm_balls",
    "PenaltyContoursDisplay": "_penalty",
    "PenaltyPathDisplay": "_penalty",
    "PointsDisplay": "_points",
    "RestartsDisplay": "_trajectories",
    "ShiftReportDisplay": "_shift_report",
    "TaylorDisplay": "_taylor",
    "TrajectoriesDisplay": "_trajectories",
    "UncertaintyDisplay": "_dropout",
    "ValidationCurveDisplay": "_curves",
    "ZigzagDisplay": "_zigzag",
}

__all__ = list(_DISPLAYS)


def __getattr__(name: str) -> Any:
    if name in _DISPLAYS:
        module = importlib.import_module(f"densekit.plots.{_DISPLAYS[name]}")
        display: Any = getattr(module, name)
        globals()[name] = display
        return display
    raise AttributeError(f"module 'densekit.plots' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
