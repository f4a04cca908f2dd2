"""Metrics: functions of (y_true, y_pred), with sample_weight=, over whole arrays; and Metric, one with its name.

They run once an epoch on all rows in NumPy, float64. Predictions are what a model puts out: probabilities (n, classes)
or (n, 1), numbers (n, m). Definitions are scikit-learn's, but nothing is clipped and rmse is one root (multioutput=).
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from densekit import losses
from densekit._arrays import one_of
from densekit._checks import optional_text, short
from densekit._intake import as_array
from densekit.metrics._classes import (
    accuracy,
    binary_accuracy,
    binary_cross_entropy,
    confusion_matrix,
    cross_entropy,
    f1,
    of_loss,
    precision,
    recall,
    roc_auc,
    top_k,
)
from densekit.metrics._numbers import mae, mse, r2, rmse

# The functions that give one number, by all their names: ours, Keras's, scikit-learn's.
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "accuracy": accuracy,
    "acc": accuracy,
    "binary_accuracy": binary_accuracy,
    "categorical_accuracy": accuracy,
    "sparse_categorical_accuracy": accuracy,
    "top_k": top_k,
    "top_k_categorical_accuracy": top_k,
    "sparse_top_k_categorical_accuracy": top_k,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "f1_score": f1,
    "roc_auc": roc_auc,
    "auc": roc_auc,
    "cross_entropy": cross_entropy,
    "log_loss": cross_entropy,
    "categorical_crossentropy": cross_entropy,
    "sparse_categorical_crossentropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_crossentropy": binary_cross_entropy,
    "mse": mse,
    "mean_squared_error": mse,
    "mae": mae,
    "mean_absolute_error": mae,
    "rmse": rmse,
    "root_mean_squared_error": rmse,
    "r2": r2,
    "r2_score": r2,
}
_OF_NUMBERS = (mse, mae, rmse, r2)
_THRESHOLDS = (accuracy, binary_accuracy, precision, recall, f1)
_ENTROPIES = (cross_entropy, binary_cross_entropy)


class Metric:
    """A function of (y_true, y_pred) with a name for the logs and options that are always given.

    function: a name of a metric, or any callable that gives a number. name: None is the function's. options: keyword
    arguments of the function.

    >>> densekit.metrics.Metric("f1", average="macro")([0, 1, 1], [0, 1, 0])
    0.6666666666666666
    """

    def __init__(self, function: str | Callable[..., Any], name: str | None = None, **options: Any) -> None:
        self.of = function if isinstance(function, str) else None  # what a saved model can know
        self.function = _FUNCTIONS[_known(function)] if isinstance(function, str) else function
        if not callable(self.function):
            raise TypeError(f"metric: expected a name like 'accuracy' or a function, got {short(function)}")
        fallback = str(getattr(self.function, "__name__", type(self.function).__name__))
        self.name = optional_text("metric", "name", name) or self.of or fallback
        self.options = options

    def __call__(self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """The metric of a set of rows."""
        options = self.options if sample_weight is None else {**self.options, "sample_weight": sample_weight}
        if sample_weight is not None and not _takes_weights(self.function):
            raise TypeError(f"metric {self.name}: it takes no sample_weight, so rows with weights cannot be measured")
        value = self.function(y_true, y_pred, **options)
        found = as_array(f"metric {self.name}", "what the function returned", value)
        if found.ndim:
            raise ValueError(f"metric {self.name}: expected one number, got an array {found.shape}")
        return float(found)

    def config(self) -> dict[str, Any]:
        """What a saved model keeps of it; TypeError for a Python function."""
        if self.of is None:
            raise TypeError(f"metric {self.name}: a Python function cannot be saved; give it again after loading")
        kept = {"class": "Metric", "function": self.of, "name": self.name, "options": self.options}
        return {**kept, "of_loss": True} if isinstance(self.function, _OF_LOSS) else kept

    def __repr__(self) -> str:
        options = "".join(f", {key}={value!r}" for key, value in self.options.items())
        return f"Metric({self.of or self.function!r}, name={self.name!r}{options})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Metric):
            return NotImplemented
        return (self.function, self.name, self.options) == (other.function, other.name, other.options)

    def __hash__(self) -> int:
        return hash((self.function, self.name))


@dataclass(frozen=True)
class _LossMetric:
    """The mean of a loss as a metric."""

    loss: losses.Loss

    def __call__(self, y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        return of_loss(self.loss, y_true, y_pred, sample_weight)


def _takes_weights(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some builtins have no signature
        return False
    return "sample_weight" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _named(function: Callable[..., Any], name: str, **options: Any) -> Metric:
    """A metric that `get` makes again of its name and the loss."""
    metric = Metric(function, name, **options)
    metric.of = name
    return metric


def _known(name: str) -> str:
    return one_of("metric", "name", name, list(_FUNCTIONS))


def get(value: Any, loss: losses.Loss | None = None) -> Metric:
    """A metric by its name, config or function; a Metric as it is.

    Names: accuracy, binary_accuracy, top_k (also top_3 and the like), precision, recall, f1, roc_auc, cross_entropy,
    log_loss, binary_cross_entropy, mse, mae, rmse, r2, Keras's and scikit-learn's names of these; and every name of a
    loss.
    loss: what the model is trained with. Where it takes logits, so do accuracy (threshold 0) and the cross entropies;
    after BinaryCrossentropy, accuracy is binary_accuracy; rows with its ignore_index do not count; after a density,
    metrics of numbers look at the locations.

    >>> densekit.metrics.get("top_3")
    Metric('top_k', name='top_3', k=3)
    """
    if isinstance(value, Metric):
        return value
    if isinstance(value, Mapping):
        one_of("metric", "class", value.get("class"), ("Metric",))
        if value.get("of_loss"):
            return get(value["function"], loss)
        return Metric(value["function"], value.get("name"), **value.get("options", {}))
    if isinstance(value, losses.Loss):
        return Metric(_LossMetric(value), value.name)
    if not isinstance(value, str):
        if callable(value):
            return Metric(value)
        raise TypeError(f"metric: expected a name like 'accuracy' or a function, got {short(value)}")
    return _for_loss(value, loss)


def _by_name(name: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The function of that name and its options; a loss where there is no such metric."""
    if top := re.fullmatch(r"top_(\d+)", name):
        return top_k, {"k": int(top[1])}
    if name not in _FUNCTIONS:
        try:
            return _LossMetric(losses.get(name)), {}
        except ValueError:
            _known(name)  # raises, and suggests the nearest
    return _FUNCTIONS[name], {}


