"""Surprisal, entropies, divergence and perplexity of distributions: the twins of densekit.info."""

import math
from typing import Any

import numpy as np

from densekit._arrays import Out
from densekit.reference._twin import Array, twin


def _log_base(base: Any) -> Any:
    return 1.0 if base is None else math.log(base)


def _times(p: Any, x: Any) -> Any:
    return np.where(p == 0, 0.0, p * x)  # 0 log 0 = 0


@twin("p")
def surprisal(p: Array, *, base: Any = None, out: Out = None) -> Any:
    return 0.0 - np.log(p) / _log_base(base)


@twin("p")
def entropy(p: Array, *, axis: Any = -1, base: Any = None, out: Out = None) -> Any:
    return -_times(p, np.log(p)).sum(axis=axis) / _log_base(base)


@twin("p", "q")
def cross_entropy(p: Array, q: Array, *, axis: Any = -1, base: Any = None, out: Out = None) -> Any:
    return -_times(p, np.log(q)).sum(axis=axis) / _log_base(base)


@twin("p", "q")
def kl(p: Array, q: Array, *, axis: Any = -1, base: Any = None, out: Out = None) -> Any:
    return _times(p, np.log(p) - np.log(q)).sum(axis=axis) / _log_base(base)


@twin("p", "q")
def perplexity(p: Array, q: Array | None = None, *, axis: Any = -1, out: Out = None) -> Any:
    return np.exp(-_times(p, np.log(p if q is None else q)).sum(axis=axis))


__all__ = ["cross_entropy", "entropy", "kl", "perplexity", "surprisal"]
