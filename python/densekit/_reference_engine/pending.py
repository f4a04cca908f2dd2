"""The running statistics that training passes outside an epoch have found, until an update takes them over."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit._reference_engine.layers import Layer, Segment

Array = NDArray[Any]


class Pending:
    """A copy of the statistics, and what they were when it was made."""

    def __init__(self) -> None:
        self._before: Array | None = None
        self._after: Array | None = None

    def add(self, layers: list[Layer], tape: list[Any], statistics: Array) -> None:
        """Commits a pass into the copy, as an update would into the statistics."""
        if self._after is None or self._before is None:
            self._before, self._after = statistics.copy(), statistics.copy()
        written = ~_same(statistics, self._before)  # since the pass before, so it goes before this one
        self._before[written] = self._after[written] = statistics[written]
        with np.errstate(all="ignore"):
            for layer, saved in zip(layers, tape, strict=True):
                layer.commit(saved, self._after)

    def take_over(self, segments: list[Segment], statistics: Array) -> None:
        """Copies it to `statistics`, but for what is not trained and for what somebody has written meanwhile."""
        found = self.read(segments, statistics)
        if found is not None:
            statistics[...] = found
        self.drop()

    def read(self, segments: list[Segment], statistics: Array) -> Array | None:
        """What take_over would make of `statistics`; None: nothing is pending."""
        if self._after is None or self._before is None:
            return None
        trained = np.zeros(statistics.shape, bool)
        for s in segments:
            trained[s.range] = s.trainable
        return np.where(trained & _same(statistics, self._before), self._after, statistics)

    def write(self, statistics: Array, values: Array) -> None:
        """As if passes had made these values of `statistics`."""
        self._before, self._after = statistics.copy(), values.copy()

    def drop(self) -> None:
        """Nothing is pending any more."""
        self._before = self._after = None


def _same(a: Array, b: Array) -> Array:
    same: Array = (a == b) | (np.isnan(a) & np.isnan(b))
    return same
