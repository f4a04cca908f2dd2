"""The statistics of the benchmarks: medians of ratios of neighbouring measurements, and their bootstrap intervals."""

from __future__ import annotations

from typing import Any

import numpy as np


def bootstrap(ratios: Any, rng: Any) -> tuple[float, float]:
    """The 95 % interval of the median by resampling."""
    medians = np.median(rng.choice(ratios, (2000, len(ratios))), axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return float(low), float(high)


def ratio(theirs: Any, ours: Any) -> tuple[float, float, float]:
    """The median of theirs / ours, pair by pair, and its interval."""
    ratios = np.asarray(theirs) / np.asarray(ours)
    return (float(np.median(ratios)), *bootstrap(ratios, np.random.default_rng(20261122)))


def ratio_of_groups(theirs: Any, ours: Any) -> tuple[float, float, float]:
    """The same of (groups, pairs): groups are drawn first, then pairs in them, because a group has its own luck."""
    rng, ratios = np.random.default_rng(20261122), np.asarray(theirs) / np.asarray(ours)
    groups, pairs = ratios.shape
    drawn = rng.integers(0, groups, (2000, groups, 1)), rng.integers(0, pairs, (2000, groups, pairs))
    low, high = np.percentile(np.median(ratios[drawn].reshape(2000, -1), axis=1), [2.5, 97.5])
    return float(np.median(ratios)), float(low), float(high)
