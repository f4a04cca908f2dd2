"""Plants problems in trainings and counts how often `densekit.diagnostics.diagnose` finds them.

    python tools/planted_problems.py            # seeds 0-9, on which the limits were frozen
    python tools/planted_problems.py --full     # 20 fresh seeds of each kind and severity, 200 healthy trainings

Severities: 0 mild, 1 middle, 2 strong. What must hold: at the middle one the right finding in at least 95 %, and at
most 10 of 200 healthy reports with a warning. Exits with 1 if it does not. OPENBLAS_NUM_THREADS=1 makes it faster.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import densekit as dk
from densekit.diagnostics import Report, diagnose, learning_curve
from densekit.layers import BatchNorm, Dense, Dropout

Case = Callable[[int, np.random.Generator], "Training"]


@dataclass
class Training:
    """A problem and how to train on it; a planted mistake is a change of one of its fields."""

    layers: list[Any]
    X: Any
    y: Any
    X_val: Any
    y_val: Any
    loss: str = "mse"
    optimizer: Any = "adam"
    epochs: int = 40
    batch_size: int = 32
    regularizer: Any = None
    seed: int = 0
    curve: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    def model(self, seed: int) -> Any:
        model = dk.Sequential(copy.deepcopy(self.layers), seed=seed)
        return model.compile(self.optimizer, self.loss, regularizer=self.regularizer)

    def report(self) -> Report:
        model = self.model(self.seed)
        history = None
        if self.epochs:
            history = model.fit(
                self.X,
                self.y,
                epochs=self.epochs,
                batch_size=self.batch_size,
                validation_data=(self.X_val, self.y_val),
                verbose=0,
                on_divergence="ignore",
            )
        curve = None
        if self.curve:
            how = {"epochs": self.epochs, "sizes": (0.25, 0.5, 1.0), "repeats": 2}
            curve = learning_curve(self.model, self.X, self.y, self.X_val, self.y_val, **how)
        return diagnose(model, self.X, self.y, self.X_val, self.y_val, history, curve=curve)


# The healthy trainings that the mistakes are planted in.


def numbers(rng: np.random.Generator, rows: int = 600, columns: int = 6, noise: float = 0.1) -> tuple[Any, ...]:
    """Rows of a smooth function of several columns: X, y, X_val, y_val."""
    X = rng.normal(size=(rows + 300, columns))
    w = rng.normal(size=(columns, 3)) / np.sqrt(columns)
    z = X @ w
    y = np.sin(1.5 * z[:, 0]) + z[:, 1] + 0.5 * z[:, 2] ** 2
    y = (y - y.mean()) / y.std() + noise * rng.normal(size=len(y))
    return X[:rows], y[:rows], X[rows:], y[rows:]


def classes(rng: np.random.Generator, rows: int = 600, columns: int = 6, count: int = 3) -> tuple[Any, ...]:
    """Rows of `count` classes with curved borders."""
    X = rng.normal(size=(rows + 300, columns))
    w = rng.normal(size=(columns, count)) / np.sqrt(columns)
    z = X @ w + 0.7 * np.cos(2 * X @ rng.normal(size=(columns, count)) / np.sqrt(columns))
    y = z.argmax(axis=1)
    return X[:rows], y[:rows], X[rows:], y[rows:]


def healthy_numbers(rng: np.random.Generator, **options: Any) -> Training:
    seed = int(rng.integers(2**31))
    return Training(
        [Dense(32, "tanh"), Dense(1)], *numbers(rng, **options), optimizer=dk.optimizers.Adam(0.01), seed=seed
    )


def healthy_classes(rng: np.random.Generator, **options: Any) -> Training:
    layers = [Dense(32, "relu", kernel_initializer="he_normal"), Dense(options.get("count", 3), "softmax")]
    how = {"loss": "sparse_categorical_crossentropy", "optimizer": dk.optimizers.Adam(0.01)}
    return Training(layers, *classes(rng, **options), epochs=20, seed=int(rng.integers(2**31)), **how)


def healthy(rng: np.random.Generator) -> Training:
    """Any of the trainings that nobody would object to."""
    rows, columns = int(rng.integers(500, 1500)), int(rng.integers(3, 12))
    activation = str(rng.choice(["relu", "tanh", "gelu", "elu"]))
    start = "he_normal" if activation in ("relu", "gelu") else "glorot_uniform"
    hidden: list[Any] = [Dense(int(rng.integers(16, 64)), activation, kernel_initializer=start)]
    if rng.random() < 0.5:
        hidden.append(Dense(int(rng.integers(16, 48)), activation, kernel_initializer=start))
    if rng.random() < 0.25:
        hidden.insert(1, BatchNorm())
    if rng.random() < 0.25:
        hidden.append(Dropout(0.1))
    if rng.random() < 0.5:
        case = healthy_numbers(rng, rows=rows, columns=columns, noise=float(rng.choice([0.05, 0.1, 0.3])))
        case.layers = [*hidden, Dense(1)]
    else:
        count = int(rng.integers(2, 6))
        case = healthy_classes(rng, rows=2 * rows, columns=min(columns, 8), count=count)
        case.layers = [*hidden, Dense(count, "softmax")]
    case.epochs = 20
    rates = [dk.optimizers.Adam(0.003), dk.optimizers.Adam(0.01), dk.optimizers.SGD(0.02, momentum=0.9)]
    case.optimizer = rates[int(rng.integers(3))]
    return case


# The mistakes. Each takes the severity 0, 1, 2.


def overfits(s: int, rng: np.random.Generator) -> Training:
    case = healthy_numbers(rng, rows=(120, 60, 40)[s], columns=12, noise=(0.5, 0.7, 1.0)[s])
    case.layers, case.epochs = [Dense(128, "relu"), Dense(64, "relu"), Dense(1)], 300
    return case


def overfits_classes(s: int, rng: np.random.Generator) -> Training:
    case = healthy_classes(rng, rows=(200, 120, 80)[s], columns=20)
    case.layers, case.epochs = [Dense(128, "relu"), Dense(3, "softmax")], 150
    return case


def too_small(s: int, rng: np.random.Generator) -> Training:
    X, _, X_val, _ = numbers(rng)
    case = healthy_numbers(rng)
    case.X, case.X_val = X, X_val
    bend = (1.2, 2.0, 4.0)[s]
    case.y, case.y_val = (v[:, 0] + bend * np.cos(1.5 * v[:, 1]) + bend * v[:, 2] ** 2 / 2 for v in (X, X_val))
    case.layers = [Dense(1)]  # a straight line
    return case


def penalised(s: int, rng: np.random.Generator) -> Training:
    case = healthy_numbers(rng)
    case.regularizer = dk.regularizers.L2((0.2, 1.0, 5.0)[s])
    return case


def too_few_epochs(s: int, rng: np.random.Generator) -> Training:
    case = healthy_classes(rng)
    case.optimizer, case.epochs = dk.optimizers.SGD((3e-3, 1e-3, 3e-4)[s]), 3
    return case


def too_much_dropout(s: int, rng: np.random.Generator) -> Training:
    case = healthy_numbers(rng)
    rate = (0.8, 0.93, 0.97)[s]
    case.layers = [Dense(32, "relu"), Dropout(rate), Dense(32, "relu"), Dropout(rate), Dense(1)]
    return case


def scaled(factor: tuple[float, ...], offset: tuple[float, ...], one: bool) -> Case:
    def plant(s: int, rng: np.random.Generator) -> Training:
        case = healthy_numbers(rng)
        columns = slice(0, 1) if one else slice(None)
        for X in (case.X, case.X_val):
            X[:, columns] = X[:, columns] * factor[s] + offset[s]
        return case

    return plant


def scaler_on_all(ranged: bool) -> Case:
    def plant(s: int, rng: np.random.Generator) -> Training:
        rows = (2000, 600, 200)[s]
        case = healthy_numbers(rng, rows=rows)
        both = np.concatenate([case.X, case.X_val])
        if ranged:
            low, high = both.min(axis=0), both.max(axis=0)
            case.X, case.X_val = ((v - low) / (high - low) for v in (case.X, case.X_val))
        else:
            mean, std = both.mean(axis=0), both.std(axis=0)
            case.X, case.X_val = ((v - mean) / std for v in (case.X, case.X_val))
        return case

    return plant


def scaler_forgotten(s: int, rng: np.random.Generator) -> Training:
    case = healthy_numbers(rng)
    case.X_val = case.X_val * (5.0, 20.0, 100.0)[s] + (2.0, 10.0, 100.0)[s]
    return case


def out_of_range(activation: str) -> Case:
    def plant(s: int, rng: np.random.Generator) -> Training:
        case = healthy_numbers(rng)
        case.layers = [Dense(32, "tanh"), Dense(1, activation)]
        middle = {"sigmoid": 0.5, "tanh": 0.0, "relu": 1.0}[activation]
        case.y, case.y_val = (middle + (0.5, 1.0, 3.0)[s] * v for v in (case.y, case.y_val))
        return case

    return plant


def labels_as_numbers(s: int, rng: np.random.Generator) -> Training:
    case = healthy_classes(rng, count=(3, 5, 8)[s])
    case.layers, case.loss = [Dense(32, "tanh"), Dense(1)], "mse"
    return case


def small_batches(s: int, rng: np.random.Generator) -> Training:
    case = healthy_numbers(rng, rows=300)
    case.layers, case.batch_size, case.epochs = [Dense(32), BatchNorm(), Dense(1)], (8, 4, 2)[s], 10
    return case


def rate_too_high(momentum: float) -> Case:
    def plant(s: int, rng: np.random.Generator) -> Training:
        case = healthy_numbers(rng)
        case.layers = [Dense(32, "relu"), Dense(1)]
        case.optimizer = dk.optimizers.SGD((0.5, 3.0, 10.0)[s] * (1 - momentum), momentum=momentum)
        return case

    return plant


def rate_too_high_adam(s: int, rng: np.random.Generator) -> Training:
    case = healthy_numbers(rng)
    case.layers, case.optimizer = (
        [Dense(32, "relu"), Dense(32, "relu"), Dense(1)],
        dk.optimizers.Adam((0.3, 2.0, 10.0)[s]),
    )
    return case


def rate_too_low(s: int, rng: np.random.Generator) -> Training:
    case = healthy_numbers(rng)
    case.optimizer = dk.optimizers.SGD((1e-4, 2e-5, 1e-6)[s])
    return case


def dead(s: int, rng: np.random.Generator) -> Training:
    case = healthy_numbers(rng)
    low = np.zeros(64)
    low[: (40, 50, 62)[s]] = -30.0
    case.layers = [Dense(64, "relu", bias_initializer=low), Dense(1)]
    return case


def saturated(activation: str) -> Case:
    def plant(s: int, rng: np.random.Generator) -> Training:
        case = healthy_numbers(rng)
        start = dk.initializers.Normal(0.0, (3.0, 8.0, 30.0)[s])
        case.layers, case.epochs = [Dense(32, activation, kernel_initializer=start), Dense(1)], 5
        return case

    return plant


def vanishing(s: int, rng: np.random.Generator) -> Training:
    case = healthy_numbers(rng)
    case.layers = [*(Dense(16, "sigmoid") for _ in range((6, 12, 20)[s])), Dense(1)]
    case.epochs = 3
    return case


def exploding(s: int, rng: np.random.Generator) -> Training:
    case = healthy_numbers(rng)
    start = dk.initializers.Normal(0.0, (0.6, 1.0, 2.0)[s])
    case.layers = [*(Dense(32, "relu", kernel_initializer=start) for _ in range(8)), Dense(1)]
    case.epochs = 0
    return case


def leak(of_classes: bool) -> Case:
    def plant(s: int, rng: np.random.Generator) -> Training:
        case = healthy_classes(rng) if of_classes else healthy_numbers(rng)
        noise = (0.12, 0.05, 0.0)[s]
        case.X, case.X_val = (
            np.column_stack([X, y + noise * rng.normal(size=len(y))])
            for X, y in ((case.X, case.y), (case.X_val, case.y_val))
        )
        return case

    return plant


def shared(s: int, rng: np.random.Generator) -> Training:
    case = healthy_numbers(rng)
    count = (10, 60, 200)[s]
    case.X_val[:count], case.y_val[:count] = case.X[:count], case.y[:count]
    return case


def equal(s: int, rng: np.random.Generator) -> Training:
    case = healthy_numbers(rng)
    start = ("zeros", dk.initializers.Constant(0.1), "ones")[s]
    case.layers, case.epochs = (
        [Dense((4, 16, 64)[s], "tanh", kernel_initializer=start), Dense(1, kernel_initializer=start)],
        10,
    )
    return case


def few_rows(s: int, rng: np.random.Generator) -> Training:
    case = healthy_numbers(rng, rows=(300, 150, 80)[s], columns=8)
    case.layers, case.epochs, case.curve = [Dense(64, "tanh"), Dense(1)], 150, True
    return case


PROBLEMS: dict[str, tuple[str, Case]] = {
    "overfitting, numbers": ("overfitting", overfits),
    "overfitting, classes": ("overfitting", overfits_classes),
    "a straight line for a curve": ("underfitting", too_small),
    "penalty too strong": ("underfitting", penalised),
    "too few epochs": ("underfitting", too_few_epochs),
    "dropout too high": ("too_much_dropout", too_much_dropout),
    "all columns large": ("unscaled_input", scaled((15.0, 50.0, 1000.0), (0.0,) * 3, False)),
    "one column large": ("unscaled_input", scaled((15.0, 50.0, 1000.0), (0.0,) * 3, True)),
    "a column far from 0": ("unscaled_input", scaled((1.0,) * 3, (12.0, 50.0, 2000.0), True)),
    "all columns tiny": ("unscaled_input", scaled((0.01, 1e-3, 1e-5), (0.0,) * 3, False)),
    "z-score over all rows": ("scaler_saw_validation", scaler_on_all(False)),
    "min-max over all rows": ("scaler_saw_validation", scaler_on_all(True)),
    "validation rows not scaled": ("validation_scale", scaler_forgotten),
    "sigmoid for numbers": ("output_range", out_of_range("sigmoid")),
    "tanh for numbers": ("output_range", out_of_range("tanh")),
    "relu for negative numbers": ("output_range", out_of_range("relu")),
    "labels as numbers": ("labels_as_numbers", labels_as_numbers),
    "batch norm, tiny batches": ("batch_norm_small_batch", small_batches),
    "learning rate too high, sgd": ("learning_rate_too_high", rate_too_high(0.0)),
    "learning rate too high, momentum": ("learning_rate_too_high", rate_too_high(0.9)),
    "learning rate too high, adam": ("learning_rate_too_high", rate_too_high_adam),
    "learning rate too low": ("learning_rate_too_low", rate_too_low),
    "dead units": ("dead_units", dead),
    "saturated tanh": ("saturation", saturated("tanh")),
    "saturated sigmoid": ("saturation", saturated("sigmoid")),
    "vanishing gradients": ("vanishing_gradients", vanishing),
    "exploding gradients": ("exploding_gradients", exploding),
    "leaking column, numbers": ("leaking_column", leak(False)),
    "leaking column, classes": ("leaking_column", leak(True)),
    "rows in both sets": ("shared_rows", shared),
    "equal units": ("equal_units", equal),
    "not enough data": ("not_enough_data", few_rows),
}


def found(name: str, severity: int, seed: int) -> tuple[bool, Report]:
    """Whether the report has the right finding as a warning or more."""
    expected, plant = PROBLEMS[name]
    with np.errstate(all="ignore"):
        report = plant(severity, np.random.default_rng([seed, severity, len(name)])).report()
    return expected in [f.name for f in report.warnings], report


def healthy_report(seed: int) -> Report:
    return healthy(np.random.default_rng([seed, 99])).report()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="fresh seeds 100-119 and 200 healthy trainings")
    parser.add_argument("--only", default="", help="kinds whose name contains this")
    arguments = parser.parse_args()
    seeds = range(100, 120) if arguments.full else range(10)
    start, missed = time.perf_counter(), []
    print(f"{'planted':34} {'finding':24} {'mild':>6} {'middle':>7} {'strong':>7}")
    for name, (expected, _) in PROBLEMS.items():
        if arguments.only not in name:
            continue
        shares = [np.mean([found(name, s, seed)[0] for seed in seeds]) for s in range(3)]
        print(f"{name:34} {expected:24} {shares[0]:6.0%} {shares[1]:7.0%} {shares[2]:7.0%}", flush=True)
        if shares[1] < 0.95:
            missed.append(name)
    counts: dict[str, int] = {}
    total, warned = (200 if arguments.full else 50), 0
    for seed in range(1000, 1000 + total) if arguments.full else range(total):
        names = [f.name for f in healthy_report(seed).warnings]
        warned += bool(names)
        for name in names:
            counts[name] = counts.get(name, 0) + 1
    print(f"healthy reports with a warning: {warned} of {total} {counts or ''}")
    print(f"{time.perf_counter() - start:.0f} s")
    if missed:
        print(f"found in less than 95 % at the middle severity: {', '.join(missed)}")
    return 1 if missed or warned > total * 0.05 else 0


if __name__ == "__main__":
    sys.exit(main())
