"""Matrix products and dense layers."""

from __future__ import annotations

import numpy as np

from densekit.registry import Call
from numpy_peers.peer import LAYERS, normal, peer, table


@peer(
    table(
        lambda rng, m, k, n: Call((normal(rng, m, k), normal(rng, k, n))),
        (64, 64, 64),
        (128, 128, 128),
        (512, 512, 512),
    )
)
def matmul(a, b, transpose_a=False, transpose_b=False):
    return np.matmul(a.T if transpose_a else a, b.T if transpose_b else b)


@peer(table(lambda rng, m, k, n: Call((normal(rng, m, k), normal(rng, k, n), normal(rng, n))), *LAYERS))
def dense(x, w, b):
    y = x @ w
    y += b
    return y


@peer(table(lambda rng, m, k, n: Call((normal(rng, m, n), normal(rng, m, k), normal(rng, k, n))), *LAYERS))
def dense_backward(dy, x, w):
    return dy @ w.T, x.T @ dy, dy.sum(axis=0)
