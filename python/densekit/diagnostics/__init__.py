"""Why a network learns, or does not: gradients checked and watched, stationary points, and a report with findings."""

from densekit.diagnostics._gradcheck import CoordinateCheck, GradCheck, TaylorCheck, gradcheck
from densekit.diagnostics._stationary import StationaryPoint, extreme_eigenvalues, stationary_point

__all__ = [
    "CoordinateCheck",
    "GradCheck",
    "StationaryPoint",
    "TaylorCheck",
    "extreme_eigenvalues",
    "gradcheck",
    "stationary_point",
]
