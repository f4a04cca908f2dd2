"""Normalisation and scaling of columns."""

from __future__ import annotations

import numpy as np

from densekit.registry import Call
from numpy_peers.peer import normal, peer, table


def batch(rng: np.random.Generator, rows: int, cols: int) -> Call:
    return Call((normal(rng, rows, cols), normal(rng, cols), normal(rng, cols)))


def batch_backward(rng: np.random.Generator, rows: int, cols: int, axis: int) -> Call:
    x = normal(rng, rows, cols)
    x64 = x.astype(np.float64)
    saved = np.stack([x64.mean(axis=axis), 1 / np.sqrt(x64.var(axis=axis) + 1e-5)])
    return Call((normal(rng, rows, cols), x, normal(rng, cols)), {"saved": saved})


TABLES = ((32, 128), (1024, 1024))  # rows x columns


@peer(table(batch, *TABLES))
def batch_norm(x, gamma, beta, eps=1e-5):
    y = x - x.mean(axis=0)
    scale = np.einsum("ij,ij->j", y, y)
    scale /= len(x)
    scale += eps
    np.sqrt(scale, out=scale)
    np.divide(gamma, scale, out=scale)
    y *= scale
    y += beta
    return y


@peer(table(lambda rng, m, n: batch_backward(rng, m, n, 0), *TABLES))
def batch_norm_backward(dy, x, gamma, *, saved):
    mean, inverse = saved.astype(np.float32)
    z = x - mean
    z *= inverse
    dgamma, dbeta = np.einsum("ij,ij->j", dy, z), dy.sum(axis=0)
    z *= dgamma / len(x)
    np.subtract(dy, z, out=z)
    z -= dbeta / len(x)
    z *= gamma * inverse
    return z, dgamma, dbeta


@peer(table(batch, *TABLES))
def layer_norm(x, gamma, beta, eps=1e-5):
    y = x - x.mean(axis=1, keepdims=True)
    scale = np.einsum("ij,ij->i", y, y)
    scale /= x.shape[1]
    scale += eps
    np.sqrt(scale, out=scale)
    np.reciprocal(scale, out=scale)
    y *= scale[:, None]
    y *= gamma
    y += beta
    return y


@peer(table(lambda rng, m, n: batch_backward(rng, m, n, 1), *TABLES))
def layer_norm_backward(dy, x, gamma, *, saved):
    mean, inverse = saved.astype(np.float32)[:, :, None]
    z = x - mean
    z *= inverse
    dgamma, dbeta = np.einsum("ij,ij->j", dy, z), dy.sum(axis=0)
    g = dy * gamma
    along, level = np.einsum("ij,ij->i", g, z), g.mean(axis=1, keepdims=True)
    z *= along[:, None] / x.shape[1]
    g -= z
    g -= level
    g *= inverse
    return g, dgamma, dbeta


@peer(table(lambda rng, m, n: Call((normal(rng, m, n),)), (1000, 8), (10000, 100)))
def standardize(x):
    y = x - x.mean(axis=0)
    std = np.einsum("ij,ij->j", y, y)
    std /= len(x)
    np.sqrt(std, out=std)
    std[std == 0] = 1
    y /= std
    return y


@peer(table(lambda rng, m, n: Call((normal(rng, m, n),)), (1000, 8), (10000, 100)))
def min_max_scale(x):
    low, width = x.min(axis=0), np.ptp(x, axis=0)
    width[width == 0] = 1
    y = x - low
    y /= width
    return y
