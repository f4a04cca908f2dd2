"""Why a network learns, or does not: gradients checked and watched, stationary points, and a report with findings."""

from densekit.diagnostics._curves import (
    BiasVariance,
    LearningCurve,
    ValidationCurve,
    bias_variance,
    learning_curve,
    validation_curve,
)
from densekit.diagnostics._diagnose import diagnose
from densekit.diagnostics._explain import Edge, Explanation, explain_backward
from densekit.diagnostics._flow import Flow, GradientFlow, LayerFlow, gradient_flow
from densekit.diagnostics._gradcheck import CoordinateCheck, GradCheck, TaylorCheck, gradcheck
from densekit.diagnostics._report import Finding, Report
from densekit.diagnostics._restarts import RestartResult, restarts
from densekit.diagnostics._signs import SignCoherence, sign_coherence
from densekit.diagnostics._stationary import StationaryPoint, extreme_eigenvalues, stationary_point

__all__ = [
    "BiasVariance",
    "CoordinateCheck",
    "Edge",
    "Explanation",
    "Finding",
    "Flow",
    "GradCheck",
    "GradientFlow",
    "LayerFlow",
    "LearningCurve",
    "Report",
    "RestartResult",
    "SignCoherence",
    "StationaryPoint",
    "TaylorCheck",
    "ValidationCurve",
    "bias_variance",
    "diagnose",
    "explain_backward",
    "extreme_eigenvalues",
    "gradcheck",
    "gradient_flow",
    "learning_curve",
    "restarts",
    "sign_coherence",
    "stationary_point",
    "validation_curve",
]
