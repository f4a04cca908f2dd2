"""How good predictions are on one scale for all losses, and a quick learner to compare with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from densekit._network import last_activation
from densekit.diagnostics._objective import Array

_NUMBERS = ("mse", "mae", "rmse", "huber", "log_cosh", "pinball")


@dataclass(frozen=True)
class Score:
    """value: accuracy, or R² (one minus squared error / variance). error: its standard error. baseline: that of a
    constant: the share of the most frequent class, or 0."""

    value: float
    error: float
    baseline: float


def task_of(model: Any, y: Array) -> str | None:
    """ "classes", "numbers", or None where neither accuracy nor R² says what the loss is after."""
    kind = model.loss.kind
    if model.loss.takes_labels:
        return "classes"
    if kind in ("binary_cross_entropy", "hinge"):
        return "classes" if np.isin(y, (-1, 0, 1)).all() else None
    return "numbers" if kind in _NUMBERS else None


def constant_loss(model: Any, y: Array) -> float:
    """The loss of the best constant for the losses of `task_of`, roughly; NaN for others."""
    kind = model.loss.kind
    if kind in _NUMBERS:
        middle = np.median(y, axis=0) if kind in ("mae", "pinball") else y.mean(axis=0)
        return float(model.loss(np.broadcast_to(middle, y.shape).astype(y.dtype), y)[0])
    if kind in ("softmax_cross_entropy", "nll"):
        p = np.unique(y, return_counts=True)[1] / len(y) if y.ndim == 1 else y.mean(axis=0, dtype=np.float64)
        return float(-(p * np.log(np.maximum(p, 1e-12))).sum())
    if kind == "binary_cross_entropy":
        p = np.clip(y.mean(axis=0, dtype=np.float64), 1e-12, 1 - 1e-12)
        return float(-(p * np.log(p) + (1 - p) * np.log1p(-p)).mean())
    return float("nan")


def decided(model: Any, output: Array) -> Array:
    """Classes from what the model puts out: labels (n,), or 0 and 1 (n, m) of yes-or-no answers."""
    if model.loss.takes_labels:
        labels: Array = output.argmax(axis=1)
        return labels
    probability = last_activation(model.layers) in ("sigmoid", "hard_sigmoid")
    answers: Array = (output > (0.5 if probability else 0)).astype(np.int64)
    return answers


def as_classes(model: Any, y: Array) -> Array:
    """Targets as `decided` gives classes."""
    if model.loss.takes_labels:
        labels: Array = y.argmax(axis=1) if y.ndim == 2 else y
        return labels
    answers: Array = (y > 0).astype(np.int64)
    return answers


def score(task: str, y: Array, prediction: Array) -> Score:
    """Of predictions, classes or numbers as the task is."""
    n = max(1, len(y))
    if task == "classes":
        right = (y == prediction).reshape(n, -1).mean(axis=1)
        share = float(right.mean())
        if y.ndim == 1:
            baseline = float(np.unique(y, return_counts=True)[1].max() / n)
        else:
            baseline = float(np.maximum(y.mean(axis=0), 1 - y.mean(axis=0)).mean())
        # One right answer more on either side, so that a perfect score has an error, too.
        careful = (share * n + 1) / (n + 2)
        return Score(share, float(np.sqrt(careful * (1 - careful) / n)), baseline)
    y, prediction = y.reshape(n, -1).astype(np.float64), prediction.reshape(n, -1).astype(np.float64)
    spread = float(((y - y.mean(axis=0)) ** 2).mean())
    if spread == 0:
        return Score(1.0 if np.allclose(y, prediction) else 0.0, 0.0, 0.0)
    squares = ((y - prediction) ** 2).mean(axis=1) / spread
    return Score(float(1 - squares.mean()), float(squares.std() / np.sqrt(n)), 0.0)


def quick_score(task: str, X: Array, y: Array, X_new: Array, y_new: Array, seed: int = 0) -> Score:
    """The score on new rows of a ridge regression on the columns and 200 random tanh features: what is easily learnt.

    At most 2,000 rows. The penalty is the best of six on a quarter of the rows.
    """
    rng = np.random.default_rng(seed)
    keep = np.sort(rng.permutation(len(X))[:2000])
    X, y = X[keep].astype(np.float64), y[keep]
    mean, std = X.mean(axis=0), X.std(axis=0)
    std = np.where(std > 0, std, 1.0)
    weights = rng.standard_normal((X.shape[1], 200)) / np.sqrt(X.shape[1])
    shift = rng.standard_normal(200)

    def features(table: Array) -> Array:
        z = np.clip((table.astype(np.float64) - mean) / std, -10, 10)
        parts = [np.ones((len(z), 1)), np.tanh(1.5 * z @ weights + shift)]
        return np.hstack([*parts, z] if z.shape[1] <= 500 else parts)

    numbers = task == "numbers" or y.ndim == 2
    classes = np.array([]) if numbers else np.unique(y)
    target = y.reshape(len(y), -1).astype(np.float64) if numbers else (y[:, None] == classes).astype(np.float64)

    def predicted(f: Array, coefficients: Array) -> Array:
        z = f @ coefficients
        if task == "numbers":
            return np.asarray(z)
        return (z > 0.5).astype(np.int64) if numbers else np.asarray(classes[z.argmax(axis=1)])

    f, order = features(X), rng.permutation(len(X))
    inner, outer = order[len(X) // 4 :], order[: len(X) // 4]
    penalties = len(X) * 10.0 ** np.arange(-5, 1)
    best = penalties[-1]
    if len(outer) >= 5:
        tried = _ridge(f[inner], target[inner], penalties)
        best = penalties[int(np.argmax([score(task, y[outer], predicted(f[outer], c)).value for c in tried]))]
    (coefficients,) = _ridge(f, target, [best])
    # In blocks: the features of all rows at once are many times as large as the rows, and no Ctrl-C comes between.
    blocks = [X_new[i : i + 2000] for i in range(0, max(len(X_new), 1), 2000)]
    return score(task, y_new, np.concatenate([predicted(features(block), coefficients) for block in blocks]))


def _ridge(f: Array, target: Array, penalties: Any) -> list[Array]:
    gram, right = f.T @ f, f.T @ target
    eye = np.eye(len(gram))
    return [np.linalg.solve(gram + penalty * eye, right) for penalty in penalties]
