"""densekit trains dense neural networks on the CPU: C++ kernels behind NumPy arrays.

densekit.Sequential([...])           # a model: compile, fit, evaluate, predict
import densekit.functional as F      # every operation, as one compiled call
import densekit.reference as F       # the same names and signatures in plain NumPy
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from densekit._core import __version__
from densekit._runtime import get_num_threads, set_num_threads, show_versions, use_isa

if TYPE_CHECKING:
    from densekit import (
        callbacks,
        compat,
        convert,
        datasets,
        diagnostics,
        functional,
        info,
        initializers,
        layers,
        likelihood,
        losses,
        manifold,
        metrics,
        optim2d,
        optimizers,
        plots,
        preprocessing,
        reference,
        registry,
        regularizers,
        schedules,
        shift,
        sweeps,
        taylor,
    )
    from densekit import sklearn as sklearn  # not in __all__: a star import must not need scikit-learn
    from densekit._files import load
    from densekit._lr_finder import lr_finder
    from densekit._scores import Scores
    from densekit._verify import verify
    from densekit.model import Sequential, TrainingDiverged

_MODULES = (
    "callbacks",
    "compat",
    "convert",
    "datasets",
    "diagnostics",
    "functional",
    "info",
    "initializers",
    "layers",
    "likelihood",
    "losses",
    "manifold",
    "metrics",
    "optim2d",
    "optimizers",
    "plots",
    "preprocessing",
    "reference",
    "registry",
    "regularizers",
    "schedules",
    "shift",
    "sklearn",
    "sweeps",
    "taylor",
)
# Names that live in a module, imported on first use, too.
_NAMES = {
    "Scores": "densekit._scores",
    "Sequential": "densekit.model",
    "TrainingDiverged": "densekit.model",
    "load": "densekit._files",
    "lr_finder": "densekit._lr_finder",
    "verify": "densekit._verify",
}

__all__ = [
    "Scores",
    "Sequential",
    "TrainingDiverged",
    "__version__",
    "callbacks",
    "compat",
    "convert",
    "datasets",
    "diagnostics",
    "functional",
    "get_num_threads",
    "info",
    "initializers",
    "layers",
    "likelihood",
    "load",
    "losses",
    "lr_finder",
    "manifold",
    "metrics",
    "optim2d",
    "optimizers",
    "plots",
    "preprocessing",
    "reference",
    "registry",
    "regularizers",
    "schedules",
    "set_num_threads",
    "shift",
    "show_versions",
    "sweeps",
    "taylor",
    "use_isa",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:  # imported on first use
        return importlib.import_module(f"densekit.{name}")
    if name in _NAMES:
        return getattr(importlib.import_module(_NAMES[name]), name)
    raise AttributeError(f"module 'densekit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
