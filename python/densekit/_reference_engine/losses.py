"""The loss of a batch, factor * sum_i w_i l_i / D, and its gradient with respect to what the network put out."""

from __future__ import annotations

import inspect
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from densekit import reference
from densekit._reference_engine.activations import Activation, activation, log_softmax

Array = NDArray[Any]
Spec = dict[str, Any]

# A loss is the function of densekit.reference with the name of its kind (except for these), and its options are the
# fields of its kind. The root of rmse is taken of the whole batch.
_FUNCTIONS = {"rmse": "mse", "multiclass_hinge": "hinge"}
_COMMON = ("kind", "reduction", "factor", "link", "missing")
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
        """The rows whose label is not ignored, those that weigh 0 among them; without elements that are missing."""
        if self._masks(y):
            return float(np.count_nonzero(~np.isnan(y)) / y.shape[1])
        ignored = self.spec.get("ignore_index")
        return float(len(y) if ignored is None or y.ndim != 1 else np.count_nonzero(y != ignored))

    def sum_of_weights(self, y: Array, weights: Array | None) -> float:
        """The sum of w; weights of elements count as parts of rows."""
        elements = self._element_weights(y, weights)
        return float(self.row_weights(y, weights).sum() if elements is None else elements.sum() / y.shape[1])

    def of_epoch(self, y: Array, weights: Array | None) -> float:
        """W: how much a batch with these weights counts in the mean of an epoch."""
        reduction = self.spec["reduction"]
        if reduction == "mean":
            return self.sum_of_weights(y, weights)
        return self.rows_that_count(y) if reduction == "count" else float(len(y))

    def _masks(self, y: Array) -> bool:
        return self.spec.get("missing") == "mask" and y.ndim == 2

    def _element_weights(self, y: Array, weights: Array | None) -> Array | None:
        """(n, m) in float64, 0 where the target is missing; None: rows have weights."""
        given = None if weights is None else np.asarray(weights, np.float64)
        if not self._masks(y) and (given is None or given.ndim == 1):
            return None
        if self.kind in _OF_ROWS[:4]:
            raise ValueError(f"the loss {self.kind} is one of rows: it takes a weight for each row")
        w = np.ones(y.shape) if given is None else np.broadcast_to(given.reshape(len(y), -1), y.shape)
        return np.where(np.isnan(y), 0.0, w) if self._masks(y) else w

    def __call__(
        self, pred: Array, y: Array, weights: Array | None, divisor: float | None = None
    ) -> tuple[float, Array]:
        """The loss of the batch, and d loss / d pred (n, outputs) in the dtype of pred.

        divisor: D, in place of what the reduction says.
        """
        factor = float(self.spec["factor"])
        if divisor is not None and (self.host is not None or self.kind == "rmse"):
            raise ValueError(f"the loss {self.kind} takes no divisor: it is no sum over rows")
        if self.host is not None:
            loss, gradient = self.host(pred, y, weights)
            return factor * float(loss), (factor * np.asarray(gradient)).astype(pred.dtype)
        elements = self._element_weights(y, weights)
        self._check(pred, y)
        if divisor is None:
            divisor = 1.0 if self.spec["reduction"] == "sum" else self.of_epoch(y, weights)
        if elements is not None:
            y = np.where(np.isnan(y), y.dtype.type(1), y) if self._masks(y) else y
            losses, slopes = self._of_elements(pred, y)  # (n, m) in float64, (n, outputs)
            share = elements / (divisor * y.shape[1]) if divisor else np.zeros_like(elements)
            loss, share = self._sum(share, losses)
            share = np.tile(share, pred.shape[1] // y.shape[1])  # of a loss with two outputs for each target
        else:
            w = self.row_weights(y, weights)
            losses, slopes = self._rows(pred, y, w)  # l_i (n,) in float64, d l_i / d pred (n, outputs)
            share = w / divisor if divisor else np.zeros_like(w)
            loss, share = self._sum(share, losses)
            share = share[:, None]
        share = (factor * share).astype(pred.dtype)
        gradient = np.where(share == 0, pred.dtype.type(0), share * slopes)
        return factor * loss, gradient.astype(pred.dtype, copy=False)

    def _sum(self, share: Array, losses: Array) -> tuple[float, Array]:
        """The loss, and d loss / d losses. A share of zero selects, it does not multiply: there may be anything."""
        loss = float(np.where(share == 0, 0.0, share * losses).sum())
        if self.kind != "rmse":
            return loss, share
        root = math.sqrt(loss)  # d sqrt(s) = ds / (2 sqrt(s)); 0 where the root is 0
        return root, share / (2 * root) if root else np.zeros_like(share)

    def _of_elements(self, pred: Array, y: Array) -> tuple[Array, Array]:
        """l and d l / d pred of a loss of elements."""
        if self.kind == "rmse":
            pred, y = pred.astype(np.float64), y.astype(np.float64)  # squares of float32 cannot overflow there
        losses, slopes = self._formula(pred, y, reduction="none", **self._options)
        return losses.astype(np.float64), slopes

    def _rows(self, pred: Array, y: Array, w: Array) -> tuple[Array, Array]:
        if self.kind == "softmax_cross_entropy":
            return self._cross_entropy(pred, y, w)
        if self.kind == "rmse":
            pred, y = pred.astype(np.float64), y.astype(np.float64)
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


class Head(NamedTuple):
    """The loss of one branch: its name, its weight in the sum, and the columns of its scores."""

    name: str
    loss: Loss
    weight: float
    columns: slice


class Heads:
    """The losses of a network, whose weighted sum it minimises. shape: of a row of scores, all heads together."""

    def __init__(self, heads: list[Head], shape: tuple[int, ...]) -> None:
        self.heads, self.shape = heads, shape
        self.losses = [0.0] * len(heads)  # of the last batch, before their weights

    def _part(self, scores: Array, head: Head) -> Array:
        """(n, numbers of a row) of one head."""
        rows = scores.reshape(len(scores), *self.shape)[..., head.columns]
        return np.ascontiguousarray(rows.reshape(len(scores), -1))

    def _together(self, parts: list[Array]) -> Array:
        lead = self.shape[:-1]
        rows = [part.reshape(len(part), *lead, -1) for part in parts]
        return np.concatenate(rows, axis=-1).reshape(len(parts[0]), -1)

    def activated(self, scores: Array) -> Array:
        """What the network puts out."""
        if all(head.loss.link is None for head in self.heads):
            return scores
        parts = []
        for head in self.heads:
            part = self._part(scores, head)
            parts.append(part if head.loss.link is None else head.loss.link.forward(part))
        return self._together(parts)

    def activated_backward(self, dy: Array, scores: Array, y: Array) -> Array:
        """The way back through `activated`."""
        parts = []
        for head in self.heads:
            part, link = self._part(dy, head), head.loss.link
            parts.append(part if link is None else link.backward(part, self._part(scores, head), self._part(y, head)))
        return self._together(parts)

    def __call__(
        self, scores: Array, y: list[Array], weights: list[Array | None], divisors: list[float] | None = None
    ) -> tuple[float, Array]:
        """The sum of the losses times their weights, and its gradient. divisors: of each, in place of its own."""
        total, parts = 0.0, []
        for h, head in enumerate(self.heads):
            divisor = None if divisors is None else divisors[h]
            value, gradient = head.loss(self._part(scores, head), y[h], weights[h], divisor)
            self.losses[h] = value
            total += head.weight * value
            parts.append(gradient if head.weight == 1 else gradient * gradient.dtype.type(head.weight))
        return total, self._together(parts)

    def sum_of_weights(self, y: list[Array], weights: list[Array | None]) -> float:
        return sum(head.loss.sum_of_weights(y[h], weights[h]) for h, head in enumerate(self.heads))

    def of_epoch(self, y: list[Array], weights: list[Array | None]) -> list[float]:
        """What a batch counts in the mean of an epoch, of each head."""
        return [head.loss.of_epoch(y[h], weights[h]) for h, head in enumerate(self.heads)]

    def require_classes(self, y: list[Array], rows: Array) -> None:
        for head, target in zip(self.heads, y, strict=True):
            head.loss.require_classes(target, head.columns.stop - head.columns.start, rows)
