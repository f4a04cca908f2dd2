"""Black-box tests and corrections: what a trained model says about new data, without looking into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit._arrays import number, real, weights
from densekit._intake import as_labels
from densekit._probabilities import probabilities
from densekit.shift._result import ShiftTest
from densekit.shift._univariate import Correction, ks_test

Array = NDArray[Any]


def bbsd(
    model: Any, X_ref: Any, X_new: Any, *, alpha: float = 0.05, correction: Correction = "bonferroni"
) -> ShiftTest:
    """Black-box shift detection: the Kolmogorov-Smirnov test of each of the model's class probabilities.

    model: a classifier: a Sequential, anything with predict_proba or predict, or a function of X. X_ref: rows that the
    model was not trained on, for it is surer of those. alpha, correction: as ks_test. It is sensitive to label shift.
    Lipton et al., ICML 2018; Rabanser et al., NeurIPS 2019.

    >>> rng = np.random.default_rng(0)
    >>> model = lambda X: 1 / (1 + np.exp(-X))
    >>> densekit.shift.bbsd(model, rng.normal(0, 1, (200, 1)), rng.normal(1, 1, (200, 1))).rejected
    True
    """
    ref, new = (probabilities("bbsd", model, X) for X in (X_ref, X_new))
    if ref.shape[1] == 2:  # the other column says the same
        ref, new = ref[:, 1:], new[:, 1:]
    found = ks_test(ref, new, alpha=alpha, correction=correction)
    names = tuple(f"p{k}" for k in range(ref.shape[1])) if ref.shape[1] > 1 else ("p1",)
    return ShiftTest(
        "model outputs (BBSD)", names, found.statistic, found.p_value, found.adjusted, found.alpha, found.correction
    )


@dataclass(frozen=True)
class LabelShift:
    """The class shares of new data, and the weights that make old rows stand for new ones.

    weights: (classes,), q(class) / p(class). priors_ref, priors_new: p and q. std: of priors_new, from the numbers of
    rows. joint: C, C[i, j] the share of old rows that are j and called i. predicted: μ, the share of new rows called i.
    condition: of C. classes: what the labels are; 0, 1, … if the model does not say.
    """

    weights: NDArray[np.float64]
    priors_ref: NDArray[np.float64]
    priors_new: NDArray[np.float64]
    std: NDArray[np.float64]
    joint: NDArray[np.float64]
    predicted: NDArray[np.float64]
    condition: float
    classes: Array

    def sample_weight(self, y: ArrayLike) -> NDArray[np.float64]:
        """The weight of each row by its label, for fit(sample_weight=)."""
        return np.asarray(self.weights[_labels("sample_weight", "y", y, self.classes)])

    def __str__(self) -> str:
        rows = [
            f"class {self.classes[k]}: {p:.3f} -> {q:.3f} ± {s:.3f}, weight {w:.3f}"
            for k, (p, q, s, w) in enumerate(zip(self.priors_ref, self.priors_new, self.std, self.weights, strict=True))
        ]
        return "\n".join([*rows, f"condition number {self.condition:.1f}"])


def _labels(op: str, name: str, y: Any, classes: Array) -> NDArray[np.int64]:
    """The place of each label among the classes."""
    labels = as_labels(op, name, y)
    known = np.isin(labels, classes)
    if not known.all():
        stranger = labels[~known].flat[0]
        raise ValueError(
            f"{op}: {name} has the label {stranger}, but the model knows {len(classes)} classes, "
            f"{classes[0]} to {classes[-1]}; np.unique(y, return_inverse=True)[1] numbers labels from 0"
        )
    return np.searchsorted(classes, labels).astype(np.int64)


def bbse(model: Any, X_ref: Any, y_ref: Any, X_new: Any, *, max_condition: float = 20.0) -> LabelShift:
    """Black-box shift estimation of label shift: w = C⁻¹ μ, w_j = q(j) / p(j), negative ones set to 0.

    model: as bbsd; its most probable class is what counts. X_ref, y_ref: old rows that it was not trained on, with
    labels from 0, or those of a scikit-learn classifier. X_new: new rows. C[i, j] = P_old(called i, is j), μ[i] =
    P_new(called i). Right only if P(X given Y) stayed.
    max_condition: of the matrix P_old(called i | is j), C without the class shares; above it the model confuses
    classes so much that the errors of μ would be multiplied by more than that: a ValueError. Lipton et al., ICML 2018.

    >>> X_ref, y_ref = np.array([[0.1], [0.2], [0.9], [0.8]]), [0, 0, 1, 1]
    >>> found = densekit.shift.bbse(lambda X: X, X_ref, y_ref, [[0.1], [0.9], [0.7], [0.8]])
    >>> found.priors_new, found.weights
    (array([0.25, 0.75]), array([0.5, 1.5]))
    """
    op = "bbse"
    limit = number(op, "max_condition", max_condition, low=1)
    old, new = (probabilities(op, model, X) for X in (X_ref, X_new))
    classes = old.shape[1]
    # scikit-learn's classifiers have their columns in the order of classes_.
    names = np.asarray(getattr(model, "classes_", np.arange(classes)))
    y_ref = as_labels(op, "y_ref", y_ref)
    if y_ref.shape != (len(old),):
        raise ValueError(f"{op}: X_ref has {len(old)} rows but y_ref is {y_ref.shape}, expected ({len(old)},)")
    labels = _labels(op, "y_ref", y_ref, names)
    counts = np.bincount(labels, minlength=classes)
    if (counts == 0).any():
        raise ValueError(f"{op}: y_ref has no row of class {names[counts == 0][0]}; each class needs some")
    called = np.bincount(old.argmax(axis=1) * classes + labels, minlength=classes**2).reshape(classes, classes)
    joint, predicted = called / len(labels), np.bincount(new.argmax(axis=1), minlength=classes) / len(new)
    rates, priors = called / counts, counts / len(labels)
    confusion = float(np.linalg.cond(rates))
    if not confusion <= limit:
        raise ValueError(
            f"{op}: the model confuses the classes: the condition number of P(called i | is j) is {confusion:.3g}, "
            f"above max_condition={limit:g}; the priors cannot be told. Train a better model, or give more rows"
        )
    ratio = np.maximum(np.linalg.solve(joint, predicted), 0.0)
    shares = ratio * priors
    ratio, shares = ratio / shares.sum(), shares / shares.sum()
    return LabelShift(
        ratio, priors, shares, _spread(rates, shares, predicted, counts, len(new)), joint, predicted,
        float(np.linalg.cond(joint)), names,
    )  # fmt: skip


def _spread(rates: Array, q: Array, predicted: Array, counts: Array, rows: int) -> NDArray[np.float64]:
    """Standard deviation of M⁻¹ μ: the multinomial errors of μ and of each column of M, carried through the inverse."""
    variance = (np.diag(predicted) - np.outer(predicted, predicted)) / rows
    for j, count in enumerate(counts):
        variance = variance + q[j] ** 2 * (np.diag(rates[:, j]) - np.outer(rates[:, j], rates[:, j])) / count
    inverse = np.linalg.inv(rates)
    return np.asarray(np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", inverse, variance, inverse), 0.0)))


def posterior_correction(p: ArrayLike, class_weights: ArrayLike) -> NDArray[np.float64]:
    """Probabilities under new class shares without training: p_new(y | x) ∝ w_y p_old(y | x).

    p: (n, classes) probabilities, or (n,) or (n, 1) of class 1, which keep that shape. class_weights: (classes,), as
    `bbse(…).weights`, q / p. Saerens, Latinne and Decaestecker, Neural Computation 14 (2002).

    >>> densekit.shift.posterior_correction([[0.5, 0.5]], [0.2, 1.8])
    array([[0.1, 0.9]])
    """
    op = "posterior_correction"
    given = real(op, "p", p)
    one = given.ndim == 1 or (given.ndim == 2 and given.shape[1] == 1)
    table = np.column_stack([1 - given.ravel(), given.ravel()]) if one else given
    if table.ndim != 2 or not ((table >= 0) & (table <= 1)).all():
        raise ValueError(f"{op}: p is {given.shape}, expected (rows, classes) probabilities from 0 to 1")
    if class_weights is None:
        raise TypeError(f"{op}: class_weights is None, expected ({table.shape[1]},) numbers, as bbse(…).weights")
    w = np.asarray(weights(op, "class_weights", class_weights, table.shape[1]))
    corrected = table * w
    total = corrected.sum(axis=1, keepdims=True)
    if (total == 0).any():
        at = int((total[:, 0] == 0).argmax())
        raise ValueError(f"{op}: row {at} of p is certain of a class that weighs 0")
    corrected = np.asarray(corrected / total)
    return corrected[:, 1].reshape(given.shape) if one else corrected
