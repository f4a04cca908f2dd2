"""python -m densekit demo: a network learns handwritten digits, in a plain Python loop over densekit.functional."""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import densekit
from densekit._numpy_loop import NumpyNetwork
from densekit.callbacks import LambdaCallback
from densekit.datasets import load_digits
from densekit.layers import Activation, BatchNorm, Dense, Dropout
from densekit.model import Sequential
from densekit.optimizers import Adam

Array = NDArray[np.float32]

SIZES = (64, 128, 64, 10)
RATE, BATCH, EPOCHS, SEEDS, LEARNING_RATE = 0.2, 32, 40, 10, 2e-3


def make_model(seed: int, sizes: tuple[int, ...] = SIZES) -> Sequential:
    """dense, batch norm, relu, dropout for each hidden layer; a dense layer and softmax at the end; Adam."""
    hidden = [
        layer
        for units in sizes[1:-1]
        for layer in (
            Dense(units, use_bias=False, kernel_initializer="he_normal"),
            BatchNorm(),
            Activation("relu"),
            Dropout(RATE),
        )
    ]
    model = Sequential([*hidden, Dense(sizes[-1], "softmax", kernel_initializer="he_normal")], seed=seed)
    return model.compile(Adam(LEARNING_RATE), "sparse_categorical_crossentropy", metrics=["accuracy"])


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


def compare_with_numpy(x: Array, y: NDArray[np.int64], epochs: int = 15) -> tuple[float, float]:
    """Median seconds of an epoch, ours and the NumPy loop's, measured in turn."""
    model, theirs = make_model(0), NumpyNetwork(SIZES, seed=0, batch_size=BATCH, rate=RATE, lr=LEARNING_RATE)
    model.compile(Adam(LEARNING_RATE), "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(epochs + 1):  # the first pair warms up
        times[0].append(seconds(lambda: model.fit(x, y, batch_size=BATCH, verbose=0)))
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
    results: list[float] = []
    losses: list[float] = []
    accuracies: list[float] = []
    first = make_model(0)
    for seed in range(seeds):
        model = first if seed == 0 else make_model(seed)

        def show(epoch: int, logs: Mapping[str, float], seed: int = seed, model: Sequential = model) -> None:
            progress(f"seed {seed}: epoch {epoch + 1:2}/{epochs}, loss {logs['loss']:.4f}")
            if seed == 0:
                losses.append(logs["loss"])
                accuracies.append(model.evaluate(x, y)["accuracy"])

        model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0, callbacks=[LambdaCallback(on_epoch_end=show)])
        results.append(model.evaluate(x_test, y_test)["accuracy"])
        loss = model.history.history["loss"][-1] if model.history else math.nan
        progress(f"seed {seed}: loss {loss:.4f}, test accuracy {results[-1]:.4f}", last=True)
    median = statistics.median(results)
    print(f"\nmedian test accuracy over {seeds} seeds: {median:.4f} ({min(results):.4f} to {max(results):.4f})")

    ours, theirs = compare_with_numpy(x, y)
    times = f"densekit {1e3 * ours:.1f} ms, the same network in a NumPy loop {1e3 * theirs:.1f} ms"
    print(f"time of an epoch: {times}: {theirs / ours:.1f}x")

    path = directory / "digits-demo.npz"
    first.save(path)
    same = bool((densekit.load(path).predict(x_test) == first.predict(x_test)).all())
    print(f"saved {path}; reloaded, its predictions are {'the same, bit for bit' if same else 'DIFFERENT'}")
    picture = directory / "digits-demo.png"
    if draw(losses, accuracies, picture):
        print(f"learning curve: {picture}")
    else:
        print("learning curve: not drawn, matplotlib is not installed (pip install 'densekit[plot]')")
    return 0 if median >= 0.97 and same else 1
