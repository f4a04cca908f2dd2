"""The single kernels, their arrays, and what each must cost at least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Stream: TypeAlias = Literal["read", "copy", "triad", "update"]

RATE, EPS, LR, DECAY, MOMENTUM = 0.5, 1e-5, 1e-3, 0.01, 0.9
# One tensor, updated in place: arrays read and written, and arrays that there are.
OPTIMIZERS = {"adam": (7, 4), "adamw": (7, 4), "momentum": (5, 3)}
FIRST, SHRINK = (
    0.5,
    0.9999,
)  # to these parts of the norm that they have arrays are clipped, so that there is something to do


@dataclass(frozen=True)
class Case:
    """kind: what is done. shape: (rows, inputs, units) of a dense layer, (rows, columns), or (elements,)."""

    kind: str
    shape: tuple[int, ...]
    flops: float  # by FMA, two each
    bytes: float  # read and written, each array once
    stream: Stream  # which the bytes resemble
    footprint: float  # bytes of all arrays

    @property
    def name(self) -> str:
        return f"{self.kind} {'x'.join(f'{n:,}' if len(self.shape) == 1 else str(n) for n in self.shape)}"

    def floor(self, limits: dict[str, float]) -> float:
        """Seconds: the slower of computing and moving."""
        return max(self.flops / limits["fma_f32"], self.bytes / limits["stream"])


def case(kind: str, *shape: int) -> Case:
    if kind.startswith("dense"):
        m, k, n = shape
        product, moved = 2.0 * m * k * n, 4.0 * (m * k + k * n + m * n)
        if kind == "dense":
            return Case(kind, shape, product, moved, "read", moved)
        return Case(kind, shape, 2 * product, moved + 4.0 * (m * k + k * n), "copy", moved + 4.0 * (m * k + k * n))
    size = 4.0 * np.prod(shape)
    if kind in OPTIMIZERS:
        moved, arrays = OPTIMIZERS[kind]
        return Case(kind, shape, 0, moved * size, "update", arrays * size)
    if kind == "clip":
        return Case(kind, shape, 0, 3 * size, "update", size)
    if kind == "batch_norm_backward":
        return Case(kind, shape, 0, 3 * size, "triad", 3 * size)
    return Case(kind, shape, 0, 2 * size, "copy", 2 * size)


DENSE = ((32, 64, 64), (256, 512, 512), (32, 4096, 4096), (2048, 4096, 4096))
CASES = [
    *(case("dense", *s) for s in DENSE),
    *(case("dense_backward", *s) for s in DENSE),
    *(case("softmax_cross_entropy", *s) for s in ((256, 10), (1024, 1000), (4096, 32000))),
    *(case(kind, *s) for kind in ("batch_norm", "batch_norm_backward") for s in ((1024, 1024), (8192, 4096))),
    *(case("dropout", n) for n in (1_000_000, 64_000_000)),
    *(case(kind, n) for kind in OPTIMIZERS for n in (10_000, 1_000_000, 100_000_000)),
    *(case("clip", n) for n in (1_000_000, 100_000_000)),
]


def small(c: Case) -> Case:
    """For a quick run."""
    return case(c.kind, *(min(n, 64) for n in c.shape))


def numbers(seed: int, *shape: int) -> Array:
    """Normal numbers in float32; large arrays repeat a million of them."""
    n = int(np.prod(shape))
    block = np.random.default_rng(seed).standard_normal(min(n, 1_000_003)).astype(np.float32)
    return np.resize(block, n).reshape(shape)


def arrays(c: Case) -> dict[str, Array]:
    """What each kind begins with, the same for every library."""
    if c.kind.startswith("dense"):
        m, k, n = c.shape
        return {"x": numbers(1, m, k), "w": numbers(2, k, n), "b": numbers(3, n), "dy": numbers(4, m, n)}
    if c.kind == "softmax_cross_entropy":
        labels = np.random.default_rng(5).integers(0, c.shape[1], c.shape[0])
        return {"z": numbers(1, *c.shape), "labels": labels}
    if c.kind.startswith("batch_norm"):
        made = {"x": numbers(1, *c.shape), "gamma": numbers(2, c.shape[1]), "beta": numbers(3, c.shape[1])}
        return made | ({"dy": numbers(4, *c.shape)} if c.kind == "batch_norm_backward" else {})
    if c.kind == "dropout":
        return {"x": numbers(1, *c.shape)}
    if c.kind == "clip":
        return {"g": numbers(1, *c.shape)}
    return {"p": numbers(1, *c.shape), "g": numbers(2, *c.shape)}


def digest(c: Case, results: tuple[Any, ...]) -> list[list[float]]:
    """Of each result some elements and the root mean square, enough to tell whether two libraries did the same."""
    if c.kind == "dropout":  # masks differ: how many are kept, and what the kept ones were multiplied by
        x, y = arrays(c)["x"], np.asarray(results[0])
        kept = y != 0
        return [[float(kept.mean()), float((y[kept] / x[kept]).mean())]]
    found = []
    for result in results:
        flat = np.asarray(result).ravel()
        some = flat[:: max(1, flat.size // 997)].astype(np.float64)
        found.append([*some.tolist(), float(np.sqrt(np.vdot(some, some) / some.size))])
    return found


def agree(c: Case, ours: list[list[float]], theirs: list[list[float]]) -> bool:
    # Norms of 100 million elements that are summed in float32 are off by a per cent; clipping halves the first time.
    band = 4 / np.sqrt(np.prod(c.shape)) if c.kind == "dropout" else 0.02 if c.kind == "clip" else 2e-4
    return len(ours) == len(theirs) and all(
        len(a) == len(b) and np.abs(np.subtract(a, b)).max() <= band * max(1.0, np.abs(a).max())
        for a, b in zip(ours, theirs, strict=True)
    )
