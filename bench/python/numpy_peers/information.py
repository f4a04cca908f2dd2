"""Entropies and likelihoods."""

from __future__ import annotations

import math

import numpy as np

from numpy_peers.peer import peer


def in_base(values, base):
    return values if base is None else values / np.float32(math.log(base))


@peer()
def surprisal(p, *, base=None):
    y = np.log(p)
    y *= -1 if base is None else -1 / math.log(base)
    return y


def dot_rows(p, y):
    return np.einsum("...j,...j->...", p, y)


def log_or_zero(p):
    return np.log(p, where=p > 0, out=np.zeros_like(p))


def log_where_it_counts(p, q):
    """log q, and 0 where p is 0: 0 log 0 = 0."""
    return np.log(q, where=p > 0, out=np.zeros_like(q))


@peer()
def entropy(p, *, base=None):
    return in_base(-dot_rows(p, log_or_zero(p)), base)


@peer()
def cross_entropy(p, q, *, base=None):
    return in_base(-dot_rows(p, log_where_it_counts(p, q)), base)


@peer()
def kl(p, q, *, base=None):
    y = log_or_zero(p)
    y -= log_where_it_counts(p, q)
    return in_base(dot_rows(p, y), base)


@peer()
def perplexity(p, q=None):
    return np.exp(-dot_rows(p, log_or_zero(p) if q is None else log_where_it_counts(p, q)))


@peer()
def log_likelihood(distribution, data, *, mean, std):
    """A Gaussian's from two sums over the data, in float64 because they cancel."""
    if distribution != "gaussian":
        raise ValueError(f"no peer for {distribution}")
    n, center = data.size, float(data.mean(dtype=np.float64)) if data.size else 0.0
    d = data.astype(np.float64)
    d -= center
    squares = float(np.vdot(d, d)) + n * (np.asarray(mean) - center) ** 2
    return (-squares / (2 * np.square(std)) - n * (np.log(std) + 0.5 * math.log(2 * math.pi))).astype(np.float32)


@peer()
def likelihood(distribution, data, **parameters):
    return np.exp(log_likelihood(distribution, data, **parameters).astype(np.float64)).astype(np.float32)
