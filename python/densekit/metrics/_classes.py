"""Metrics of classes."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core
from densekit._arrays import number, one_of, whole
from densekit._intake import as_array
from densekit.losses import BinaryCrossentropy, CrossEntropy, Loss
from densekit.metrics._inputs import Weights, arrays, bins, labels, mean, weights_of, whole_labels, yes

Average = Literal["auto", "binary", "macro", "micro", "weighted"]


def accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None, threshold: float = 0.5
) -> float:
    """The share of rows with the right class.

    y_pred (n, classes): the largest is the answer, y_true labels (n,) or rows (n, classes). y_pred (n,) or (n, 1) of
    floats: yes above the threshold (0.5 for probabilities; logits and hinges want 0), y_true 0 and 1, or -1 and 1.
    y_pred (n,) of integers: labels. For several yes-or-no answers a row: binary_accuracy.

    >>> densekit.metrics.accuracy([1, 0, 1], [[0.1, 0.9], [0.8, 0.2], [0.7, 0.3]])
    0.6666666666666666
    """
    true, pred = labels("accuracy", y_true, y_pred, number("accuracy", "threshold", threshold))
    return mean(true == pred, weights_of("accuracy", sample_weight, len(true)))


def binary_accuracy(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None, threshold: float = 0.5
) -> float:
    """The share of right yes-or-no answers, of all columns: yes is above the threshold. Shapes (n,) or (n, m).

    >>> densekit.metrics.binary_accuracy([[1, 0], [1, 1]], [[0.9, 0.2], [0.8, 0.3]])
    0.75
    """
    name = "binary_accuracy"
    true, pred = arrays(name, y_true, y_pred)
    if true.shape != pred.shape:
        raise ValueError(f"{name}: y_true is {true.shape} but y_pred is {pred.shape}")
    right = yes(true) == yes(pred, number(name, "threshold", threshold))
    return mean(right.reshape(len(right), -1).mean(axis=1), weights_of(name, sample_weight, len(true)))


def top_k(y_true: ArrayLike, y_pred: ArrayLike, *, k: int = 5, sample_weight: ArrayLike | None = None) -> float:
    """The share of rows whose class is among the k largest of y_pred (n, classes); a tie counts as among them.

    y_true: labels (n,) or rows (n, classes). k: 1 or more.

    >>> densekit.metrics.top_k([2, 0], [[0.5, 0.3, 0.2], [0.3, 0.5, 0.2]], k=2)
    0.5
    """
    name = "top_k"
    k = whole(name, "k", k, low=1)
    pred = as_array(name, "y_pred", y_pred)
    if pred.ndim != 2 or not pred.shape[1]:
        raise ValueError(f"{name}: y_pred is {pred.shape}, expected (n, classes)")
    true, _ = labels(name, y_true, y_pred) if pred.shape[1] > 1 else (np.zeros(len(pred), np.int64), None)
    own = pred[np.arange(len(pred)), true]
    return mean((pred > own[:, None]).sum(axis=1) < k, weights_of(name, sample_weight, len(true)))


_MOST_CLASSES = 1 << 20  # whose square is 8 TB: y holds something else than labels


def confusion_matrix(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    classes: int | None = None,
    normalize: Literal["true", "pred", "all"] | None = None,
    sample_weight: ArrayLike | None = None,
) -> NDArray[Any]:
    """Rows the true classes, columns the predicted ones: how often (int64), or with weights how much (float64).

    classes: how many; None: the largest label and the width of y_pred say. normalize: shares of each row ("true"), each
    column ("pred") or of all; 0 where there is nothing to divide by. y_true, y_pred: as accuracy.

    >>> densekit.metrics.confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1])
    array([[1, 1],
           [0, 2]])
    """
    name = "confusion_matrix"
    y_pred = as_array(name, "y_pred", y_pred)
    true, pred = labels(name, y_true, y_pred)
    weights = weights_of(name, sample_weight, len(true))
    for label_name, found in (("y_true", true), ("y_pred", pred)):
        if found.max() >= _MOST_CLASSES:
            raise ValueError(f"{name}: {label_name} has the label {found.max()}, expected labels below {_MOST_CLASSES}")
    least = int(max(true.max(), pred.max())) + 1
    width = y_pred.shape[1] if y_pred.ndim == 2 else 0
    count = max(least, width if width > 1 else 2) if classes is None else whole(name, "classes", classes, low=least)
    if true.min() < 0 or pred.min() < 0:
        raise ValueError(f"{name}: the least label is {min(true.min(), pred.min())}, expected labels from 0")
    table = bins(true * count + pred, weights, count * count).reshape(count, count)
    if normalize is None:
        return table if sample_weight is not None else table.astype(np.int64)
    axis = {"true": 1, "pred": 0, "all": None}[one_of(name, "normalize", normalize, ("true", "pred", "all"))]
    total = table.sum(axis=axis, keepdims=True)
    return _shares(table, total)


def _shares(part: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
    """part / total, 0 where there is nothing to divide by."""
    result: NDArray[np.float64] = np.divide(part, total, out=np.zeros_like(part), where=total != 0)
    return result


def _of_classes(
    name: str,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    average: str | None,
    sample_weight: ArrayLike | None,
    threshold: Any,
) -> Any:
    one_of(name, "average", "none" if average is None else average, (*Average.__args__, "none"))  # type: ignore[attr-defined]
    y_pred = as_array(name, "y_pred", y_pred)
    true, pred = labels(name, y_true, y_pred, number(name, "threshold", threshold))
    weights = weights_of(name, sample_weight, len(true))
    classes, flat = np.unique(np.concatenate([true, pred]), return_inverse=True)
    of_true, of_pred = flat[: len(true)], flat[len(true) :]

    hits = bins(of_true, weights * (true == pred), len(classes))
    given, wanted = bins(of_pred, weights, len(classes)), bins(of_true, weights, len(classes))
    two = set(classes.tolist()) <= {0, 1}
    if average == "auto":
        wide = y_pred.ndim == 2 and y_pred.shape[1] > 1
        average = "binary" if two and not wide else "macro"
    if average == "binary":
        if not two:
            raise ValueError(f"{name}: average 'binary' is for labels 0 and 1, got {classes.tolist()}")
        at = classes == 1
        hits, given, wanted = (a[at].sum(keepdims=True) for a in (hits, given, wanted))
    elif average == "micro":
        hits, given, wanted = (a.sum(keepdims=True) for a in (hits, given, wanted))

    parts = {"precision": (hits, given), "recall": (hits, wanted), "f1": (2 * hits, given + wanted)}
    values = _shares(*parts[name])
    if average is None:
        return values
    if average == "weighted":
        return float((values * wanted).sum() / wanted.sum())
    return float(values.mean())


def precision(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    average: Average | None = "auto",
    sample_weight: ArrayLike | None = None,
    threshold: float = 0.5,
) -> Any:
    """Of the rows that were given a class, the share that have it; 0 where none was given.

    average: "binary" (class 1 alone), "macro" (the mean of the classes), "micro" (of all rows), "weighted" (by the rows
    of each class), None (an array, a number for each class that occurs); "auto": binary for one column of 0 and 1,
    else macro. y_true, y_pred, threshold: as accuracy.

    >>> densekit.metrics.precision([1, 0, 1, 1], [1, 1, 1, 0])
    0.6666666666666666
    """
    return _of_classes("precision", y_true, y_pred, average, sample_weight, threshold)


def recall(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    average: Average | None = "auto",
    sample_weight: ArrayLike | None = None,
    threshold: float = 0.5,
) -> Any:
    """Of the rows that have a class, the share that were given it; 0 where none has it. Arguments as precision.

    >>> densekit.metrics.recall([1, 0, 1, 1], [1, 1, 1, 0])
    0.6666666666666666
    """
    return _of_classes("recall", y_true, y_pred, average, sample_weight, threshold)


def f1(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    average: Average | None = "auto",
    sample_weight: ArrayLike | None = None,
    threshold: float = 0.5,
) -> Any:
    """The harmonic mean of precision and recall of each class, averaged as `average` says. Arguments as precision.

    >>> densekit.metrics.f1([1, 0, 1, 1], [1, 1, 1, 0])
    0.6666666666666666
    """
    return _of_classes("f1", y_true, y_pred, average, sample_weight, threshold)


def roc_auc(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    average: Literal["macro", "weighted"] = "macro",
    sample_weight: ArrayLike | None = None,
) -> float:
    """The chance that a row of class 1 has a higher score than one of class 0; ties count half.

    y_pred: scores (n,) or (n, 1), any numbers that grow with class 1. (n, classes): each class against the rest,
    averaged plainly or by its rows. NaN where a class has no rows, or all of them. Hanley and McNeil 1982.

    >>> densekit.metrics.roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    name = "roc_auc"
    one_of(name, "average", average, ("macro", "weighted"))
    true, pred = arrays(name, y_true, y_pred)
    if pred.ndim > 2:
        raise ValueError(f"{name}: y_pred is {pred.shape}, expected scores (n,) or (n, classes)")
    weights = weights_of(name, sample_weight, len(true))
    if pred.ndim == 1:
        if true.ndim != 1:
            raise ValueError(f"{name}: y_true is {true.shape} but y_pred is {pred.shape}")
        return _area(yes(true), pred, weights)
    one = true.argmax(axis=1) if true.ndim == 2 else whole_labels(name, true, pred.shape[1])
    if pred.shape[1] == 2:
        return _area(one == 1, pred[:, 1], weights)
    areas = np.array([_area(one == c, pred[:, c], weights) for c in range(pred.shape[1])])
    if average == "macro":
        return float(areas.mean())
    return mean(areas, bins(one, weights, pred.shape[1]))


