"""One answer from all tests: did something change, where, and, if there are labels, which kind of shift it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from densekit._arrays import whole
from densekit._checks import items
from densekit._intake import as_labels
from densekit._probabilities import probabilities
from densekit.shift._classifier import Split, check_rows, finish_classifier
from densekit.shift._conditional import Conditionals
from densekit.shift._outputs import LabelShift, bbsd, bbse
from densekit.shift._pvalues import normal_sf
from densekit.shift._result import ShiftTest, finished, level, two_tables
from densekit.shift._univariate import Correction, chi2_test, ks_test

Array = NDArray[Any]
Kind = Literal["none", "covariate", "label", "concept", "unknown"]

_MOST_CLASSES = 20  # more different numbers than this are numbers, not classes
_BINS = 8  # of numbers, where a test needs classes

_ADVICE = {
    "none": "nothing to do",
    "covariate": "weigh old rows with shift.density_ratio_weights and train again with fit(sample_weight=)",
    "label": "estimate the new class shares with shift.bbse; correct predictions with shift.posterior_correction",
    "concept": "train on new labelled rows: no weights make the old labels right",
    "unknown": "label some new rows and give y_ref and y_new: inputs alone cannot tell the kinds apart",
}


@dataclass(frozen=True)
class Report:
    """What `report` found; print it.

    kind: "none" (no change found), "covariate", "label", "concept", or "unknown" (inputs changed, and there are no
    labels to say why). tests: each with its share of alpha. features: columns that changed, the clearest first.
    message, advice: the finding and what to do, in words. priors: the new class shares if this is a label shift, where
    a model and old labels allow to say it.
    """

    kind: Kind
    tests: tuple[ShiftTest, ...]
    alpha: float
    features: tuple[str, ...]
    message: str
    priors: LabelShift | None

    @property
    def advice(self) -> str:
        """One thing to do."""
        return _ADVICE[self.kind]

    @property
    def changed(self) -> bool:
        """Whether any test rejects; its chance is at most alpha if nothing changed."""
        return any(test.rejected for test in self.tests)

    def test(self, name: str) -> ShiftTest:
        """The test of that name."""
        found = {test.name: test for test in self.tests}
        if name not in found:
            raise KeyError(f"report: no test {name!r}; there are {', '.join(map(repr, found))}")
        return found[name]

    def __str__(self) -> str:
        lines = [self.message, *(f"  {test}" for test in self.tests)]
        return "\n".join([*lines, f"Try: {self.advice}"])


def report(
    X_ref: Any,
    X_new: Any,
    *,
    y_ref: Any = None,
    y_new: Any = None,
    model: Any = None,
    categorical: Sequence[int] = (),
    alpha: float = 0.05,
    correction: Correction = "bonferroni",
    hidden: int = 32,
    epochs: int = 60,
    seed: int = 0,
) -> Report:
    """Says whether new rows come from where the old ones came from, and, given labels of both, which shift it is.

    X_ref, X_new: (n, d) and (m, d) numbers; 100 rows of each are few, 1,000 good. y_ref, y_new: labels (words or whole
    numbers) or numbers. model: a classifier, as bbsd, not trained on X_ref. categorical: columns of X that are
    categories. alpha: the chance of any false alarm, shared evenly by the tests. correction: within a test of several
    columns. hidden, epochs, seed: of the networks that tell samples apart.

    Kolmogorov-Smirnov (chi-squared for categories) looks at single columns, the classifier at all together, BBSD at the
    model's outputs. With labels, three more: did P(Y) change, P(Y given X), P(X given Y)? Label shift is named where
    P(Y) changed and P(X given Y) did not; covariate shift where the inputs did and P(Y given X) did not; concept shift
    where both conditionals did, or P(Y given X) alone. "Did not" means: not so that this many rows show it.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(600, 2))
    >>> found = densekit.shift.report(X[:300], X[300:] + [0, 1])
    >>> found.kind, found.features
    ('unknown', ('x1',))
    """
    op = "report"
    alpha = level(op, alpha)
    ref, new, names = two_tables(op, X_ref, X_new)
    check_rows(op, ref, new)
    if y_new is not None and y_ref is None:
        raise ValueError(f"{op}: y_new is given without y_ref; labels are compared with labels")
    sorts = sorted(
        {whole(op, "categorical", c, high=len(names) - 1) for c in items(op, "categorical", categorical, "columns")}
    )
    plain = [c for c in range(len(names)) if c not in sorts]
    labels = None if y_new is None else _Labels(op, y_ref, y_new, len(ref), len(new))
    share = alpha / (bool(plain) + bool(sorts) + 1 + (model is not None) + 3 * (labels is not None)
                     + (labels is not None and labels.numbers is None and model is not None))  # fmt: skip
    tests: list[ShiftTest] = []
    if plain:
        tests.append(_named(ks_test(ref[:, plain], new[:, plain], alpha=share, correction=correction), names, plain))
    if sorts:
        tests.append(_named(chi2_test(ref[:, sorts], new[:, sorts], alpha=share, correction=correction), names, sorts))
    split = Split(ref, new, whole(op, "seed", seed))
    sample = split.fit(whole(op, "hidden", hidden, low=1), whole(op, "epochs", epochs, low=1))
    tests.append(finish_classifier(split, sample, names, share, "accuracy", 1))
    inputs = any(test.rejected for test in tests)
    outputs = None if model is None else bbsd(model, X_ref, X_new, alpha=share, correction=correction)
    tests += [] if outputs is None else [outputs]
    kind: Kind = "unknown" if inputs or (outputs is not None and outputs.rejected) else "none"
    if labels is not None:
        found = Conditionals(split, sample, labels.codes, labels.count, hidden, epochs)
        asked = [
            labels.test(share),
            _one("P(Y given X)", found.labels_given_inputs(), share),
            _one("P(X given Y)", found.inputs_given_labels(), share),
        ]
        tests += asked
        kind = _kind(kind == "unknown", *(test.rejected for test in asked))
        if model is not None and labels.numbers is None:
            tests.append(_performance(op, model, X_ref, X_new, labels, share))
            if kind == "none" and tests[-1].rejected:
                kind = "concept"  # the same inputs and labels, and yet other errors
    features = tuple(dict.fromkeys(f for test in tests[: bool(plain) + bool(sorts) + 1] for f in test.features))
    priors = _priors(model, X_ref, y_ref, X_new) if kind in ("label", "unknown") else None
    return Report(kind, tuple(tests), alpha, features, _message(kind, inputs, features, outputs, labels), priors)


def _one(name: str, found: tuple[float, float], alpha: float) -> ShiftTest:
    return finished(name, ("z",), [found[0]], [found[1]], alpha)


def _named(test: ShiftTest, names: tuple[str, ...], columns: list[int]) -> ShiftTest:
    kept = tuple(names[c] for c in columns)
    return ShiftTest(
        test.name, kept, test.statistic, test.p_value, test.adjusted, test.alpha, test.correction, test.scores
    )


class _Labels:
    """Labels of both samples as whole numbers from 0; numbers, in classes by quantiles."""

    def __init__(self, op: str, y_ref: Any, y_new: Any, old: int, new: int) -> None:
        both = [as_labels(op, name, y) for name, y in (("y_ref", y_ref), ("y_new", y_new))]
        for name, y, rows in (("y_ref", both[0], old), ("y_new", both[1], new)):
            if y.shape != (rows,):
                raise ValueError(f"{op}: {name} is {y.shape} but X has {rows} rows, expected ({rows},)")
        joined = np.concatenate([y.astype(str) if y.dtype == object else y for y in both])
        self.values, codes = np.unique(joined, return_inverse=True)
        self.numbers: tuple[Array, Array] | None = None
        if joined.dtype.kind in "iuf" and len(self.values) > _MOST_CLASSES:
            self.numbers = (both[0].astype(np.float64), both[1].astype(np.float64))
            codes = np.searchsorted(np.quantile(joined, np.arange(1, _BINS) / _BINS), joined, "right")
        codes = codes.reshape(-1).astype(np.int64)
        self.codes = codes[:old], codes[old:]
        self.count = int(codes.max()) + 1

    def test(self, alpha: float) -> ShiftTest:
        if self.numbers is None:
            found = chi2_test(*self.codes, alpha=alpha, correction="none")
        else:
            found = ks_test(*self.numbers, alpha=alpha, correction="none", method="series")
        return ShiftTest("P(Y)", ("y",), found.statistic, found.p_value, found.adjusted, alpha, "none")


def _kind(inputs: bool, labels: bool, labels_given_inputs: bool, inputs_given_labels: bool) -> Kind:
    if labels and not inputs_given_labels:
        return "label"
    if inputs and not labels_given_inputs:
        return "covariate"
    if labels_given_inputs or inputs_given_labels:
        return "concept"
    return "none"


def _performance(op: str, model: Any, X_ref: Any, X_new: Any, labels: _Labels, alpha: float) -> ShiftTest:
    """Whether the model is right as often as before: two shares, two-sided."""
    right = []
    for X, codes in zip((X_ref, X_new), labels.codes, strict=True):
        called = probabilities(op, model, X).argmax(axis=1)
        known = getattr(model, "classes_", None)  # scikit-learn's classifiers put out columns in this order
        truth = labels.values[codes]
        right.append(np.asarray(called if known is None else np.asarray(known)[called]) == truth)
    old, new = right
    pooled = float(np.concatenate(right).mean())
    error = math.sqrt(max(pooled * (1 - pooled), 1e-12) * (1 / len(old) + 1 / len(new)))
    fall = float(old.mean() - new.mean())
    return finished("model accuracy", ("fall",), [fall], [2 * normal_sf(abs(fall) / error)], alpha)


def _priors(model: Any, X_ref: Any, y_ref: Any, X_new: Any) -> LabelShift | None:
    if model is None or y_ref is None:
        return None
    try:
        return bbse(model, X_ref, y_ref, X_new)
    except (TypeError, ValueError):  # numbers or words for labels, or a model that confuses the classes
        return None


def _message(
    kind: Kind, inputs: bool, features: tuple[str, ...], outputs: ShiftTest | None, labels: _Labels | None
) -> str:
    where = f" (clearest in {', '.join(features[:3])})" if features else ""
    if kind == "none":
        return "No shift found: the new rows may come from where the old ones came from."
    if kind == "unknown":
        text = f"The inputs changed{where}." if inputs else "The model's outputs changed."
        if outputs is not None and inputs:
            text += (
                " The model's outputs changed, too, as they do under label shift, and under others."
                if outputs.rejected
                else " The model's outputs did not: it may not matter."
            )
        return text + " Which kind of shift this is only labels of new rows can tell."
    if kind == "label":
        return "Label shift: the shares of the labels changed, and the inputs of each label did not."
    if kind == "covariate":
        return f"Covariate shift: the inputs changed{where}, and the labels given the inputs did not."
    return "Concept shift: the labels given the inputs changed" + (f"; so did the inputs{where}." if inputs else ".")
