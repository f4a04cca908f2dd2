"""Distribution shift: make it, find it, name it, correct it.

Covariate shift: P(X) changes, P(Y given X) stays. Label shift: P(Y) changes, P(X given Y) stays. Concept shift: P(Y
given X) changes. Inputs alone cannot tell them apart: `report` names a kind only where it is given labels of both
samples.
"""

from densekit.shift._classifier import classifier_test
from densekit.shift._outputs import LabelShift, bbsd, bbse, posterior_correction
from densekit.shift._report import Report, report
from densekit.shift._result import ShiftTest
from densekit.shift._simulate import Shifted, simulate_concept, simulate_covariate, simulate_label
from densekit.shift._univariate import chi2_test, ks_test
from densekit.shift._weights import DensityRatio, density_ratio_weights

__all__ = [
    "DensityRatio",
    "LabelShift",
    "Report",
    "ShiftTest",
    "Shifted",
    "bbsd",
    "bbse",
    "chi2_test",
    "classifier_test",
    "density_ratio_weights",
    "ks_test",
    "posterior_correction",
    "report",
    "simulate_concept",
    "simulate_covariate",
    "simulate_label",
]
