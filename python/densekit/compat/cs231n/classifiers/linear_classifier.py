"""Linear classifiers trained by mini-batches: LinearSVM and Softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

import densekit.functional as F
from densekit.compat._shared import Array, descend, promoted
from densekit.compat.cs231n.classifiers._saved import Saved
from densekit.compat.cs231n.classifiers.linear_svm import svm_loss_naive, svm_loss_vectorized
from densekit.compat.cs231n.classifiers.softmax import softmax_loss_naive, softmax_loss_vectorized


class LinearClassifier(Saved):
    """Scores X W. W: (d, classes), None before train; then 0.001 np.random.randn(d, classes), trained."""

    def __init__(self) -> None:
        self.W: Any = None

    @property
    def params(self) -> dict[str, Array]:
        """What save writes."""
        return {"W": self.W}

    @params.setter
    def params(self, value: dict[str, Array]) -> None:
        self.W = value["W"]

    def train(
        self,
        X: Array,
        y: Array,
        learning_rate: float = 1e-3,
        reg: float = 1e-5,
        num_iters: int = 100,
        batch_size: int = 200,
        verbose: bool = False,
    ) -> list[Any]:
        """Gradient descent on batches of np.random.choice, with replacement; returns the losses.

        X: (n, d). y: classes (n). verbose: prints the loss every 100 iterations.
        """
        n, d = X.shape
        if self.W is None:
            self.W = 0.001 * np.random.randn(d, int(np.max(y)) + 1)
        losses = []
        for it in range(num_iters):
            rows = np.random.choice(n, batch_size)
            loss, gradient = self.loss(X[rows], y[rows], reg)
            losses.append(loss)
            descend(self.W, gradient, learning_rate)
            if verbose and it % 100 == 0:
                print(f"iteration {it} / {num_iters}: loss {loss:f}")
        return losses

    def predict(self, X: Array) -> Array:
        """The class with the highest score of each row."""
        x, w = promoted(X, self.W)
        best: Array = F.matmul(x, w).argmax(axis=1)
        return best

    def loss(self, X_batch: Array, y_batch: Array, reg: float) -> tuple[Any, Array]:
        """(loss, dW); subclasses say which."""
        raise NotImplementedError("LinearClassifier has no loss of its own; use LinearSVM or Softmax")


class LinearSVM(LinearClassifier):
    """The linear classifier with hinge loss.

    >>> from densekit.compat.cs231n.classifiers.linear_classifier import LinearSVM
    >>> np.random.seed(0)
    >>> svm = LinearSVM()
    >>> losses = svm.train(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 1]), learning_rate=0.1, batch_size=4)
    >>> svm.predict(np.array([[2.0, 1.0], [1.0, 2.0]]))
    array([0, 1])
    """

    def loss(self, X_batch: Array, y_batch: Array, reg: float) -> tuple[Any, Array]:
        return svm_loss_vectorized(self.W, X_batch, y_batch, reg)


class Softmax(LinearClassifier):
    """The linear classifier with softmax loss."""

    def loss(self, X_batch: Array, y_batch: Array, reg: float) -> tuple[Any, Array]:
        return softmax_loss_vectorized(self.W, X_batch, y_batch, reg)


__all__ = [
    "LinearClassifier",
    "LinearSVM",
    "Softmax",
    "np",
    "softmax_loss_naive",
    "softmax_loss_vectorized",
    "svm_loss_naive",
    "svm_loss_vectorized",
]
