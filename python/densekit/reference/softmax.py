"""Softmax, its logarithm, and the cross-entropy of logits."""

from typing import Any

import numpy as np

from densekit._arrays import Out
from densekit.reference._twin import Array, Positive, twin


@twin("z")
def softmax(z: Array, *, axis: Any = -1, temperature: Positive = 1.0, out: Out = None) -> Any:
    e = np.exp((z - z.max(axis=axis, keepdims=True)) / temperature) if z.size else z
    return e / e.sum(axis=axis, keepdims=True)


@twin("z")
def log_softmax(z: Array, *, axis: Any = -1, temperature: Positive = 1.0, out: Out = None) -> Any:
    if not z.size:
        return z
    shifted = (z - z.max(axis=axis, keepdims=True)) / temperature
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


@twin("dy", "y")
def softmax_backward(dy: Array, y: Array, *, axis: Any = -1, temperature: Positive = 1.0, out: Out = None) -> Any:
    return y * (dy - (dy * y).sum(axis=axis, keepdims=True)) / temperature


@twin("dy", "y")
def log_softmax_backward(dy: Array, y: Array, *, axis: Any = -1, temperature: Positive = 1.0, out: Out = None) -> Any:
    return (dy - np.exp(y) * dy.sum(axis=axis, keepdims=True)) / temperature


@twin("logits", outputs=("dlogits",))
def softmax_cross_entropy(
    logits: Array,
    targets: Any,
    *,
    class_weight: Any = None,
    sample_weight: Any = None,
    label_smoothing: float = 0.0,
    ignore_index: Any = None,
    compat: Any = None,
    reduction: str = "mean",
    out: Out = None,
) -> Any:
    rows, classes = logits.shape
    targets = np.asarray(targets)
    counts = np.ones(rows)
    if targets.ndim == 1:
        counts = np.where(targets == ignore_index, 0.0, 1.0) if ignore_index is not None else counts
        onehot = np.zeros((rows, classes))
        kept = counts > 0
        onehot[kept, targets[kept]] = 1
    else:
        onehot = targets.astype(np.float64)
    if sample_weight is not None:
        counts = counts * np.asarray(sample_weight, np.float64)
    q = (1 - label_smoothing) * onehot + label_smoothing / classes
    total = counts.sum()
    if class_weight is not None:
        of_class = np.asarray(class_weight, np.float64)
        if compat == "torch":  # weighs the terms of a row, not the row
            q = q * of_class
            total = (counts * (onehot @ of_class)).sum() if targets.ndim == 1 else total
        else:
            counts = counts * (onehot @ of_class)
            total = counts.sum()
    log_p = log_softmax(logits)
    losses = -np.where(q == 0, 0.0, q * log_p).sum(axis=1)
    losses = np.where(counts == 0, 0.0, counts * losses)
    gradient = np.exp(log_p) * q.sum(axis=1, keepdims=True) - q
    gradient = np.where(counts[:, None] == 0, 0.0, counts[:, None] * gradient)
    if reduction == "mean":
        return float(losses.sum() / total), gradient / total
    return (float(losses.sum()) if reduction == "sum" else losses), gradient


__all__ = ["log_softmax", "log_softmax_backward", "softmax", "softmax_backward", "softmax_cross_entropy"]
