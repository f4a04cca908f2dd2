"""Likelihoods as functions of the parameters, with the data fixed."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from densekit._arrays import Out
from densekit.reference._twin import Array, twin


def _times(p: Any, x: Any) -> Any:
    return np.where(p == 0, 0.0, p * x)  # 0 log 0 = 0


def _log_factorial(x: float) -> float:
    try:
        return math.lgamma(x + 1)
    except OverflowError:
        return math.inf


# The logarithm of the density (or probability) of x.
_log_densities: dict[str, Callable[..., Any]] = {
    "gaussian": lambda x, mean, std: -(((x - mean) / std) ** 2) / 2 - np.log(std) - math.log(2 * math.pi) / 2,
    "laplace": lambda x, mean, scale: -np.abs(x - mean) / scale - np.log(scale) - math.log(2),
    "bernoulli": lambda x, p: _times(x, np.log(p)) + _times(1 - x, np.log1p(-p)),
    "poisson": lambda x, rate: np.where(
        rate == np.inf,  # the limit: the rate grows faster than its logarithm
        -np.inf,
        _times(x, np.log(rate)) - rate - np.vectorize(_log_factorial, otypes=[float])(x),
    ),
    "exponential": lambda x, rate: np.log(rate) - rate * x,
}


@twin("data")
def log_likelihood(distribution: Any, data: Array, *, out: Out = None, **parameters: Any) -> Any:
    values = {name: np.asarray(value, np.float64) for name, value in parameters.items()}
    if distribution == "categorical":
        p = values["p"]
        counts = np.bincount(data.astype(int), minlength=p.shape[-1])
        return _times(counts, np.log(p)).sum(axis=-1)
    # One more axis, for the data, which is summed.
    columns = {name: value[..., None] for name, value in values.items()}
    terms = _log_densities[distribution](data, **columns)
    if distribution == "exponential":  # of an infinite rate the limit of the sum: it is -infinity unless all data are 0
        total = np.where(data.sum() == 0, np.inf, data.sum() * -np.inf) if data.size else 0.0
        terms = np.where(columns["rate"] == np.inf, total / max(data.size, 1), terms)
    return np.broadcast_to(terms, (*terms.shape[:-1], data.size)).sum(axis=-1)


@twin("data")
def likelihood(distribution: Any, data: Array, *, out: Out = None, **parameters: Any) -> Any:
    return np.exp(log_likelihood(distribution, data, **parameters))


__all__ = ["likelihood", "log_likelihood"]
