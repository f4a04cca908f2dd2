"""python -m densekit demo: a network learns handwritten digits, in a plain Python loop over densekit.functional."""

from __future__ import annotations

import json
import math
import os
import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import densekit
import densekit.functional as F
from densekit._numpy_loop import NumpyNetwork
from densekit.datasets import load_digits

Array = NDArray[np.float32]

SIZES = (64, 128, 64, 10)
RATE, BATCH, EPOCHS, SEEDS, LEARNING_RATE = 0.2, 32, 40, 10, 2e-3


def flat_views(shapes: dict[str, tuple[int, ...]]) -> tuple[Array, dict[str, Array]]:
    """One array of zeros, and named views into it of the given shapes."""
    flat = np.zeros(sum(math.prod(shape) for shape in shapes.values()), np.float32)
    views, start = {}, 0
    for name, shape in shapes.items():
        views[name] = flat[start : start + math.prod(shape)].reshape(shape)
        start += math.prod(shape)
    return flat, views


class Network:
    """dense, batch norm, relu, dropout for each hidden layer; a dense layer and softmax at the end; Adam."""

    def __init__(self, seed: int, sizes: tuple[int, ...] = SIZES) -> None:
        rng = np.random.default_rng(seed)
        self.seed, self.step = seed, 0
        self.depth = len(sizes) - 1
        shapes: dict[str, tuple[int, ...]] = {}
        self.statistics: dict[str, Array] = {}
        for i, (inputs, outputs) in enumerate(pairwise(sizes)):
            shapes[f"w{i}"] = (inputs, outputs)
            shapes[f"b{i}"] = (outputs,)  # after batch norm: its beta
            if i < self.depth - 1:
                shapes[f"gamma{i}"] = (outputs,)
                self.statistics[f"mean{i}"] = np.zeros(outputs, np.float32)
                self.statistics[f"var{i}"] = np.ones(outputs, np.float32)
        # One array each, with named views into it, so that the update is one call.
        self.all_parameters, self.parameters = flat_views(shapes)
        self.all_gradients, self.gradients = flat_views(shapes)
        self.first, self.second = np.zeros_like(self.all_parameters), np.zeros_like(self.all_parameters)
        for name, parameter in self.parameters.items():
            if name.startswith("gamma"):
                parameter[...] = 1
            elif name.startswith("w"):  # He et al., arXiv 1502.01852
                parameter[...] = rng.normal(0, np.sqrt(2 / len(parameter)), parameter.shape)

    def train_step(self, x: Array, y: NDArray[np.int64]) -> float:
        """One forward and backward pass and the update; the loss of the batch."""
        p, g, kept = self.parameters, self.gradients, []
        self.step += 1
        for i in range(self.depth - 1):
            z = F.dense(x, p[f"w{i}"])
            n, saved = F.batch_norm(
                z,
                p[f"gamma{i}"],
                p[f"b{i}"],
                self.statistics[f"mean{i}"],
                self.statistics[f"var{i}"],
                return_saved=True,
            )
            a = F.relu(n, out=n)
            kept.append((x, z, saved, a))
            x = F.dropout(a, RATE, seed=self.seed, step=self.step, layer=i)
        last = self.depth - 1
        loss, dy = F.softmax_cross_entropy(F.dense(x, p[f"w{last}"], p[f"b{last}"]), y)
        dx = F.dense_backward(dy, x, p[f"w{last}"], out=(None, g[f"w{last}"], g[f"b{last}"]))[0]
        for i in reversed(range(last)):
            x, z, saved, a = kept[i]
            da = F.dropout_backward(dx, RATE, seed=self.seed, step=self.step, layer=i, out=dx)
            dn = F.relu_backward(da, a, out=da)
            dz = F.batch_norm_backward(dn, z, p[f"gamma{i}"], saved=saved, out=(dn, g[f"gamma{i}"], g[f"b{i}"]))[0]
            dx = F.dense_backward(dz, x, p[f"w{i}"], out=(None, g[f"w{i}"], None))[0]
        F.adam(self.all_parameters, self.all_gradients, self.first, self.second, step=self.step, lr=LEARNING_RATE)
        return float(loss)

    def train_epoch(self, x: Array, y: NDArray[np.int64], rng: np.random.Generator) -> float:
        """One pass over the rows in random order; the mean loss. A last batch of one row is left out: no variance."""
        order = rng.permutation(len(x))
        total, rows = 0.0, 0
        for start in range(0, len(x) - 1, BATCH):
            batch = order[start : start + BATCH]
            total += self.train_step(x[batch], y[batch]) * len(batch)
            rows += len(batch)
        return total / rows

    def logits(self, x: Array) -> Array:
        """Scores of the classes in inference mode, (n, 10)."""
        p, s = self.parameters, self.statistics
        for i in range(self.depth - 1):
            z = F.dense(x, p[f"w{i}"])
            n = F.batch_norm(z, p[f"gamma{i}"], p[f"b{i}"], s[f"mean{i}"], s[f"var{i}"], training=False)
            x = F.relu(n, out=n)
        last = self.depth - 1
        scores: Array = F.dense(x, p[f"w{last}"], p[f"b{last}"])
        return scores

    def accuracy(self, x: Array, y: NDArray[np.int64]) -> float:
        return float((self.logits(x).argmax(axis=1) == y).mean())

    def save(self, path: Path) -> None:
        """Writes the parameters and statistics to an .npz file: a new file that replaces the old one when complete."""
        header = json.dumps({"format": "densekit demo", "version": 1, "seed": self.seed, "sizes": SIZES})
        arrays: dict[str, Any] = {**self.parameters, **self.statistics, "header": np.array(header)}
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise

    @classmethod
    def load(cls, path: Path) -> Network:
        """The network that `save` wrote."""
        with np.load(path, allow_pickle=False) as data:
            header = json.loads(str(data["header"]))
            network = cls(header["seed"], tuple(header["sizes"]))
            for table in (network.parameters, network.statistics):
                for name, array in table.items():
                    array[...] = data[name]
        return network


