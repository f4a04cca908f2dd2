"""NumPy, every intermediate result in an array that is there."""

from __future__ import annotations

from typing import Any

import numpy as np
from training.numpy_peer import version as version

from kernel_peers.cases import DECAY, EPS, FIRST, LR, MOMENTUM, RATE, SHRINK, Array, Case
from kernel_peers.server import Call, KernelServer, Make, by_kind


def dense(c: Case, a: dict[str, Array]) -> Call:
    y = np.empty_like(a["dy"])

    def call() -> tuple[Any, ...]:
        np.matmul(a["x"], a["w"], out=y)
        np.add(y, a["b"], out=y)
        return (y,)

    return call


def dense_backward(c: Case, a: dict[str, Array]) -> Call:
    dx, dw, db = np.empty_like(a["x"]), np.empty_like(a["w"]), np.empty_like(a["b"])

    def call() -> tuple[Any, ...]:
        np.matmul(a["dy"], a["w"].T, out=dx)
        np.matmul(a["x"].T, a["dy"], out=dw)
        np.sum(a["dy"], axis=0, out=db)
        return dx, dw, db

    return call


def softmax_cross_entropy(c: Case, a: dict[str, Array]) -> Call:
    z, labels, rows = a["z"], a["labels"], np.arange(c.shape[0])
    dz, high = np.empty_like(z), np.empty((c.shape[0], 1), np.float32)
    total = np.empty_like(high)

    def call() -> tuple[Any, ...]:
        np.max(z, axis=1, keepdims=True, out=high)
        np.subtract(z, high, out=dz)
        picked = dz[rows, labels]
        np.exp(dz, out=dz)
        np.sum(dz, axis=1, keepdims=True, out=total)
        loss = (np.log(total[:, 0]) - picked).mean()
        np.divide(dz, total * len(z), out=dz)
        dz[rows, labels] -= 1 / len(z)
        return loss, dz

    return call


def batch_norm(c: Case, a: dict[str, Array]) -> Call:
    x, y = a["x"], np.empty_like(a["x"])

    def call() -> tuple[Any, ...]:
        np.subtract(x, x.mean(axis=0), out=y)
        scale = a["gamma"] / np.sqrt(np.einsum("ij,ij->j", y, y) / len(x) + EPS)
        np.multiply(y, scale, out=y)
        np.add(y, a["beta"], out=y)
        return (y,)

    return call


def batch_norm_backward(c: Case, a: dict[str, Array]) -> Call:
    dy, x, gamma = a["dy"], a["x"], a["gamma"]
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    scale = (1 / np.sqrt(x.var(axis=0, dtype=np.float64) + EPS)).astype(np.float32)
    dx, xhat = np.empty_like(x), np.empty_like(x)

    def call() -> tuple[Any, ...]:
        np.subtract(x, mean, out=xhat)
        np.multiply(xhat, scale, out=xhat)
        dbeta, dgamma = dy.sum(axis=0), np.einsum("ij,ij->j", dy, xhat)
        np.multiply(xhat, dgamma / len(x), out=xhat)
        np.subtract(dy, xhat, out=dx)
        np.subtract(dx, dbeta / len(x), out=dx)
        np.multiply(dx, gamma * scale, out=dx)
        return dx, dgamma, dbeta

    return call


def dropout(c: Case, a: dict[str, Array]) -> Call:
    x, y, rng = a["x"], np.empty_like(a["x"]), np.random.default_rng(1)
    drawn, kept = np.empty_like(x), np.empty(x.shape, bool)

    def call() -> tuple[Any, ...]:
        rng.random(out=drawn, dtype=np.float32)
        np.greater_equal(drawn, RATE, out=kept)
        np.multiply(x, np.float32(1 / (1 - RATE)), out=y)
        np.multiply(y, kept, out=y)
        return (y,)

    return call


def adam(c: Case, a: dict[str, Array]) -> Call:
    p, g = a["p"], a["g"]
    m, v, one, two = np.zeros_like(p), np.zeros_like(p), np.empty_like(p), np.empty_like(p)
    step = [0]

    def call() -> tuple[Any, ...]:
        step[0] += 1
        np.multiply(m, np.float32(0.9), out=m)
        np.multiply(g, np.float32(0.1), out=one)
        np.add(m, one, out=m)
        np.multiply(v, np.float32(0.999), out=v)
        np.multiply(g, g, out=one)
        np.multiply(one, np.float32(0.001), out=one)
        np.add(v, one, out=v)
        np.sqrt(v, out=one)
        np.multiply(one, np.float32((1 - 0.999 ** step[0]) ** -0.5), out=one)
        np.add(one, np.float32(1e-8), out=one)
        np.multiply(m, np.float32(LR / (1 - 0.9 ** step[0])), out=two)
        np.divide(two, one, out=two)
        if c.kind == "adamw":
            np.multiply(p, np.float32(1 - LR * DECAY), out=p)
        np.subtract(p, two, out=p)
        return (p,)

    return call


def momentum(c: Case, a: dict[str, Array]) -> Call:
    p, v, one = a["p"], np.zeros_like(a["p"]), np.empty_like(a["p"])

    def call() -> tuple[Any, ...]:
        np.multiply(p, np.float32(DECAY), out=one)
        np.add(one, a["g"], out=one)
        np.multiply(v, np.float32(MOMENTUM), out=v)
        np.add(v, one, out=v)
        np.multiply(v, np.float32(LR), out=one)
        np.subtract(p, one, out=p)
        return (p,)

    return call


def clip(c: Case, a: dict[str, Array]) -> Call:
    g, limit = a["g"], [FIRST * float(np.linalg.norm(a["g"]))]

    def call() -> tuple[Any, ...]:
        limit[0] *= SHRINK
        norm = np.sqrt(np.vdot(g, g))
        if norm > limit[0]:
            np.multiply(g, np.float32(limit[0] / norm), out=g)
        return (g,)

    return call


MAKE = by_kind(globals())


def contenders(c: Case) -> dict[str, Make]:
    return {"numpy": MAKE[c.kind]}


def Server() -> KernelServer:
    return KernelServer(contenders)
