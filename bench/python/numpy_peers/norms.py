"""Norms, distances, penalties and clipping."""

from __future__ import annotations

import math

import numpy as np

from densekit.registry import Call
from numpy_peers.peer import normal, peer, table


@peer()
def vector_norm(x, p=2, axis=None):
    """Sums in float64: those of np.linalg.norm are of float32, and lose four digits of a million elements."""
    if p in (0, np.inf, -np.inf):
        return np.linalg.norm(x, p, axis) if axis is not None else np.linalg.norm(x.ravel(), p)
    powers = np.abs(x)
    powers **= p
    return (powers.sum(axis=axis, dtype=np.float64) ** (1 / p)).astype(x.dtype)


@peer(table(lambda rng, m, n: Call((normal(rng, m, n),)), (64, 64), (1024, 1024)))
def matrix_norm(a, p="fro"):
    return np.linalg.norm(a, p)


@peer(table(lambda rng, m, n, k: Call((normal(rng, m, k), normal(rng, n, k))), (100, 100, 8), (1000, 1000, 64)))
def distances(x, y):
    """The expanded form: fast, at the price of digits where rows are close."""
    d = x @ y.T
    d *= -2
    d += np.einsum("ij,ij->i", x, x)[:, None]
    d += np.einsum("ij,ij->i", y, y)
    np.maximum(d, 0, out=d)
    return np.sqrt(d, out=d)


@peer()
def l1(w, lam):
    gradient = np.sign(w)
    gradient *= lam
    return float(lam * np.abs(w).sum()), gradient


@peer()
def l2(w, lam):
    return float(0.5 * lam * np.vdot(w, w)), lam * w


@peer()
def elastic_net(w, alpha, l1_ratio):
    a, b = alpha * l1_ratio, alpha * (1 - l1_ratio)
    gradient = np.sign(w)
    gradient *= a
    gradient += b * w
    return float(a * np.abs(w).sum() + 0.5 * b * np.vdot(w, w)), gradient


@peer()
def soft_threshold(w, threshold):
    return w - np.clip(w, -threshold, threshold)


@peer()
def clip_by_value(x, low, high):
    return np.clip(x, low, high)


@peer()
def clip_by_global_norm(arrays, max_norm):
    norm = math.sqrt(sum(float(np.vdot(a, a)) for a in arrays))
    factor = np.float32(min(1.0, max_norm / norm))
    return [a * factor for a in arrays], norm