def _for_loss(name: str, loss: losses.Loss | None) -> Metric:
    """The metric of that name for what a model trained with this loss puts out."""
    function, options = _by_name(name)
    kind, logits = getattr(loss, "kind", ""), bool(getattr(loss, "from_logits", False))
    if function is accuracy and kind in ("binary_cross_entropy", "hinge"):
        function = binary_accuracy
    if function in _THRESHOLDS and (kind == "hinge" or (kind == "binary_cross_entropy" and logits)):
        options["threshold"] = 0.0
    if function in _ENTROPIES and logits:
        options["from_logits"] = True
    ignored = getattr(loss, "ignore_index", None)
    if function in _OF_NUMBERS and loss is not None and loss.outputs_for(1) == 2:
        function = _Locations(function)
    elif function not in _OF_NUMBERS and ignored is not None:
        function = _Counted(function, ignored)
    if isinstance(function, _OF_LOSS):
        return _named(function, name, **options)
    plain = next(n for n, f in _FUNCTIONS.items() if f is function)
    return Metric(name if _FUNCTIONS.get(name) is function else plain, name, **options)


@dataclass(frozen=True)
class _Locations:
    """A metric of numbers on the first half of the columns, the locations of a density."""

    function: Callable[..., Any]

    def __call__(self, y_true: ArrayLike, y_pred: ArrayLike, **options: Any) -> Any:
        pred = as_array("metric", "y_pred", y_pred)
        return self.function(y_true, pred[:, : pred.shape[1] // 2], **options)


@dataclass(frozen=True)
class _Counted:
    """A metric of classes without the rows whose label the loss ignores."""

    function: Callable[..., Any]
    ignore_index: int

    def __call__(
        self, y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None, **options: Any
    ) -> Any:
        true, pred = as_array("metric", "y_true", y_true), as_array("metric", "y_pred", y_pred)
        if true.ndim == 1:
            kept = true != self.ignore_index
            true, pred = true[kept], pred[kept]
            sample_weight = None if sample_weight is None else as_array("metric", "sample_weight", sample_weight)[kept]
        return self.function(true, pred, sample_weight=sample_weight, **options)


# What `get` makes again of the name and the loss.
_OF_LOSS = (_LossMetric, _Locations, _Counted)

__all__ = [
    "Metric",
    "accuracy",
    "binary_accuracy",
    "binary_cross_entropy",
    "confusion_matrix",
    "cross_entropy",
    "f1",
    "get",
    "mae",
    "mse",
    "precision",
    "r2",
    "recall",
    "rmse",
    "roc_auc",
    "top_k",
]
