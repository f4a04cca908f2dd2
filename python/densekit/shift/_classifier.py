"""The classifier two-sample test: if a network can tell new rows from old ones, they differ."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from densekit import functional as F
from densekit._arrays import number, one_of, whole
from densekit.callbacks import EarlyStopping
from densekit.layers import Dense
from densekit.model import Sequential
from densekit.shift._pvalues import normal_sf
from densekit.shift._result import ShiftTest, finished, level, two_tables

Array = NDArray[Any]
LogProbabilities = Callable[[Array], NDArray[np.float64]]  # (n, d) -> (n, classes)

_FEWEST = 20  # rows of each sample for halves that a network can learn from


def fit_classifier(
    X: Array, y: Array, classes: int, *, hidden: int = 32, epochs: int = 60, seed: int = 0
) -> LogProbabilities:
    """A network for p(y | x) with one hidden layer, stopped where a fifth of the (shuffled) rows says so.

    It begins with equal probabilities, so that where there is nothing to learn it says nothing.
    """
    size = np.abs(X).max(axis=0)
    size = np.where(size > 0, size, 1.0)  # first, so that no square overflows
    centre, spread = (X / size).mean(axis=0), (X / size).std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)

    def standard(rows: Array) -> Array:
        return np.asarray((rows / size - centre) / spread)

    model = Sequential([Dense(hidden, "relu"), Dense(classes, kernel_initializer="zeros")], seed=seed)
    model.compile("adam", "cross_entropy", regularizer="l2")
    model.set_lr(0.01)
    model.fit(
        standard(X), y, batch_size=64, epochs=epochs, validation_split=0.2,
        callbacks=[EarlyStopping(patience=5)], verbose=0,
    )  # fmt: skip
    return lambda rows: F.log_softmax(model.predict(standard(rows)).astype(np.float64))


def halves(rows: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two random halves of the row numbers; the second, for the test, is not the smaller one."""
    order = rng.permutation(rows)
    return order[: rows // 2], order[rows // 2 :]


class Split:
    """Both samples cut to one size, and in halves: to learn from, and to test with. `sample`: 0 old, 1 new."""

    def __init__(self, ref: Array, new: Array, seed: int) -> None:
        rng = np.random.default_rng(seed)
        rows = min(len(ref), len(new))
        chosen = [rng.permutation(len(table))[:rows] for table in (ref, new)]
        self.train_rows, self.test_rows = zip(*[_cut(c) for c in chosen], strict=True)
        self.train = np.concatenate([t[r] for t, r in zip((ref, new), self.train_rows, strict=True)])
        self.test = np.concatenate([t[r] for t, r in zip((ref, new), self.test_rows, strict=True)])
        self.train_sample = np.repeat([0, 1], rows // 2)
        self.sample = np.repeat([0, 1], rows - rows // 2)
        self.order = rng.permutation(len(self.train))
        self.rng, self.seed = rng, seed

    def fit(self, hidden: int, epochs: int) -> LogProbabilities:
        """p(sample | x) of the halves to learn from."""
        order = self.order
        return fit_classifier(
            self.train[order], self.train_sample[order], 2, hidden=hidden, epochs=epochs, seed=self.seed
        )


def _cut(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return rows[: len(rows) // 2], rows[len(rows) // 2 :]


def log_ratio(log_probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """log p(new | x) − log p(old | x)."""
    return np.asarray(log_probabilities[:, 1] - log_probabilities[:, 0])


def area_under_curve(scores: Array, positive: Array) -> float:
    """The chance that a positive scores higher than a negative; ties count half."""
    values, place = np.unique(scores, return_inverse=True)
    counts = np.bincount(place, minlength=len(values))
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    ones = int(positive.sum())
    zeros = len(positive) - ones
    return float((ranks[positive.astype(bool)].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def accuracy_test(split: Split, scores: NDArray[np.float64]) -> tuple[float, float]:
    """(held-out accuracy, p): N(½, 1 / (4 n)), with the half row that makes it safe for small n."""
    n = len(split.sample)
    right = int(((scores > 0) == split.sample).sum())
    return right / n, normal_sf((right - 0.5 - n / 2) / (math.sqrt(n) / 2))


def auc_test(split: Split, scores: NDArray[np.float64], permutations: int) -> tuple[float, float]:
    """(held-out AUC, p by permuted samples)."""
    found = area_under_curve(scores, split.sample)
    above = sum(area_under_curve(scores, split.rng.permutation(split.sample)) >= found for _ in range(permutations))
    return found, (1 + above) / (1 + permutations)


def importance(
    split: Split, predict: LogProbabilities, names: tuple[str, ...], repeats: int = 3
) -> list[tuple[str, float]]:
    """What each column tells: the rise of the held-out log loss when its values are shuffled, largest first.

    Rises within two standard errors of nothing count as 0.
    """
    rows = np.arange(len(split.sample))
    before = -predict(split.test)[rows, split.sample]
    scores = []
    for column, name in enumerate(names):
        rise = np.zeros(len(rows))
        for _ in range(repeats):
            changed = split.test.copy()
            changed[:, column] = split.rng.permutation(changed[:, column])
            rise += (-predict(changed)[rows, split.sample] - before) / repeats
        mean, error = float(rise.mean()), float(rise.std() / math.sqrt(len(rise)))
        scores.append((name, mean if mean > 2 * error else 0.0))
    return sorted(scores, key=lambda pair: -pair[1])


def check_rows(op: str, ref: Array, new: Array) -> None:
    if min(len(ref), len(new)) < _FEWEST:
        raise ValueError(f"{op}: {len(ref)} and {len(new)} rows, expected {_FEWEST} or more of each to learn from")


def classifier_test(
    X_ref: Any,
    X_new: Any,
    *,
    method: Literal["accuracy", "auc"] = "accuracy",
    alpha: float = 0.05,
    hidden: int = 32,
    epochs: int = 60,
    permutations: int = 500,
    seed: int = 0,
) -> ShiftTest:
    """The classifier two-sample test: a network learns on half of the rows to tell new from old, the other half tests.

    X_ref, X_new: (n, d) and (m, d) numbers; the larger is cut to the smaller. method: "accuracy" of n held-out rows
    is N(½, 1 / (4 n)) if nothing changed, and never more spread out; "auc" is compared with `permutations` of the
    held-out samples, p = (1 + #) / (1 + permutations). alpha: the chance of a false alarm. hidden: units; epochs: the
    most of them. seed: of the halves and the network.
    It sees changes of several columns together that no test of one column sees. `features` of the result are the
    columns without which the network does worse, `scores` by how much (log loss, nats). Lopez-Paz and Oquab, ICLR 2017.

    >>> rng = np.random.default_rng(0)
    >>> X, Z = rng.normal(size=(400, 3)), rng.normal(size=(400, 3))
    >>> Z[:, 1] += 2
    >>> found = densekit.shift.classifier_test(X, Z)
    >>> found.rejected, found.features
    (True, ['x1'])
    """
    op = "classifier_test"
    alpha = level(op, alpha)
    one_of(op, "method", method, ("accuracy", "auc"))
    ref, new, names = two_tables(op, X_ref, X_new)
    check_rows(op, ref, new)
    split = Split(ref, new, whole(op, "seed", seed))
    predict = split.fit(whole(op, "hidden", hidden, low=1), whole(op, "epochs", epochs, low=1))
    return finish_classifier(split, predict, names, alpha, method, whole(op, "permutations", permutations, low=1))


def finish_classifier(
    split: Split, predict: LogProbabilities, names: tuple[str, ...], alpha: float, method: str, permutations: int
) -> ShiftTest:
    scores = log_ratio(predict(split.test))
    if method == "auc":
        statistic, p = auc_test(split, scores, permutations)
    else:
        statistic, p = accuracy_test(split, scores)
    told = importance(split, predict, names) if p < alpha else []
    return finished(f"classifier ({method})", (method,), [statistic], [p], number("alpha", "alpha", alpha), scores=told)
