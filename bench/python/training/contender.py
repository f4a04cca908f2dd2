"""What each library's module provides: classes that can be put back to the start, run, and asked for their weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from training.workloads import Array, Problem, Weights, Workload


class Trainer(Protocol):
    """load: weights as given, optimizer as new (not timed). epoch: batch · steps rows once, in the order in which they
    lie unless `shuffle`; returns when the last update is done. weights: of now, copied."""

    def load(self, weights: Weights) -> None: ...
    def epoch(self, shuffle: bool) -> None: ...
    def weights(self) -> Weights: ...


Predictor: TypeAlias = Callable[[Array], Array]  # float32 rows to probabilities, all in NumPy arrays
MakeTrainer: TypeAlias = Callable[[Workload, Problem], Trainer]
MakePredictor: TypeAlias = Callable[[Workload, Problem], Predictor]


def batches(w: Workload, given: Problem) -> list[tuple[Array, Array]]:
    """The rows cut into batches as they lie: what the trainers whose loop is outside the library step through."""
    return [(given.x[i : i + w.batch], given.y[i : i + w.batch]) for i in range(0, w.rows, w.batch)]