def _area(positive: NDArray[np.bool_], score: NDArray[Any], weights: Weights) -> float:
    """The area under the ROC curve, from the weights of both classes at each distinct score."""
    if np.isnan(score).any():
        return float("nan")
    _, place = np.unique(score, return_inverse=True)  # ascending
    ups, downs = bins(place, weights * positive), bins(place, weights * ~positive)
    below = np.cumsum(downs) - downs
    pairs = float(ups.sum()) * float(downs.sum())
    return float((ups * (below + downs / 2)).sum()) / pairs if pairs else float("nan")


def cross_entropy(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None, from_logits: bool = False
) -> float:
    """The mean of -log of the probability of what is true, in nats: scikit-learn's log_loss without its clipping.

    y_pred (n, classes), y_true labels (n,) or probabilities (n, classes); or y_pred (n,) or (n, 1), y_true from 0 to 1.
    from_logits: y_pred are logits.

    >>> round(densekit.metrics.cross_entropy([1], [0.1]), 6)
    2.302585
    """
    _, pred = arrays("cross_entropy", y_true, y_pred)
    one = pred.ndim == 1
    loss: Loss = BinaryCrossentropy(from_logits) if one else CrossEntropy(from_logits)
    return of_loss(loss, y_true, pred[:, None] if one else pred, sample_weight)


