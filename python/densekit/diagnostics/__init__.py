"""Why a network learns, or does not: gradients checked and watched, stationary points, and a report with findings."""

from densekit.diagnostics._explain import Edge, Explanation, explain_backward
from densekit.diagnostics._flow import Flow, GradientFlow, LayerFlow, gradient_flow
from densekit.diagnostics._gradcheck import CoordinateCheck, GradCheck, TaylorCheck, gradcheck
from densekit.diagnostics._signs import SignCoherence, sign_coherence
from densekit.diagnostics._stationary import StationaryPoint, extreme_eigenvalues, stationary_point

__all__ = [
    "CoordinateCheck",
    "Edge",
    "Explanation",
    "Flow",
    "GradCheck",
    "GradientFlow",
    "LayerFlow",
    "SignCoherence",
    "StationaryPoint",
    "TaylorCheck",
    "explain_backward",
    "extreme_eigenvalues",
    "gradcheck",
    "gradient_flow",
    "sign_coherence",
    "stationary_point",
]
