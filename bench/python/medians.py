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
