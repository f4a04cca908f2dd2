"""Rows for an engine, dense or CSR. Of a CSR matrix only a few batches at a time are made dense."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from densekit import _data
from densekit._evaluation import ROWS_AT_ONCE

Array: TypeAlias = NDArray[Any]

_DENSE_BYTES = 8 << 20  # of a CSR matrix at a time


@dataclass
class Epoch:
    """The means over the rows of an epoch of the losses of its batches, and the update whose loss was not finite."""

    loss: float = 0.0
    penalty: float = 0.0
    constant: float = 0.0
    diverged: dict[str, Any] | None = None


@dataclass(frozen=True)
class Rows:
    """X, targets as the engine takes them, weights or None, and what each row's loss lacks, or None."""

    x: Any
    y: Array
    weights: NDArray[np.float64] | None
    constant: NDArray[np.float64] | None = None

    @property
    def sparse(self) -> bool:
        return not isinstance(self.x, np.ndarray)

    def part(self, rows: Array) -> Rows:
        """Copies of some rows."""
        weights, constant = (None if a is None else a[rows] for a in (self.weights, self.constant))
        return Rows(self.x[rows], self.y[rows], weights, constant)

    def dense(self, dtype: Any, size: int = ROWS_AT_ONCE) -> Iterator[tuple[slice, Array]]:
        """(rows, those of X as the engine wants them), a few at a time."""
        if self.sparse:
            size = min(size, max(1, _DENSE_BYTES // (8 * max(1, self.x.shape[1]))))
        for start in range(0, self.x.shape[0], size):
            rows = slice(start, start + size)
            part = self.x[rows]
            yield rows, np.ascontiguousarray(part.toarray() if self.sparse else part, dtype)

    def outputs(self, engine: Any, dtype: Any) -> Array:
        """What the network puts out in inference mode."""
        y = np.empty((self.x.shape[0], engine.outputs), dtype)
        for rows, x in self.dense(dtype):
            y[rows] = engine.forward(x, False)
        return y

    def loss(self, engine: Any, dtype: Any) -> float:
        """The loss of the data in inference mode, the mean over the rows by their weights."""
        total = weight = 0.0
        for rows, x in self.dense(dtype):
            w = None if self.weights is None else self.weights[rows]
            count = float(len(x) if w is None else w.sum())
            total += engine.loss(x, self.y[rows], w, False)[0] * count
            weight += count
        return total / weight

    def gradient(self, engine: Any, dtype: Any, alpha: float, kernels: list[slice]) -> tuple[float, float, Array]:
        """The loss of the data and the penalty over all rows, and the gradient of their sum, in training mode.

        alpha: the strength of the penalty on `kernels`, which the engine divides by the weights of the rows it sees. So
        each part of a sparse X brings the whole penalty, of which all but one are taken away again.
        """
        if not self.sparse:
            loss, penalty = engine.gradient(np.ascontiguousarray(self.x, dtype), self.y, self.weights, True)
            return loss, penalty, engine.gradients
        total = penalty = weight = 0.0
        parts, gradient = 0, np.zeros(engine.parameters.shape)
        for rows, x in self.dense(dtype):
            w = None if self.weights is None else self.weights[rows]
            count = float(len(x) if w is None else w.sum())
            if count:
                loss, share = engine.gradient(x, self.y[rows], w, True)
                total, penalty, weight, parts = total + loss * count, share * count, weight + count, parts + 1
                gradient += engine.gradients * count
        for kernel in kernels:
            gradient[kernel] -= (parts - 1) * alpha * engine.parameters[kernel]
        return total / weight, penalty / weight, gradient / weight

    def epoch(self, engine: Any, order: Array, cuts: list[tuple[int, int]], batch_size: int, lr: Array) -> Epoch:
        """Updates along `order`, cut into batches; the losses are weighted by the rows of the batches, as sklearn's."""
        means, rows = Epoch(), 0
        for first, last in self._groups(cuts, batch_size):
            start, stop = cuts[first][0], cuts[last - 1][1]
            taken = order[start:stop]
            x, y, weights, where = self.x, self.y, self.weights, taken
            if self.sparse:
                x, y = x[taken].toarray(), y[taken]
                weights = None if weights is None else weights[taken]
                where = np.arange(len(taken))
            result = engine.epoch(x, y, weights, where, batch_size, lr[first:last])
            count = stop - start
            means.loss += result["loss"] * count
            means.penalty += result["penalty"] * count
            if self.constant is not None:
                w = None if self.weights is None else self.weights[taken]
                means.constant += float(np.average(self.constant[taken], weights=w)) * count
            rows += count
            means.diverged = result["diverged"]
            if means.diverged:
                break
        means.loss, means.penalty, means.constant = means.loss / rows, means.penalty / rows, means.constant / rows
        return means

    def _groups(self, cuts: list[tuple[int, int]], batch_size: int) -> list[tuple[int, int]]:
        """First and last (exclusive) batch of each call of the engine: one by one where batches weigh unequally."""
        size = len(cuts)
        if self.weights is not None:
            size = 1
        elif self.sparse:
            size = max(1, _DENSE_BYTES // (self.x.dtype.itemsize * self.x.shape[1] * batch_size))
        return [(first, min(first + size, len(cuts))) for first in range(0, len(cuts), size)]


def batches(rows: int, batch_size: int, batch_norm: bool) -> list[tuple[int, int]]:
    """First and last row (exclusive) of each batch."""
    return _data.batches(rows, batch_size, False, batch_norm)
