"""Findings about the data: scale, leakage, duplicates, targets that the output cannot reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from densekit._layer import Shape
from densekit._network import last_activation
from densekit.diagnostics._objective import Array
from densekit.diagnostics._report import Finding

# Frozen on seeds 0-9 of tools/planted_problems.py.
_LARGE, _VERY_LARGE, _SMALL = 10.0, 100.0, 0.02
_SHIFTED, _RESCALED = 3.0, 4.0
_RANGES = {
    "sigmoid": (0.0, 1.0), "hard_sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0), "relu": (0.0, np.inf), "softplus": (0.0, np.inf), "log_softmax": (-np.inf, 0.0),
}  # fmt: skip


def _column(at: int, shape: Shape) -> str:
    """Its name: of rows of several axes the place in a row."""
    return f"column {at}" if len(shape) == 1 else f"place {tuple(map(int, np.unravel_index(at, shape)))} of a row"


def unscaled_input(model: Any, X: Array) -> Iterator[Finding]:
    """Columns far from mean 0 and standard deviation 1, unless a batch norm comes first."""
    if model.layers[0].kind == "batch_norm":
        return
    size = np.sqrt((X.astype(np.float64) ** 2).mean(axis=0))
    varies = X.std(axis=0) > 0
    if not varies.any():
        return
    size, places = size[varies], np.flatnonzero(varies)
    largest, worst = float(size.max()), int(places[size.argmax()])
    if largest > _LARGE:
        yield Finding(
            "unscaled_input",
            "severe" if largest > _VERY_LARGE else "warning",
            f"{_column(worst, model.input_shape)} is large",
            "standardize: X = (X - X_train.mean(0)) / X_train.std(0), with the numbers of the training rows",
            {"root mean square": largest, "mean": float(X[:, worst].mean()), "std": float(X[:, worst].std())},
        )
    elif largest < _SMALL:
        yield Finding(
            "unscaled_input",
            "warning",
            "all columns are close to 0, so the first layer hardly sees them",
            "standardize: X = (X - X_train.mean(0)) / X_train.std(0), with the numbers of the training rows",
            {"root mean square": largest},
        )


def scaler_saw_validation(X: Array, X_val: Array) -> Iterator[Finding]:
    """Training and validation rows together have mean 0 and deviation 1 (or range 0 to 1), but neither alone has."""
    both = np.concatenate([X, X_val]).astype(np.float64)
    many = np.array([len(np.unique(column)) > 50 for column in both.T])
    if not many.any():
        return
    both, train = both[:, many], X[:, many].astype(np.float64)
    how = None
    off = np.abs(train.mean(axis=0)) + np.abs(train.std(axis=0) - 1)
    together = np.abs(both.mean(axis=0)) + np.abs(both.std(axis=0) - 1)
    if together.max() < 1e-4 and np.median(off) > 1e-3:
        how = "mean 0 and standard deviation 1"
    low, high = both.min(axis=0), both.max(axis=0)
    gap = np.maximum(np.abs(train.min(axis=0) - low), np.abs(train.max(axis=0) - high))
    if np.abs(low).max() < 1e-6 and np.abs(high - 1).max() < 1e-6 and gap.max() > 1e-6:
        how, off, together = "range 0 to 1", gap, np.abs(high - 1)
    if how is not None:
        yield Finding(
            "scaler_saw_validation",
            "warning",
            f"training and validation rows together have exactly {how}: the scaler was fitted on both",
            "fit the scaler on the training rows alone and apply it to the others",
            {"off together": float(together.max()), "off in training": float(np.median(off))},
        )


def validation_scale(X: Array, X_val: Array) -> Iterator[Finding]:
    """Validation rows on another scale, as when the scaler was forgotten."""
    std, mean = X.std(axis=0, dtype=np.float64), X.mean(axis=0, dtype=np.float64)
    varies = std > 0
    if not varies.any() or len(X_val) < 5:
        return
    moved = np.abs(X_val.mean(axis=0, dtype=np.float64) - mean)[varies] / std[varies]
    wider = X_val.std(axis=0, dtype=np.float64)[varies] / std[varies]
    factor = float(np.median(np.maximum(wider, 1 / np.maximum(wider, 1e-12))))
    if np.median(moved) > _SHIFTED or factor > _RESCALED:
        yield Finding(
            "validation_scale",
            "severe",
            "the validation rows are on another scale than the training rows",
            "apply the scaler that was fitted on the training rows to the validation rows, too",
            {"median shift in std": float(np.median(moved)), "median factor of std": factor},
        )


def output_range(model: Any, y: Array) -> Iterator[Finding]:
    """Targets that the last activation cannot put out, or labels that are taken for numbers."""
    name = last_activation(model.layers)
    kind = model.loss.kind
    if y.ndim != 2 or kind in ("binary_cross_entropy", "hinge", "poisson_nll", "gaussian_nll", "laplace_nll"):
        return
    low, high = _RANGES.get(str(name), (-np.inf, np.inf))
    outside = float(((y < low - 1e-6) | (y > high + 1e-6)).mean())
    if outside > 0.01:
        yield Finding(
            "output_range",
            "severe" if outside > 0.2 else "warning",
            f"the last layer ends in {name!r} with outputs from {low:g} to {high:g}, but targets lie outside",
            "leave the activation of the last layer out, or scale the targets into its range",
            {"share of targets outside": outside, "least target": float(y.min()), "largest target": float(y.max())},
        )
    values = np.unique(y[:, 0])
    labels = y.shape[1] == 1 and 3 <= len(values) <= min(20, len(y) // 10) and (values == np.arange(len(values))).all()
    if labels and kind in ("mse", "mae", "rmse", "huber", "log_cosh"):
        yield Finding(
            "labels_as_numbers",
            "warning",
            f"the targets are the whole numbers 0 to {len(values) - 1}, which look like labels of classes",
            f"Dense({len(values)}, 'softmax') and loss='sparse_categorical_crossentropy', if they are",
            {"values": float(len(values))},
        )


def leaking_column(X: Array, y: Array, task: str, shape: Shape) -> Iterator[Finding]:
    """One column alone tells the target almost exactly, and no other comes near. shape: of a row."""
    if X.shape[1] < 2 or len(X) < 40:
        return
    keep = np.linspace(0, len(X) - 1, min(len(X), 2000)).astype(np.int64)
    X, y = X[keep], y[keep]
    target = y if y.ndim == 1 else y[:, 0]
    told = np.array([_told(column, target, task) for column in X.T])
    order = np.argsort(told)
    best, second = float(told[order[-1]]), float(told[order[-2]])
    if best >= 0.97 and best - second >= 0.15:
        column = _column(int(order[-1]), shape)
        yield Finding(
            "leaking_column",
            "severe" if best >= 0.995 else "warning",
            f"{column} alone tells the target",
            f"ask whether {column} is known at the time of prediction; train without it and compare",
            {"told by this column": best, "by the next best": second},
        )


def _told(column: Array, y: Array, task: str) -> float:
    """How much of the target a column tells: 0 nothing, 1 all.

    Along the sorted column neighbours have like targets: for classes the share of equal neighbours above chance, for
    numbers one minus von Neumann's ratio, or the squared correlation.
    """
    order = np.argsort(column, kind="stable")
    column, y = column[order].astype(np.float64), y[order]
    if task == "classes":
        chance = float(((np.unique(y, return_counts=True)[1] / len(y)) ** 2).sum())
        return float((y[1:] == y[:-1]).mean() - chance) / (1 - chance) if chance < 1 else 0.0
    y = y.astype(np.float64)
    if y.std() == 0 or column.std() == 0:
        return 0.0
    ratio = float((np.diff(y) ** 2).mean() / (2 * y.var()))
    return max(1 - ratio, float(np.corrcoef(column, y)[0, 1] ** 2))


def shared_rows(X: Array, X_val: Array) -> Iterator[Finding]:
    """Validation rows that are training rows, unless rows repeat by nature."""
    known = {row.tobytes() for row in np.ascontiguousarray(X)}
    if X.shape[1] < 2 or len(known) < 0.9 * len(X):
        return
    share = float(np.mean([row.tobytes() in known for row in np.ascontiguousarray(X_val.astype(X.dtype))]))
    if share > 0.01:
        yield Finding(
            "shared_rows",
            "severe" if share > 0.2 else "warning",
            "validation rows are among the training rows, so the validation flatters",
            "split before anything is copied or augmented: np.unique(X, axis=0) first",
            {"share of validation rows": share},
        )
