"""Softmax, its logarithm and its cross entropy."""

from __future__ import annotations

import numpy as np

from densekit.registry import Call
from numpy_peers.peer import ROWS, normal, peer, table


@peer(table(lambda rng, m, n: Call((normal(rng, m, n),)), *ROWS))
def softmax(z):
    y = z - z.max(axis=-1, keepdims=True)
    np.exp(y, out=y)
    y /= y.sum(axis=-1, keepdims=True)
    return y


@peer(table(lambda rng, m, n: Call((normal(rng, m, n),)), *ROWS))
def log_softmax(z):
    y = z - z.max(axis=-1, keepdims=True)
    y -= np.log(np.exp(y).sum(axis=-1, keepdims=True))
    return y


@peer(table(lambda rng, m, n: Call((normal(rng, m, n), softmax(normal(rng, m, n)))), *ROWS))
def softmax_backward(dy, y):
    d = dy - np.einsum("ij,ij->i", dy, y)[:, None]
    d *= y
    return d


@peer(table(lambda rng, m, n: Call((normal(rng, m, n), log_softmax(normal(rng, m, n)))), *ROWS))
def log_softmax_backward(dy, y):
    d = np.exp(y)
    d *= dy.sum(axis=-1, keepdims=True)
    return np.subtract(dy, d, out=d)


@peer(table(lambda rng, m, n: Call((normal(rng, m, n), rng.integers(0, n, m))), *ROWS))
def softmax_cross_entropy(logits, targets):
    rows = len(logits)
    d = logits - logits.max(axis=1, keepdims=True)
    picked = (np.arange(rows), targets)
    scores = d[picked]
    np.exp(d, out=d)
    sums = d.sum(axis=1, keepdims=True)
    loss = (np.log(sums[:, 0]) - scores).mean()
    d /= sums
    d[picked] -= 1
    d /= rows
    return float(loss), d
