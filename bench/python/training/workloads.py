"""The networks, their data and initial weights, and what a step must cost at least."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
# For each layer "w" and "b"; with batch norm hidden layers have "w", "gamma", "beta" (a bias would change nothing).
Weights: TypeAlias = list[dict[str, Array]]

MOMENTUM, BETA1, BETA2, EPS = 0.9, 0.9, 0.999, 1e-8
NORM_EPS, STATS_DECAY = 1e-5, 0.9


@dataclass(frozen=True)
class Workload:
    """sizes: inputs, hidden units, classes. Hidden layers: dense, batch norm if `norm`, relu, dropout if `rate` > 0.

    optimizer: "adam", "adamw" (decoupled decay of kernels), "momentum" (decay of kernels as an L2 penalty). steps:
    updates in an epoch of the benchmark, so there are batch · steps rows. kind "predict": inference with batch · steps
    rows in one call.
    """

    name: str
    title: str
    sizes: tuple[int, ...]
    batch: int
    steps: int
    optimizer: Literal["adam", "adamw", "momentum"] = "adam"
    lr: float = 1e-3
    weight_decay: float = 0.0
    norm: bool = False
    rate: float = 0.0
    kind: Literal["train", "predict"] = "train"

    @property
    def rows(self) -> int:
        return self.batch * self.steps

    @property
    def shapes(self) -> list[tuple[int, int]]:
        return list(pairwise(self.sizes))

    @property
    def products(self) -> int:
        """Elements of all kernels: multiplications of one row's forward pass."""
        return sum(i * o for i, o in self.shapes)

    @property
    def parameters(self) -> int:
        vectors = sum(self.sizes[1:]) + (sum(self.sizes[1:-1]) if self.norm else 0)
        return self.products + vectors

    def small(self) -> Workload:
        """A few updates, for tests."""
        if self.kind == "predict":
            return replace(self, batch=min(self.batch, 256))
        big = self.products > 5_000_000
        sizes = tuple(min(s, 256) for s in self.sizes) if big else self.sizes
        return replace(self, sizes=sizes, batch=min(self.batch, 128), steps=3 if big or self.norm else 4)


W1 = Workload("W1", "64-64-32-10 ReLU, batch 32, Adam", (64, 64, 32, 10), 32, 250)
W2 = Workload(
    "W2",
    "100-128-64-2 batch norm + ReLU + dropout 0.2, batch 128, Adam",
    (100, 128, 64, 2),
    128,
    64,
    norm=True,
    rate=0.2,
)
W3 = Workload("W3", "784-512-256-10 ReLU, batch 128, Adam", (784, 512, 256, 10), 128, 32)
W4 = Workload(
    "W4",
    "784-1024-1024-10 batch norm + ReLU + dropout 0.5, batch 256, SGD momentum 0.9 + L2",
    (784, 1024, 1024, 10),
    256,
    6,
    optimizer="momentum",
    lr=0.05,
    weight_decay=5e-4,
    norm=True,
    rate=0.5,
)
W5 = Workload(
    "W5",
    "1024-4096-4096-1000 ReLU, batch 512, AdamW",
    (1024, 4096, 4096, 1000),
    512,
    2,
    optimizer="adamw",
    lr=1e-4,
    weight_decay=0.01,
)
W6A = replace(W3, name="W6a", title="one row through W3's network", batch=1, steps=1, kind="predict")
W6B = replace(W3, name="W6b", title="10,000 rows through W3's network", batch=10_000, steps=1, kind="predict")
WORKLOADS = {w.name: w for w in (W1, W2, W3, W4, W5, W6A, W6B)}

# W3's network with other batches, and square networks of other widths.
BATCHES = {
    f"batch-{b}": replace(W3, name=f"batch-{b}", title=f"W3 with batch {b}", batch=b, steps=max(2, min(64, 4096 // b)))
    for b in (1, 8, 32, 128, 512, 2048, 8192)
}
WIDTHS = {
    f"width-{n}": Workload(f"width-{n}", f"{n}-{n}-{n}-10 ReLU, batch 128, Adam", (n, n, n, 10), 128, max(2, 8192 // n))
    for n in (32, 64, 128, 256, 512, 1024, 2048)
}


@dataclass(frozen=True)
class Problem:
    """Float32 rows, int64 labels of a teacher, and the initial weights that everybody starts from."""

    x: Array
    y: Array
    weights: Weights


def problem(w: Workload) -> Problem:
    """The same for everybody: a function of the workload's shape alone."""
    rng = np.random.default_rng(zlib.crc32(repr((w.sizes, w.rows)).encode()))
    x = rng.standard_normal((w.rows, w.sizes[0]), dtype=np.float32)
    teacher = rng.standard_normal((w.sizes[0], w.sizes[-1]), dtype=np.float32)
    y = (x @ teacher).argmax(axis=1).astype(np.int64)
    weights = []
    for number, (i, o) in enumerate(w.shapes):
        layer = {"w": rng.standard_normal((i, o), dtype=np.float32) * np.float32(np.sqrt(2 / i))}
        if w.norm and number < len(w.shapes) - 1:
            layer |= {"gamma": np.ones(o, np.float32), "beta": np.zeros(o, np.float32)}
        else:
            layer["b"] = np.zeros(o, np.float32)
        weights.append(layer)
    return Problem(x, y, weights)


def probabilities(weights: Weights, x: Array) -> Array:
    """The network in float64 without dropout; batch norm with the statistics of these rows."""
    h = x.astype(np.float64)
    for number, layer in enumerate(weights):
        h = h @ layer["w"].astype(np.float64)
        if "gamma" in layer:
            h = layer["gamma"] * (h - h.mean(axis=0)) / np.sqrt(h.var(axis=0) + NORM_EPS) + layer["beta"]
        else:
            h = h + layer["b"]
        if number < len(weights) - 1:
            h = np.maximum(h, 0)
    h = np.exp(h - h.max(axis=1, keepdims=True))
    result: Array = h / h.sum(axis=1, keepdims=True)
    return result


def cross_entropy(weights: Weights, given: Problem) -> float:
    """The mean over the first rows (4096, fewer for large networks): the yardstick of "the same final loss"."""
    rows = 256 if sum(layer["w"].size for layer in weights) > 5_000_000 else 4096
    x, y = given.x[:rows], given.y[:rows]
    return float(-np.log(probabilities(weights, x)[np.arange(len(y)), y]).mean())


# What one step (or one prediction) costs at least. Exp, batch norm, dropout and activations are not counted.


def flops(w: Workload) -> float:
    """Of the matrix products: forward; in training the gradients of weights and, but for the first layer, inputs."""
    if w.kind == "predict":
        return 2.0 * w.rows * w.products
    return 2.0 * w.batch * (3 * w.products - w.sizes[0] * w.sizes[1])


def stream_bytes(w: Workload) -> tuple[str, float, float]:
    """Which stream, bytes that it moves, bytes of the arrays that it moves through.

    Training: the optimizer reads w, g and its states and writes w and its states. Prediction: weights are read once.
    """
    if w.kind == "predict":
        return "read", 4.0 * w.parameters, 4.0 * w.parameters
    states = 1 if w.optimizer == "momentum" else 2
    return "update", 4.0 * w.parameters * (3 + 2 * states), 4.0 * w.parameters * (2 + states)


def floor_seconds(w: Workload, limits: dict[str, float]) -> float:
    """flops / FMA peak + bytes / bandwidth; a single row is bound by reading the weights alone."""
    compute, move = flops(w) / limits["fma_f32"], stream_bytes(w)[1] / limits["stream"]
    return max(compute, move) if w.kind == "predict" else compute + move