def binary_cross_entropy(
    y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None, from_logits: bool = False
) -> float:
    """The mean cross entropy of yes-or-no answers, over all columns (n, m) or axes, in nats. y_true: from 0 to 1.

    >>> round(densekit.metrics.binary_cross_entropy([[1, 0]], [[0.1, 0.9]]), 6)
    2.302585
    """
    _, pred = arrays("binary_cross_entropy", y_true, y_pred)
    return of_loss(BinaryCrossentropy(from_logits), y_true, pred, sample_weight)


def _of_elements(loss: Loss) -> bool:
    """Whether it is a mean over elements, so that the axes of a row do not matter."""
    about = _core.kinds()["losses"][loss.kind]
    return loss.kind != "host" and not about["of_rows"] and about["outputs"] == 1


def of_loss(loss: Loss, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None) -> float:
    """The mean of a loss over a set of rows."""
    pred = as_array(loss.name, "y_pred", y_pred)
    if pred.dtype.kind != "f":
        pred = pred.astype(np.float64)
    if pred.ndim == 1:
        pred = pred[:, None]
    if not len(pred):
        raise ValueError(f"{loss.name}: there are no rows")
    if pred.ndim > 2 and _of_elements(loss) and np.shape(y_true) == pred.shape:
        y_true, pred = (np.reshape(a, (len(pred), -1)) for a in (as_array(loss.name, "y_true", y_true), pred))
    target = loss.targets(y_true, pred.shape[1], pred.dtype)
    return float(loss(pred, target, sample_weight=sample_weight, reduction="mean")[0])
