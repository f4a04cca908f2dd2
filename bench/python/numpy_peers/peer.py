"""How a peer is registered, and what cases are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from densekit.registry import Call

Case = Callable[[np.random.Generator], Call]


@dataclass(frozen=True)
class Peer:
    function: Callable[..., Any]
    cases: dict[str, Case] | None = None  # label -> call; the first one is the small one that --quick measures
    agree: Callable[[tuple[Any, ...], tuple[Any, ...], Call], bool] | None = None


PEERS: dict[str, Peer] = {}


def peer(
    cases: dict[str, Case] | None = None, agree: Callable[[tuple[Any, ...], tuple[Any, ...], Call], bool] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        PEERS[function.__name__.rstrip("_")] = Peer(function, cases, agree)
        return function

    return register


# Cases


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape, np.float32)


def table(make: Callable[..., Call], *shapes: tuple[int, ...]) -> dict[str, Case]:
    return {"x".join(map(str, s)): lambda rng, s=s: make(rng, *s) for s in shapes}


LAYERS = ((32, 64, 64), (256, 512, 512))  # rows x inputs x outputs
ROWS = ((256, 10), (1024, 1000))
