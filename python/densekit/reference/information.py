"""Surprisal, entropies, and likelihoods as functions of the parameters."""

import math

import numpy as np

from densekit.reference._twin import twin


def _log_base(base):
    return 1.0 if base is None else math.log(base)


def _times(p, x):
    return np.where(p == 0, 0.0, p * x)  # 0 log 0 = 0


@twin("p")
def surprisal(p, *, base=None, out=None):
    return 0.0 - np.log(p) / _log_base(base)


@twin("p")
def entropy(p, *, axis=-1, base=None, out=None):
    return -_times(p, np.log(p)).sum(axis=axis) / _log_base(base)


@twin("p", "q")
def cross_entropy(p, q, *, axis=-1, base=None, out=None):
    return -_times(p, np.log(q)).sum(axis=axis) / _log_base(base)


@twin("p", "q")
def kl(p, q, *, axis=-1, base=None, out=None):
    return _times(p, np.log(p) - np.log(q)).sum(axis=axis) / _log_base(base)


@twin("p", "q")
def perplexity(p, q=None, *, axis=-1, out=None):
    return np.exp(-_times(p, np.log(p if q is None else q)).sum(axis=axis))


# The logarithm of the density (or probability) of x.
_log_densities = {
    "gaussian": lambda x, mean, std: -(((x - mean) / std) ** 2) / 2 - np.log(std) - math.log(2 * math.pi) / 2,
    "laplace": lambda x, mean, scale: -np.abs(x - mean) / scale - np.log(2 * scale),
    "bernoulli": lambda x, p: _times(x, np.log(p)) + _times(1 - x, np.log1p(-p)),
    "poisson": lambda x, rate: _times(x, np.log(rate)) - rate - np.vectorize(math.lgamma, otypes=[float])(x + 1),
    "exponential": lambda x, rate: np.log(rate) - rate * x,
}


@twin("data")
def log_likelihood(distribution, data, *, out=None, **parameters):
    values = {name: np.asarray(value, np.float64) for name, value in parameters.items()}
    if distribution == "categorical":
        p = values["p"]
        counts = np.bincount(data.astype(int), minlength=p.shape[-1])
        return _times(counts, np.log(p)).sum(axis=-1)
    # One more axis, for the data, which is summed.
    columns = {name: value[..., None] for name, value in values.items()}
    terms = _log_densities[distribution](data, **columns)
    return np.broadcast_to(terms, (*terms.shape[:-1], data.size)).sum(axis=-1)


@twin("data")
def likelihood(distribution, data, *, out=None, **parameters):
    return np.exp(log_likelihood(distribution, data, **parameters))


__all__ = [
    "cross_entropy",
    "entropy",
    "kl",
    "likelihood",
    "log_likelihood",
    "perplexity",
    "surprisal",
]
