"""Linear classifiers trained by mini-batches: LinearSVM and Softmax."""

from __future__ import annotations

from typing import Any

import numpy as np

import densekit.functional as F
from densekit._arrays import number, whole
from densekit.compat._shared import Array, batch_of, descend, is_on, labels, promoted, table
from densekit.compat.cs231n.classifiers._saved import Saved
from densekit.compat.cs231n.classifiers.linear_svm import svm_loss_naive, svm_loss_vectorized
from densekit.compat.cs231n.classifiers.softmax import softmax_loss_naive, softmax_loss_vectorized

_MOST_CLASSES = 1 << 20  # y holds something else than classes, and W would not fit into memory


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
        op = "train"
        X = table(op, "X", X)
        n, d = X.shape
        y = labels(op, "y", y, n)
        if not n:
            raise ValueError(f"{op}: X is {X.shape}: it has no rows")
        learning_rate, reg = number(op, "learning_rate", learning_rate), number(op, "reg", reg)
        verbose = is_on(op, "verbose", verbose)
        num_iters, batch_size = whole(op, "num_iters", num_iters), batch_of(op, "batch_size", batch_size)
        if self.W is None:
            self._require_loss()
            if int(np.max(y)) >= _MOST_CLASSES:
                raise ValueError(f"{op}: y has the class {int(np.max(y))}, expected classes below {_MOST_CLASSES}")
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
        x, w = promoted(X, self._trained("predict"), of="predict X W")
        best: Array = F.matmul(x, w).argmax(axis=1)
        return best

    def loss(self, X_batch: Array, y_batch: Array, reg: float) -> tuple[Any, Array]:
        """(loss, dW); subclasses say which."""
        raise NotImplementedError("LinearClassifier has no loss of its own; use LinearSVM or Softmax")

    def _require_loss(self) -> None:
        if type(self).loss is LinearClassifier.loss:
            LinearClassifier.loss(self, self.W, self.W, 0.0)

    def _trained(self, op: str) -> Array:
        if self.W is None:
            raise RuntimeError(f"{op}: there are no weights yet: call train(X, y) first, or set W to (d, classes)")
        return self.W  # type: ignore[no-any-return]


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
        return svm_loss_vectorized(self._trained("loss"), X_batch, y_batch, reg)


class Softmax(LinearClassifier):
    """The linear classifier with softmax loss."""

    def loss(self, X_batch: Array, y_batch: Array, reg: float) -> tuple[Any, Array]:
        return softmax_loss_vectorized(self._trained("loss"), X_batch, y_batch, reg)


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
