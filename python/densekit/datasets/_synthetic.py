"""Made-up data sets, each a function of its seed, for pictures and for tests of what is known."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from densekit._arrays import number, whole

Points: TypeAlias = NDArray[np.float32]
Labels: TypeAlias = NDArray[np.int64]


def _begin(op: str, n: int, noise: float, seed: int) -> tuple[int, float, np.random.Generator]:
    rows, std = whole(op, "n", n, low=2), number(op, "noise", noise, low=0)
    return rows, std, np.random.default_rng(whole(op, "seed", seed))


def swiss_roll(n: int = 1000, *, noise: float = 0.0, seed: int = 0) -> tuple[Points, NDArray[np.float32]]:
    """A sheet rolled up in three dimensions: (X (n, 3), t (n,)), X = (t cos t, 21 u, t sin t).

    t: where on the sheet a row lies, 1.5 π to 4.5 π, evenly; u evenly from 0 to 1. noise: standard deviation of normal
    noise added to X. Two rows that are near in space may be far apart on the sheet. Tenenbaum, de Silva and Langford,
    Science 290
    (2000).

    >>> X, t = densekit.datasets.swiss_roll(500)
    >>> X.shape, bool(np.allclose(np.hypot(X[:, 0], X[:, 2]), t, rtol=1e-5))
    ((500, 3), True)
    """
    rows, std, rng = _begin("swiss_roll", n, noise, seed)
    t, height = 1.5 * np.pi * (1 + 2 * rng.random(rows)), 21 * rng.random(rows)
    X = np.column_stack([t * np.cos(t), height, t * np.sin(t)]) + std * rng.normal(size=(rows, 3))
    return X.astype(np.float32), t.astype(np.float32)


def pass_fail(n: int = 200, *, noise: float = 1.0, seed: int = 0) -> tuple[Points, Labels]:
    """Will I pass the class? (X (n, 2), y (n,)): lectures attended, 0 to 12, hours on the project, 0 to 10; 1 passed.

    P(pass) = sigmoid((lectures + hours − 9) / noise); noise 0 makes it certain. The question is the first one of MIT
    6.S191; the numbers are ours.

    >>> X, y = densekit.datasets.pass_fail(1000)
    >>> bool(y[X.sum(axis=1) > 14].mean() > 0.95), bool(y[X.sum(axis=1) < 4].mean() < 0.05)
    (True, True)
    """
    rows, spread, rng = _begin("pass_fail", n, noise, seed)
    X = np.column_stack([rng.integers(0, 13, rows), np.round(10 * rng.random(rows), 1)])
    return X.astype(np.float32), (X.sum(axis=1) - 9 + spread * rng.logistic(size=rows) > 0).astype(np.int64)


def moons(n: int = 200, *, noise: float = 0.1, seed: int = 0) -> tuple[Points, Labels]:
    """Two half circles that reach into each other, which no line separates: (X (n, 2), y (n,)), half of the rows each.

    noise: standard deviation of normal noise, where the radius is 1.

    >>> X, y = densekit.datasets.moons(6, noise=0)
    >>> np.hypot(X[:, 0] - y, X[:, 1] - 0.5 * y).round(6), np.bincount(y)
    (array([1., 1., 1., 1., 1., 1.]), array([3, 3]))
    """
    rows, std, rng = _begin("moons", n, noise, seed)
    y = rng.permutation(np.arange(rows) % 2)
    angle = np.pi * rng.random(rows)
    X = np.where(
        y[:, None] == 0,
        np.column_stack([np.cos(angle), np.sin(angle)]),
        np.column_stack([1 - np.cos(angle), 0.5 - np.sin(angle)]),
    )
    return (X + std * rng.normal(size=X.shape)).astype(np.float32), y


def spirals(
    n: int = 300, *, arms: int = 2, turns: float = 1.0, noise: float = 0.02, seed: int = 0
) -> tuple[Points, Labels]:
    """Spirals around one centre, a class each: (X (n, 2), y (n,)), radius 0.1 to 1, growing with the angle.

    arms: how many. turns: of each. noise: standard deviation of normal noise.

    >>> X, y = densekit.datasets.spirals(300, arms=3)
    >>> X.shape, np.bincount(y)
    ((300, 2), array([100, 100, 100]))
    """
    rows, std, rng = _begin("spirals", n, noise, seed)
    count, around = whole("spirals", "arms", arms, low=1), number("spirals", "turns", turns, low=0)
    y = rng.permutation(np.arange(rows) % count)
    way = rng.random(rows)
    radius, angle = 0.1 + 0.9 * way, 2 * np.pi * (around * way + y / count)
    X = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]) + std * rng.normal(size=(rows, 2))
    return X.astype(np.float32), y
