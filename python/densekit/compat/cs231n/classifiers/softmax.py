"""The linear classifier with softmax loss, as one function of its weights."""

from __future__ import annotations

from random import shuffle
from typing import Any

import numpy as np

import densekit.functional as F
from densekit.compat._shared import Array, promoted
from densekit.compat.cs231n.classifiers.linear_svm import with_penalty


def softmax_loss_vectorized(W: Array, X: Array, y: Array, reg: float) -> tuple[Any, Array]:
    """The mean cross entropy of softmax(X W), plus reg sum(W^2) without a half, and its gradient: (loss, dW).

    W: (d, classes). X: (n, d). y: classes (n).

    >>> from densekit.compat.cs231n.classifiers.softmax import softmax_loss_vectorized
    >>> loss, dW = softmax_loss_vectorized(np.zeros((2, 10)), np.ones((4, 2)), np.array([0, 1, 2, 0]), 0.1)
    >>> float(loss.round(6))
    2.302585
    """
    x, w = promoted(X, W, of="softmax_loss_vectorized X W")
    loss, dscores = F.softmax_cross_entropy(F.matmul(x, w), y)
    return with_penalty(w, reg, loss, F.matmul(x, dscores, transpose_a=True))


softmax_loss_naive = softmax_loss_vectorized  # the course's loops come to the same numbers

__all__ = ["np", "shuffle", "softmax_loss_naive", "softmax_loss_vectorized"]
