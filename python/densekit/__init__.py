"""densekit trains dense neural networks on the CPU."""

from __future__ import annotations

import importlib
from typing import Any

from densekit._core import __version__

_MODULES = ("datasets", "functional", "reference", "registry")

__all__ = ["__version__", *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _MODULES:  # imported on first use
        return importlib.import_module(f"densekit.{name}")
    raise AttributeError(f"module 'densekit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
