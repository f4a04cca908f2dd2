"""densekit.functional, results written into arrays that are there."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np

import densekit as dk
from densekit import functional as F
from kernel_peers.cases import DECAY, EPS, FIRST, LR, MOMENTUM, RATE, SHRINK, Array, Case
from kernel_peers.server import Call, KernelServer, Make, by_kind


def dense(c: Case, a: dict[str, Array]) -> Call:
    y = np.empty_like(a["dy"])
    return lambda: (F.dense(a["x"], a["w"], a["b"], out=y),)


def dense_backward(c: Case, a: dict[str, Array]) -> Call:
    out = {"dx": np.empty_like(a["x"]), "dw": np.empty_like(a["w"]), "db": np.empty_like(a["b"])}
    return lambda: F.dense_backward(a["dy"], a["x"], a["w"], out=tuple(out.values()))


def softmax_cross_entropy(c: Case, a: dict[str, Array]) -> Call:
    dz = np.empty_like(a["z"])
    return lambda: F.softmax_cross_entropy(a["z"], a["labels"], out=dz)


def batch_norm(c: Case, a: dict[str, Array]) -> Call:
    y, saved = np.empty_like(a["x"]), np.empty((2, c.shape[1]))
    mean, var = np.zeros(c.shape[1], np.float32), np.ones(c.shape[1], np.float32)

    def call() -> tuple[Any, ...]:
        F.batch_norm(a["x"], a["gamma"], a["beta"], mean, var, eps=EPS, return_saved=True, out=(y, saved))
        return (y,)

    return call


def batch_norm_backward(c: Case, a: dict[str, Array]) -> Call:
    _, saved = F.batch_norm(a["x"], a["gamma"], a["beta"], eps=EPS, return_saved=True)
    out = (np.empty_like(a["x"]), np.empty_like(a["gamma"]), np.empty_like(a["gamma"]))
    return lambda: F.batch_norm_backward(a["dy"], a["x"], a["gamma"], saved=saved, out=out)


def dropout(c: Case, a: dict[str, Array]) -> Call:
    y, steps = np.empty_like(a["x"]), count()
    return lambda: (F.dropout(a["x"], RATE, seed=1, step=next(steps), out=y),)


def adam(c: Case, a: dict[str, Array]) -> Call:
    p, m, v, steps = a["p"], np.zeros_like(a["p"]), np.zeros_like(a["p"]), count(1)

    def call() -> tuple[Any, ...]:
        if c.kind == "adam":
            F.adam(p, a["g"], m, v, step=next(steps), lr=LR)
        else:
            F.adamw(p, a["g"], m, v, step=next(steps), lr=LR, weight_decay=DECAY)
        return (p,)

    return call


def momentum(c: Case, a: dict[str, Array]) -> Call:
    v = np.zeros_like(a["p"])

    def call() -> tuple[Any, ...]:
        F.momentum(a["p"], a["g"], v, lr=LR, momentum=MOMENTUM, weight_decay=DECAY)
        return (a["p"],)

    return call


def clip(c: Case, a: dict[str, Array]) -> Call:
    limit = [FIRST * float(np.linalg.norm(a["g"]))]

    def call() -> tuple[Any, ...]:
        limit[0] *= SHRINK
        F.clip_by_global_norm([a["g"]], limit[0], out=[a["g"]])
        return (a["g"],)

    return call


MAKE = by_kind(globals())


def contenders(c: Case) -> dict[str, Make]:
    return {"densekit": MAKE[c.kind]}


def version() -> str:
    return f"densekit {dk.__version__} ({dk._core.active_level()})"


def Server() -> KernelServer:
    return KernelServer(contenders)
