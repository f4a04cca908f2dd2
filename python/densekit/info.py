"""Surprisal, entropy, cross entropy, Kullback-Leibler divergence and perplexity of distributions, in nats or any base.

The operations are those of densekit.functional, which also has `out=`; `frequencies` makes distributions of labels.

A box of 999 black balls and 1 white one: a black ball tells next to nothing, the white one 10 bits, and a draw on
average a hundredth of a bit.

>>> from densekit import info
>>> box = info.frequencies(["black"] * 999 + ["white"])
>>> info.surprisal(box, base=2).round(6)
array([1.443000e-03, 9.965784e+00])
>>> round(float(info.entropy(box, base=2)), 6)
0.011408

Cross entropy is entropy and divergence: H(p, q) = H(p) + KL(p || q).

>>> p, q = [0.5, 0.5], [0.25, 0.75]
>>> bool(np.isclose(info.cross_entropy(p, q), info.entropy(p) + info.kl(p, q)))
True
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from densekit._intake import as_labels
from densekit.functional import cross_entropy, entropy, kl, perplexity, surprisal


def frequencies(labels: Any) -> NDArray[np.float64]:
    """The share of each different value, in sorted order: a distribution for the functions of this module.

    labels: words or numbers, any shape, at least one.

    >>> densekit.info.frequencies([2, 0, 0, 2])
    array([0.5, 0.5])
    """
    values = as_labels("frequencies", "labels", labels)
    if values.size == 0:
        raise ValueError(f"frequencies: labels are {values.shape}: there are none")
    counts = np.unique(values.astype(str) if values.dtype == object else values, return_counts=True)[1]
    return np.asarray(counts / values.size)


__all__ = ["cross_entropy", "entropy", "frequencies", "kl", "perplexity", "surprisal"]
