"""Data that ships with the package, and data made from a seed."""

from densekit.datasets._digits import load_digits
from densekit.datasets._synthetic import moons, pass_fail, spirals, swiss_roll

__all__ = ["load_digits", "moons", "pass_fail", "spirals", "swiss_roll"]
