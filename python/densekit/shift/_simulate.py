"""Samples with a shift of known kind and size, drawn from a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _data as data
from densekit._arrays import number, real, weights, whole
from densekit._intake import as_labels

Array = NDArray[Any]


@dataclass(frozen=True)
class Shifted:
    """A sample of the rows of a table: X, y (None if none were given), index of its rows in the table.

    ratio: (rows of the table,), p_new / p_table at each row, the weights that undo the shift; ones for a shift of the
    concept, which no weights undo.
    """

    X: Array
    y: Array | None
    index: NDArray[np.int64]
    ratio: NDArray[np.float64]


def _table(op: str, X: Any, y: Any) -> tuple[Array, Array | None]:
    table = data.matrix(op, "X", X)
    data.require_finite(op, "X", table)
    if len(table) < 2:
        raise ValueError(f"{op}: X is {table.shape}, expected two rows or more")
    if y is None:
        return table, None
    targets = as_labels(op, "y", y)
    if targets.shape != (len(table),):
        raise ValueError(f"{op}: X has {len(table)} rows but y is {targets.shape}, expected ({len(table)},)")
    return table, targets


def _position(op: str, X: Array, direction: int | ArrayLike) -> NDArray[np.float64]:
    """Where each row lies along a column or a direction, with mean 0 and standard deviation 1."""
    if isinstance(direction, int | np.integer) and not isinstance(direction, bool):
        along = X[:, whole(op, "direction", direction, high=X.shape[1] - 1)].astype(np.float64)
    else:
        vector = real(op, "direction", direction)
        if vector.shape != (X.shape[1],):
            raise ValueError(f"{op}: direction is {vector.shape}, expected a column's number or ({X.shape[1]},)")
        along = (X * vector).sum(axis=1, dtype=np.float64)
    std = along.std()
    if std == 0:
        raise ValueError(f"{op}: all rows lie at the same place along direction={direction!r}")
    return np.asarray((along - along.mean()) / std)


def simulate_covariate(
    X: Any, y: Any = None, *, strength: float = 1.0, direction: int | ArrayLike = 0, seed: int = 0
) -> Shifted:
    """Covariate shift: P(X) changes, P(Y given X) stays. Keeps a row with probability 1 / (1 + e^(−2 strength z)).

    z: the row's place along `direction` (a column's number, or d numbers), in standard deviations. strength: 0 keeps a
    random half. X: (n, d). y: (n,), comes along. About n / 2 rows are kept, none twice. Zadrozny, ICML 2004.

    >>> X = np.random.default_rng(0).normal(size=(1000, 2))
    >>> round(float(densekit.shift.simulate_covariate(X, strength=1).X[:, 0].mean()), 1)
    0.6
    """
    op = "simulate_covariate"
    table, targets = _table(op, X, y)
    kept = 1 / (1 + np.exp(-2 * number(op, "strength", strength) * _position(op, table, direction)))
    index = np.flatnonzero(np.random.default_rng(whole(op, "seed", seed)).random(len(table)) < kept)
    return Shifted(table[index], None if targets is None else targets[index], index, kept / kept.mean())


def simulate_label(
    X: Any, y: Any, priors: Sequence[float] | ArrayLike, *, size: int | None = None, seed: int = 0
) -> Shifted:
    """Label shift: P(Y) changes, P(X given Y) stays. Draws rows of each class so that their shares are `priors`.

    X: (n, d). y: (n,) labels from 0. priors: one share a class, adding up to 1. size: rows to draw, none twice; by
    default as many as the classes allow.

    >>> found = densekit.shift.simulate_label(np.zeros((100, 1)), np.arange(100) % 2, [0.9, 0.1])
    >>> np.bincount(found.y)
    array([50,  6])
    """
    op = "simulate_label"
    table, labels = _table(op, X, y)
    if labels is None or labels.dtype.kind not in "iub" or labels.min() < 0:
        raise TypeError(f"{op}: y must be labels, whole numbers from 0; write np.unique(y, return_inverse=True)[1]")
    labels = labels.astype(np.int64)
    counts = np.bincount(labels)
    if priors is None:
        raise TypeError(f"{op}: priors is None, expected ({len(counts)},) shares, one a class")
    shares = np.asarray(weights(op, "priors", priors, len(counts)))
    if abs(shares.sum() - 1) > 1e-6:
        raise ValueError(f"{op}: priors add up to {shares.sum():g}, expected 1")
    wanted = shares > 0
    if (counts[wanted] == 0).any():
        raise ValueError(f"{op}: y has no row of class {int(np.flatnonzero(wanted & (counts == 0))[0])}")
    most = float((counts[wanted] / shares[wanted]).min())
    total = most if size is None else whole(op, "size", size, low=1)
    take = np.rint(shares * total).astype(np.int64)
    if (take > counts).any():
        at = int((take - counts).argmax())
        raise ValueError(
            f"{op}: size={size} needs {take[at]} rows of class {at}, y has {counts[at]} (most: {int(most)})"
        )
    rng = np.random.default_rng(whole(op, "seed", seed))
    index = np.concatenate([rng.permutation(np.flatnonzero(labels == k))[: take[k]] for k in range(len(counts))])
    index = rng.permutation(index)
    ratio = (shares / np.maximum(counts / len(labels), 1e-300))[labels]
    return Shifted(table[index], labels[index], index, ratio)


def simulate_concept(
    X: Any, y: Any, *, strength: float = 1.0, direction: int | ArrayLike = 0, seed: int = 0
) -> Shifted:
    """Concept shift: P(Y given X) changes, P(X) stays.

    X: (n, d). y: (n,). Labels (whole numbers): where a row lies beyond the mean along `direction`, the label becomes
    the next one, with probability `strength` (0 to 1). Numbers: y + strength · std(y) · z, with z as in
    simulate_covariate. All rows are kept.

    >>> densekit.shift.simulate_concept([[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]).y
    array([0, 1, 1, 0])
    """
    op = "simulate_concept"
    table, targets = _table(op, X, y)
    if targets is None:
        raise TypeError(f"{op}: y is None, expected labels or numbers, ({len(table)},)")
    z = _position(op, table, direction)
    if targets.dtype.kind in "iub":
        share = number(op, "strength", strength, low=0, high=1)
        moved = (z > 0) & (np.random.default_rng(whole(op, "seed", seed)).random(len(z)) < share)
        classes = int(targets.max()) + 1
        changed = np.where(moved, (targets.astype(np.int64) + 1) % classes, targets)
    elif targets.dtype.kind == "f":
        changed = targets + number(op, "strength", strength) * targets.std() * z
    else:
        raise TypeError(f"{op}: y is {targets.dtype}, expected labels (whole numbers) or numbers")
    return Shifted(table, changed.astype(targets.dtype), np.arange(len(table)), np.ones(len(table)))
