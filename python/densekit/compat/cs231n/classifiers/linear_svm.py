"""The linear classifier with hinge loss, as one function of its weights."""

from __future__ import annotations

from random import shuffle
from typing import Any

import numpy as np

import densekit.functional as F
from densekit._arrays import number
from densekit.compat._shared import Array, promoted


def svm_loss_vectorized(W: Array, X: Array, y: Array, reg: float) -> tuple[Any, Array]:
    """The mean hinge loss (margin 1) of scores X W, plus reg sum(W^2) without a half, and its gradient: (loss, dW).

    W: (d, classes). X: (n, d). y: classes (n).

    >>> from densekit.compat.cs231n.classifiers.linear_svm import svm_loss_vectorized
    >>> loss, dW = svm_loss_vectorized(np.zeros((2, 3)), np.ones((4, 2)), np.array([0, 1, 2, 0]), 0.1)
    >>> float(loss), dW[0]
    (2.0, array([-0.5 ,  0.25,  0.25]))
    """
    x, w = promoted(X, W, of="svm_loss_vectorized X W")
    loss, dscores = F.hinge(F.matmul(x, w), y, margin=1.0)
    return with_penalty(w, reg, loss, F.matmul(x, dscores, transpose_a=True))


def with_penalty(w: Array, reg: float, loss: float, dw: Array) -> tuple[Any, Array]:
    """(loss, dw) with reg sum(w^2), whose gradient is 2 reg w: assignment 1 since 2017 has no half."""
    penalty, slope = F.l2(w, 2 * number("loss", "reg", reg))
    return w.dtype.type(loss + penalty), dw + slope


svm_loss_naive = svm_loss_vectorized  # the course's loops come to the same numbers

__all__ = ["np", "shuffle", "svm_loss_naive", "svm_loss_vectorized"]