def progress(text: str, *, last: bool = False) -> None:
    """One line that is written over on a terminal; where output is not a terminal, only the last state is written."""
    if sys.stdout.isatty():
        print(f"\r\x1b[K{text}", end="\n" if last else "", flush=True)
    elif last:
        print(text, flush=True)


def seconds(action: Any) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def compare_with_numpy(x: Array, y: NDArray[np.int64], epochs: int = 7) -> tuple[float, float]:
    """Median seconds of an epoch, ours and the NumPy loop's, measured in turn."""
    ours, theirs = Network(0), NumpyNetwork(SIZES, seed=0, batch_size=BATCH, rate=RATE, lr=LEARNING_RATE)
    rng = np.random.default_rng(0)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(epochs + 1):  # the first pair warms up
        times[0].append(seconds(lambda: ours.train_epoch(x, y, rng)))
        times[1].append(seconds(lambda: theirs.train_epoch(x, y, rng)))
    return statistics.median(times[0][1:]), statistics.median(times[1][1:])


def draw(losses: list[float], accuracies: list[float], path: Path) -> bool:
    """The learning curve as a PNG; False if matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        return False
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    epochs = range(1, len(losses) + 1)
    figure, left = plt.subplots(figsize=(7, 4), layout="constrained")
    left.plot(epochs, losses, color="#0072b2", label="training loss (dropout on)")
    left.set(
        xlabel="epoch", ylabel="cross entropy, nats", yscale="log", title="64-128-64-10 on the optical digits, seed 0"
    )
    right = left.twinx()
    right.plot(
        epochs, [100 * a for a in accuracies], color="#d55e00", linestyle="--", label="training accuracy (inference)"
    )
    right.set(ylabel="accuracy, %")
    right.set_ylim(top=100.5)
    handles = [*left.get_lines(), *right.get_lines()]
    left.legend(handles, [str(h.get_label()) for h in handles], loc="center right", frameon=False)
    left.grid(alpha=0.25)
    left.spines["top"].set_visible(False)
    right.spines["top"].set_visible(False)
    figure.savefig(path, dpi=150)
    plt.close(figure)
    return True


def main(directory: Path, seeds: int = SEEDS, epochs: int = EPOCHS) -> int:
    """Trains, measures, saves, draws. 0 if the median test accuracy is at least 0.97 and the reloaded model agrees."""
    (x, y), (x_test, y_test) = load_digits()
    level, threads = densekit._core.active_level(), densekit.get_num_threads()
    print(f"densekit {densekit.__version__}, instruction set {level}, {threads} thread(s)")
    print(f"{len(x):,} images of handwritten digits to learn from, {len(x_test)} to test on")
    sizes = "-".join(map(str, SIZES))
    print(f"network {sizes}: batch norm, relu, dropout {RATE}; Adam, batches of {BATCH}, {epochs} epochs\n")
    results, losses, accuracies = [], [], []
    model = Network(0)
    for seed in range(seeds):
        network, rng = Network(seed), np.random.default_rng(seed)
        for epoch in range(1, epochs + 1):
            loss = network.train_epoch(x, y, rng)
            progress(f"seed {seed}: epoch {epoch:2}/{epochs}, loss {loss:.4f}")
            if seed == 0:
                losses.append(loss)
                accuracies.append(network.accuracy(x, y))
        results.append(network.accuracy(x_test, y_test))
        progress(f"seed {seed}: loss {loss:.4f}, test accuracy {results[-1]:.4f}", last=True)
        model = network if seed == 0 else model
    median = statistics.median(results)
    print(f"\nmedian test accuracy over {seeds} seeds: {median:.4f} ({min(results):.4f} to {max(results):.4f})")

    ours, theirs = compare_with_numpy(x, y)
    times = f"densekit {1e3 * ours:.1f} ms, the same network in a NumPy loop {1e3 * theirs:.1f} ms"
    print(f"time of an epoch: {times}: {theirs / ours:.1f}x")

    path = directory / "digits-demo.npz"
    model.save(path)
    same = bool((Network.load(path).logits(x_test) == model.logits(x_test)).all())
    print(f"saved {path}; reloaded, its predictions are {'the same, bit for bit' if same else 'DIFFERENT'}")
    picture = directory / "digits-demo.png"
    if draw(losses, accuracies, picture):
        print(f"learning curve: {picture}")
    else:
        print("learning curve: not drawn, matplotlib is not installed (pip install 'densekit[plot]')")
    return 0 if median >= 0.97 and same else 1
