"""densekit trains dense neural networks on the CPU: C++ kernels behind NumPy arrays.

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
        datasets,
        functional,
        initializers,
        losses,
        metrics,
        optimizers,
        reference,
        registry,
        regularizers,
        schedules,
    )

_MODULES = (
    "callbacks",
    "datasets",
    "functional",
    "initializers",
    "losses",
    "metrics",
    "optimizers",
    "reference",
    "registry",
    "regularizers",
    "schedules",
)

__all__ = [
    "__version__",
    "callbacks",
    "datasets",
    "functional",
    "get_num_threads",
    "initializers",
    "losses",
    "metrics",
    "optimizers",
    "reference",
    "registry",
    "regularizers",
    "schedules",
    "set_num_threads",
    "show_versions",
    "use_isa",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:  # imported on first use
        return importlib.import_module(f"densekit.{name}")
    raise AttributeError(f"module 'densekit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
