"""The two-layer network of assignment 1 until 2019, which trains itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from densekit._arrays import number, whole
from densekit.compat._shared import (
    Array,
    batch_of,
    dense,
    descend,
    first_dense_backward,
    is_on,
    labels,
    promoted,
    table,
)
from densekit.compat.cs231n.classifiers.linear_svm import with_penalty
from densekit.compat.cs231n.layer_utils import affine_relu_forward
from densekit.compat.cs231n.layers import affine_backward, relu_backward, softmax_loss


class TwoLayerNet:
    """affine, relu, affine, softmax; reg sum(W^2) without a half.

    std: the standard deviation of the first weights, drawn by np.random.randn, W1 first.
    params: W1 (input_size, hidden_size), b1, W2 (hidden_size, output_size), b2, all float64.

    >>> from densekit.compat.cs231n.classifiers.neural_net import TwoLayerNet
    >>> np.random.seed(0)
    >>> TwoLayerNet(4, 10, 3, std=1e-1).loss(np.ones((2, 4))).shape
    (2, 3)
    """

    def __init__(self, input_size: int, hidden_size: int, output_size: int, std: float = 1e-4) -> None:
        op = "TwoLayerNet"
        input_size, std = whole(op, "input_size", input_size, low=1), number(op, "std", std)
        hidden_size, output_size = (
            whole(op, "hidden_size", hidden_size, low=1),
            whole(op, "output_size", output_size, low=1),
        )
        self.params = {
            "W1": std * np.random.randn(input_size, hidden_size),
            "b1": np.zeros(hidden_size),
            "W2": std * np.random.randn(hidden_size, output_size),
            "b2": np.zeros(output_size),
        }

    def loss(self, X: Array, y: Array | None = None, reg: float = 0.0) -> Any:
        """(loss, grads) with classes y, scores (n, output_size) without."""
        p = self.params
        x, w2, b2 = promoted(table("loss", "X", X), p["W2"], p["b2"], of="loss X W2 b2")
        hidden, _ = affine_relu_forward(x, p["W1"], p["b1"])
        scores = dense(hidden, w2, b2)
        if y is None:
            return scores
        loss, dscores = softmax_loss(scores, y)
        dhidden, dw2, db2 = affine_backward(dscores, (hidden, w2, b2))
        dw1, db1 = first_dense_backward(relu_backward(dhidden, hidden), x)
        grads = {"b1": db1, "b2": db2}
        loss, grads["W1"] = with_penalty(p["W1"], reg, loss, dw1)
        loss, grads["W2"] = with_penalty(p["W2"], reg, loss, dw2)
        return loss, grads

    def train(
        self,
        X: Array,
        y: Array,
        X_val: Array,
        y_val: Array,
        learning_rate: float = 1e-3,
        learning_rate_decay: float = 0.95,
        reg: float = 5e-6,
        num_iters: int = 100,
        batch_size: int = 200,
        verbose: bool = False,
    ) -> dict[str, list[Any]]:
        """Gradient descent on batches of np.random.choice, with replacement.

        Returns loss_history, and train_acc_history (of the batch) and val_acc_history of each epoch, after which the
        learning rate is multiplied by learning_rate_decay. verbose: prints the loss every 100 iterations.
        """
        op = "train"
        X, X_val = table(op, "X", X), table(op, "X_val", X_val)
        n = X.shape[0]
        y, y_val = labels(op, "y", y, n), labels(op, "y_val", y_val, len(X_val))
        if not n or not len(X_val):
            raise ValueError(f"{op}: X is {X.shape} and X_val is {X_val.shape}: there are no rows")
        learning_rate, reg = number(op, "learning_rate", learning_rate), number(op, "reg", reg)
        learning_rate_decay = number(op, "learning_rate_decay", learning_rate_decay)
        verbose = is_on(op, "verbose", verbose)
        num_iters, batch_size = whole(op, "num_iters", num_iters), batch_of(op, "batch_size", batch_size)
        per_epoch = max(n / batch_size, 1)  # need not be whole; then epochs begin less often
        history: dict[str, list[Any]] = {"loss_history": [], "train_acc_history": [], "val_acc_history": []}
        for it in range(num_iters):
            rows = np.random.choice(n, batch_size)
            loss, grads = self.loss(X[rows], y[rows], reg)
            history["loss_history"].append(loss)
            for name, w in self.params.items():
                descend(w, grads[name], learning_rate)
            if verbose and it % 100 == 0:
                print(f"iteration {it} / {num_iters}: loss {loss:f}")
            if it % per_epoch == 0:
                history["train_acc_history"].append((self.predict(X[rows]) == y[rows]).mean())
                history["val_acc_history"].append((self.predict(X_val) == y_val).mean())
                learning_rate *= learning_rate_decay
        return history

    def predict(self, X: Array) -> Array:
        """The class with the highest score of each row."""
        best: Array = self.loss(X).argmax(axis=1)
        return best


__all__ = ["TwoLayerNet", "np"]
