"""Which conditional distribution changed: tests of labels given inputs, and of inputs given labels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit.shift._classifier import LogProbabilities, Split, fit_classifier, log_ratio
from densekit.shift._pvalues import normal_sf

Array = NDArray[Any]

_MOST = 5.0  # a log ratio beyond it is a guess about a class that a sample hardly has


class Conditionals:
    """p(y | x) of old and of new rows and p(sample | x), learnt from one half, as numbers about the other half.

    classes: (rows,) of the split's held-out rows, y as whole numbers; of all classes, `count`.
    """

    def __init__(
        self, split: Split, sample: LogProbabilities, labels: tuple[Array, Array], count: int, hidden: int, epochs: int
    ) -> None:
        parts = [y[rows] for y, rows in zip(labels, split.train_rows, strict=True)]
        self.classes = np.concatenate([y[rows] for y, rows in zip(labels, split.test_rows, strict=True)])
        self.sample = split.sample
        logs = []
        for which, y in enumerate(parts):
            X = split.train[split.train_sample == which]
            order = split.rng.permutation(len(X))
            model = fit_classifier(X[order], y[order], count, hidden=hidden, epochs=epochs, seed=split.seed + 1 + which)
            logs.append(model(split.test))
        self.of_sample = sample(split.test)
        of_new = np.exp(self.of_sample[:, 1:])
        self.of_label = (1 - of_new) * np.exp(logs[0]) + of_new * np.exp(logs[1])  # p(y | x), both samples together
        self.change = np.clip(logs[1] - logs[0], -_MOST, _MOST)

    def labels_given_inputs(self) -> tuple[float, float]:
        """(z, p) of "P(Y given X) stayed".

        The mean of (sample − P(sample | x)) (h(x, y) − E[h | x]), h = log p_new(y | x) − log p_old(y | x): its error is
        the product of those of two networks. Shah and Peters, Ann. Statist. 48 (2020).
        """
        rows = np.arange(len(self.classes))
        label_part = self.change[rows, self.classes] - (self.of_label * self.change).sum(axis=1)
        product = (self.sample - np.exp(self.of_sample[:, 1])) * label_part
        spread = float(product.std())
        z = float(product.mean()) / spread * math.sqrt(len(rows)) if spread > 0 else 0.0
        return z, normal_sf(z)

    def inputs_given_labels(self) -> tuple[float, float]:
        """(z, p) of "P(X given Y) stayed": old and new rows of one class may be exchanged, all permutations alike."""
        scores = log_ratio(self.of_sample) + self.change[np.arange(len(self.classes)), self.classes]
        excess = variance = 0.0
        for k in np.unique(self.classes):
            inside = self.classes == k
            s, d = scores[inside], self.sample[inside]
            n, new = len(s), int(d.sum())
            if n < 2 or new in (0, n):
                continue
            excess += float(s[d == 1].sum() - new * s.mean())
            variance += new * (n - new) / (n * (n - 1)) * float(((s - s.mean()) ** 2).sum())
        z = excess / math.sqrt(variance) if variance > 0 else 0.0
        return z, normal_sf(z)
