"""Weights that undo a covariate shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit._arrays import number, whole
from densekit.shift._classifier import check_rows, fit_classifier, log_ratio
from densekit.shift._result import two_tables


@dataclass(frozen=True)
class DensityRatio:
    """weights: (n,), about p_new(x) / p_ref(x) at each old row, for fit(sample_weight=).

    effective_rows: (Σw)² / Σw², how many rows of equal weight would be as good. mean: of the weights before clipping, 1
    if old rows lie wherever new ones do; far less where new rows have no old ones near, which no weights make good.
    limit: where weights were clipped; clipped: how many were.
    """

    weights: NDArray[np.float64]
    effective_rows: float
    mean: float
    limit: float
    clipped: int

    def __str__(self) -> str:
        text = f"{len(self.weights)} rows weigh as much as {self.effective_rows:.0f}; "
        text += f"{self.clipped} weights clipped at {self.limit:.3g}"
        if self.mean < 0.5:
            text += f"; their mean is {self.mean:.2g} where 1 is right: many new rows have no old ones near"
        return text


def density_ratio_weights(
    X_ref: Any,
    X_new: Any,
    *,
    clip: float = 0.99,
    folds: int = 4,
    hidden: int = 32,
    epochs: int = 60,
    seed: int = 0,
) -> DensityRatio:
    """Weights of old rows for a covariate shift: w(x) = (n_ref / n_new) P(new | x) / P(ref | x), by a classifier.

    X_ref, X_new: (n, d) and (m, d) numbers. clip: weights above this quantile become that quantile (1 clips nothing).
    folds: each row is weighed by a network that did not see it. hidden, epochs, seed: as classifier_test.
    Right only if P(Y given X) stayed. Networks that fit every training row end at the same function whatever the
    weights: use them with early stopping. Bickel, Brückner and Scheffer, JMLR 10 (2009); Byrd and Lipton, ICML 2019.

    >>> rng = np.random.default_rng(0)
    >>> found = densekit.shift.density_ratio_weights(rng.normal(0, 1, (500, 1)), rng.normal(0.5, 1, (500, 1)))
    >>> len(found.weights), 250 < found.effective_rows < 500
    (500, True)
    """
    op = "density_ratio_weights"
    ref, new, _ = two_tables(op, X_ref, X_new)
    check_rows(op, ref, new)
    quantile = number(op, "clip", clip, low=0, high=1, open_low=True)
    parts = whole(op, "folds", folds, low=2, high=min(len(ref), len(new)))
    hidden, epochs = whole(op, "hidden", hidden, low=1), whole(op, "epochs", epochs, low=1)
    X, sample = np.concatenate([ref, new]), np.repeat([0, 1], [len(ref), len(new)])
    rng = np.random.default_rng(whole(op, "seed", seed))
    # Each fold has its share of both samples.
    fold = np.concatenate([rng.permutation(np.arange(n) % parts) for n in (len(ref), len(new))])
    ratio = np.empty(len(ref))
    for k in range(parts):
        seen = rng.permutation(np.flatnonzero(fold != k))
        predict = fit_classifier(X[seen], sample[seen], 2, hidden=hidden, epochs=epochs, seed=seed + k)
        rows = np.flatnonzero(fold[: len(ref)] == k)
        of_new = float((sample[seen] == 1).mean())
        ratio[rows] = np.exp(log_ratio(predict(ref[rows]))) * (1 - of_new) / of_new
    limit, mean = float(np.quantile(ratio, quantile)), float(ratio.mean())
    clipped = int((ratio > limit).sum())
    ratio = np.minimum(ratio, limit)
    return DensityRatio(ratio, float(ratio.sum() ** 2 / (ratio**2).sum()), mean, limit, clipped)
