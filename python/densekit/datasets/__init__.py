"""Data that ships with the package."""

from densekit.datasets._digits import load_digits

__all__ = ["load_digits"]
