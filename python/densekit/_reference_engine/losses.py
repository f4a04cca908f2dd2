"""The loss of a batch, factor * sum_i w_i l_i / D, and its gradient with respect to what the network put out."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit import reference
from densekit._reference_engine.activations import Activation, activation, log_softmax

Array = NDArray[Any]
Spec = dict[str, Any]

# A loss is the function of densekit.reference with the name of its kind (except for these), and its options are the
# fields of its kind. The root of rmse is taken of the whole batch.
_FUNCTIONS = {"rmse": "mse", "multiclass_hinge": "hinge"}
_COMMON = ("kind", "reduction", "factor", "link")
_BELONGS = {"softmax_cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}
_OF_ROWS = ("softmax_cross_entropy", "nll", "multiclass_hinge", "kl_divergence", "gaussian_nll", "laplace_nll")
_OF_LABELS = ("softmax_cross_entropy", "nll", "multiclass_hinge")  # class numbers (n,) or, the first two, (n, classes)


class Loss:
    """A loss of the spec. link: the activation that the last layer leaves to the loss, or None."""

    def __init__(self, spec: Spec, hosts: list[Any]) -> None:
        self.spec, self.kind = spec, spec["kind"]
        self.host = hosts[spec["index"]] if self.kind == "host" else None
        if self.host is None and self.kind != "softmax_cross_entropy":
            name = _FUNCTIONS.get(self.kind, self.kind)
            if name not in reference.losses.__all__:
                raise ValueError(
                    f"loss kind {self.kind!r} is not known: python/densekit/reference/losses.py has no such function"
                )
            self._formula = inspect.unwrap(getattr(reference, name))
            self._options = {key: value for key, value in spec.items() if key not in _COMMON}
        self.temperature = 1.0
        self.link: Activation | None = None

    def take_over(self, name: str, parameter: float) -> None:
        """The last activation becomes part of the loss: `__call__` gets what goes into it."""
        if name != _BELONGS.get(self.kind):
            raise ValueError(f"loss {self.kind!r} cannot be linked with the activation {name!r}")
        self.link = activation(name, parameter)
        if self.kind == "softmax_cross_entropy":
            self.temperature = float(parameter)
        else:
            self._options["from_logits"] = True

    def require_rows_for(self, shape: tuple[int, ...]) -> None:
        """ValueError if the loss takes rows of scores, and the network puts out rows of several axes."""
        if len(shape) > 1 and self.kind in _OF_ROWS:
            raise ValueError(
                f"the loss {self.kind} takes rows of scores, but the network puts out rows of shape {shape}: put a "
                "Flatten before the last dense layer"
            )

    def row_weights(self, y: Array, weights: Array | None) -> Array:
        """w, (n,) in float64: 0 for rows with the label that is ignored."""
        w = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
        if len(w) != len(y):
            raise ValueError(f"{self.kind}: there are {len(y)} rows but {len(w)} weights")
        ignored = self.spec.get("ignore_index")
        if ignored is not None and y.ndim == 1:
            w = np.where(y == ignored, 0.0, w)
        return w

    def rows_that_count(self, y: Array) -> float:
        """The rows whose label is not ignored, those that weigh 0 among them."""
        ignored = self.spec.get("ignore_index")
        return float(len(y) if ignored is None or y.ndim != 1 else np.count_nonzero(y != ignored))

    def of_epoch(self, y: Array, w: Array) -> float:
        """W: how much a batch with these weights counts in the mean of an epoch."""
        reduction = self.spec["reduction"]
        return {"mean": float(w.sum()), "count": self.rows_that_count(y)}.get(reduction, float(len(w)))

    def __call__(self, pred: Array, y: Array, weights: Array | None) -> tuple[float, Array]:
        """The loss of the batch, and d loss / d pred (n, outputs) in the dtype of pred."""
        factor = float(self.spec["factor"])
        if self.host is not None:
            loss, gradient = self.host(pred, y, weights)
            return factor * float(loss), (factor * np.asarray(gradient)).astype(pred.dtype)
        w = self.row_weights(y, weights)
        self._check(pred, y)
        losses, slopes = self._rows(pred, y, w)  # l_i (n,) in float64, d l_i / d pred (n, outputs)
        divisor = {"mean": float(w.sum()), "count": self.rows_that_count(y), "sum": 1.0}[self.spec["reduction"]]
        share = w / divisor if divisor else np.zeros_like(w)
        # A weight of zero selects, it does not multiply: such a row may hold anything.
        loss = float(np.where(share == 0, 0.0, share * losses).sum())
        if self.kind == "rmse":
            loss = math.sqrt(loss)  # d sqrt(s) = ds / (2 sqrt(s)); 0 where the root is 0
            share = share / (2 * loss) if loss else np.zeros_like(w)
        share = (factor * share)[:, None].astype(pred.dtype)
        gradient = np.where(share == 0, pred.dtype.type(0), share * slopes)
        return factor * loss, gradient.astype(pred.dtype, copy=False)

    def _rows(self, pred: Array, y: Array, w: Array) -> tuple[Array, Array]:
        if self.kind == "softmax_cross_entropy":
            return self._cross_entropy(pred, y, w)
        if self.kind == "rmse":
            pred, y = pred.astype(np.float64), y.astype(np.float64)  # squares of float32 cannot overflow there
        losses, slopes = self._formula(pred, y, reduction="none", **self._options)
        if losses.ndim == 1:
            return losses, slopes
        columns = losses.shape[1]  # a loss for each element: their mean
        return losses.sum(axis=1, dtype=np.float64) / columns, slopes / columns

    def _cross_entropy(self, z: Array, y: Array, w: Array) -> tuple[Array, Array]:
        """-sum_j q_j log softmax(z / temperature)_j, q the target distribution after smoothing."""
        classes, smoothing = z.shape[1], float(self.spec["label_smoothing"])
        if y.ndim == 1:
            q = np.zeros_like(z)
            kept = np.flatnonzero(w != 0)
            q[kept, y[kept]] = 1
        else:
            q = y
        q = (1 - smoothing) * q + smoothing / classes if smoothing else q
        log_p = log_softmax(z, self.temperature)
        losses = -np.where(q == 0, z.dtype.type(0), q * log_p).sum(axis=1, dtype=np.float64)
        slopes = np.exp(log_p) * q.sum(axis=1, keepdims=True) - q
        return losses, slopes / self.temperature

    def require_classes(self, y: Array, classes: int, rows: Array) -> None:
        """ValueError that names the first label that is no class, and its row; rows: the number of each."""
        if y.ndim != 1 or self.kind not in _OF_LABELS:
            return
        ignored = self.spec.get("ignore_index")
        wrong = (y < 0) | (y >= classes)
        if ignored is not None:
            wrong &= y != ignored
        if wrong.any():
            at = int(wrong.argmax())
            kept = "" if ignored is None else f", or {ignored}, which is ignored"
            raise ValueError(f"label {y[at]} in row {rows[at]} is not a class: expected 0 to {classes - 1}{kept}")

    def _check(self, pred: Array, y: Array) -> None:
        n, outputs = pred.shape
        columns = outputs // 2 if self.kind in ("gaussian_nll", "laplace_nll") else outputs
        if y.ndim == 1 and self.kind in _OF_LABELS and len(y) == n:
            self.require_classes(y, outputs, np.arange(n))
        elif self.kind == "multiclass_hinge" or y.shape != (n, columns):
            expected = f"({n},)" if self.kind == "multiclass_hinge" else f"({n}, {columns})"
            raise ValueError(f"{self.kind}: the network put out {pred.shape} but y is {y.shape}, expected {expected}")
