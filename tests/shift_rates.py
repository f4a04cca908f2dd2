"""How often densekit.shift finds a shift where there is none, names the right kind, and how well it estimates priors.

python tests/shift_rates.py --full    500 runs of each test for false alarms, 100 of each kind and of the estimate

The full run gave, at alpha 0.05: ks_test 0.054 (Bonferroni and Holm, series and exact), chi2_test 0.030, bbsd 0.058,
classifier_test 0.038 (accuracy) and 0.060 (AUC), report 0.030, with labels 0.022, with labels and a model 0.022. The
standard error of 500 runs is 0.010; those above 0.05 were measured again with other seeds: ks_test 0.042 of 10,000
(series) and 0.045 of 4,000 (exact), bbsd 0.039 of 10,000, classifier_test with AUC 0.049 of 3,000.
Kinds were named right in 96 to 100 of 100, each kind on each data set. A share of 0.9 was estimated with an error of
0.0015 ± 0.0126, 96 of 100 within 0.03, by models that are right in 87 % of the rows (bbse's own std says 0.015).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

import densekit as dk
from densekit import shift
from densekit.layers import Dense

ALPHA = 0.05


def table(rng: np.random.Generator, rows: int):
    """X (rows, 4), of which one column is not normal and two go together; labels of three classes."""
    X = rng.normal(size=(rows, 4))
    X[:, 1] = np.exp(X[:, 1])
    X[:, 2] += X[:, 0]
    return X, (X[:, 0] + 0.5 * rng.normal(size=rows) > 0).astype(int) + (X[:, 3] > 1)


def _softmax_of_columns(X):
    e = np.exp(X[:, [0, 2, 3]])
    return e / e.sum(axis=1, keepdims=True)


def _ks(correction: str, method: str) -> Callable[[int], bool]:
    def run(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        a, b = table(rng, 150)[0], table(rng, 120)[0]
        return shift.ks_test(a, b, alpha=ALPHA, correction=correction, method=method).rejected

    return run


def _chi2(seed: int) -> bool:
    rng = np.random.default_rng(seed)
    a, b = (rng.poisson([1, 3], size=(150, 2)) for _ in range(2))
    return shift.chi2_test(a, b, alpha=ALPHA).rejected


def _classifier(method: str) -> Callable[[int], bool]:
    def run(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        a, b = table(rng, 150)[0], table(rng, 120)[0]
        return shift.classifier_test(a, b, alpha=ALPHA, method=method, permutations=200, seed=seed).rejected

    return run


def _bbsd(seed: int) -> bool:
    rng = np.random.default_rng(seed)
    return shift.bbsd(_softmax_of_columns, table(rng, 150)[0], table(rng, 120)[0], alpha=ALPHA).rejected


def _report(labels: bool, model: bool) -> Callable[[int], bool]:
    def run(seed: int) -> bool:
        rng = np.random.default_rng(seed)
        (a, ya), (b, yb) = table(rng, 200), table(rng, 200)
        given = {"y_ref": ya, "y_new": yb} if labels else {}
        given |= {"model": _softmax_of_columns} if model else {}
        found = shift.report(a, b, alpha=ALPHA, seed=seed, **given)
        return found.changed or found.kind != "none"

    return run


RUNS: dict[str, Callable[[int], bool]] = {
    "ks_test, Bonferroni, series": _ks("bonferroni", "series"),
    "ks_test, Holm, series": _ks("holm", "series"),
    "ks_test, Bonferroni, exact": _ks("bonferroni", "auto"),
    "chi2_test": _chi2,
    "bbsd": _bbsd,
    "classifier_test, accuracy": _classifier("accuracy"),
    "classifier_test, AUC": _classifier("auc"),
    "report": _report(False, False),
    "report, labels": _report(True, False),
    "report, labels and model": _report(True, True),
}


def false_alarms(name: str, runs: int) -> int:
    return sum(RUNS[name](seed) for seed in range(runs))


# Kinds: what a report with labels says of 1,000 old and about as many new rows.


def two_classes(rng: np.random.Generator, rows: int):
    """X (rows, 4) and labels whose chance depends on two columns, one of them squared."""
    X = rng.normal(size=(rows, 4))
    return X, (rng.random(rows) < 1 / (1 + np.exp(-3 * (X[:, 0] + X[:, 1] ** 2 - 1)))).astype(int)


def three_classes(rng: np.random.Generator, rows: int):
    """Three clouds that overlap."""
    y = rng.integers(0, 3, rows)
    return rng.normal(size=(rows, 4)) + np.array([[0, 0, 0, 0], [1.5, 0, 1, 0], [0, 1.5, 0, 0]])[y], y


def numbers(rng: np.random.Generator, rows: int):
    """A regression."""
    X = rng.normal(size=(rows, 4))
    return X, X[:, 0] + np.sin(2 * X[:, 1]) + 0.3 * rng.normal(size=rows)


KINDS = ("none", "covariate", "label", "concept")


def shifted(kind: str, make: Callable, seed: int):
    """(X, y) of old rows and of new ones with a shift of that kind."""
    rng = np.random.default_rng([seed, 1])
    old, (X, y) = make(rng, 1000), make(rng, 2000)
    if kind == "none":
        return old, (X[:1000], y[:1000])
    if kind == "covariate":
        new = shift.simulate_covariate(X, y, direction=1, seed=seed)
    elif kind == "label":
        rest = int(y.max())
        new = shift.simulate_label(X, y, [0.8, *[0.2 / rest] * rest], size=700, seed=seed)
    else:
        new = shift.simulate_concept(X[:1000], y[:1000], strength=0.5, direction=1, seed=seed)
    return old, (new.X, new.y)


def named(kind: str, make: Callable, seed: int) -> str:
    (X_ref, y_ref), (X_new, y_new) = shifted(kind, make, seed)
    return shift.report(X_ref, X_new, y_ref=y_ref, y_new=y_new, seed=seed).kind


# Label shift from 50:50 to 90:10.


def classifier(X, y, seed: int = 0):
    """A small network, trained."""
    model = dk.Sequential([Dense(16, "relu"), Dense(int(y.max()) + 1, "softmax")], seed=seed)
    model.compile(dk.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(X, y, epochs=15, verbose=0)
    return model


def even_and_uneven(seed: int):
    """6,000 rows with classes 50:50 and 4,000 others with 90:10."""
    X, y = two_classes(np.random.default_rng([seed, 2]), 20_000)
    even = shift.simulate_label(X, y, [0.5, 0.5], size=6000, seed=seed)
    rest = np.setdiff1d(np.arange(len(X)), even.index)
    return even, shift.simulate_label(X[rest], y[rest], [0.9, 0.1], size=4000, seed=seed)


def prior_error(seed: int) -> float:
    """What bbse says of the share 0.9, less 0.9: half of the even rows train, the others are for the confusion."""
    even, new = even_and_uneven(seed)
    model = classifier(even.X[:3000], even.y[:3000], seed)
    return float(shift.bbse(model, even.X[3000:], even.y[3000:], new.X).priors_new[0] - 0.9)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--full", action="store_true", help="500 runs for false alarms and 100 of the rest, not 50 and 10"
    )
    alarms, others = (500, 100) if parser.parse_args().full else (50, 10)
    print(f"false alarms at alpha {ALPHA}")
    for name in RUNS:
        found = false_alarms(name, alarms)
        print(f"  {name:30} {found:3} of {alarms}: {found / alarms:.3f}", flush=True)
    print("kinds that report names, given labels")
    for make in (two_classes, three_classes, numbers):
        for kind in KINDS:
            if kind == "label" and make is numbers:
                continue
            right = sum(named(kind, make, seed) == kind for seed in range(others))
            print(f"  {make.__name__:14} {kind:10} {right:3} of {others}", flush=True)
    errors = np.array([prior_error(seed) for seed in range(others)])
    near = int((abs(errors) < 0.03).sum())
    print(f"bbse, 50:50 -> 90:10: error {errors.mean():+.4f} ± {errors.std():.4f}, {near} of {others} within 0.03")
