"""A training that is saved, loaded and continued has the bits of one that never stopped: 100 random points.

Each is a network with dropout, noise and batch norm, an optimizer with its slots, a schedule, a dtype and the update
after which the file is written, all drawn; training is by fit (in whole epochs), by train_on_batch or by a loop of
one's own.
"""

from __future__ import annotations

import numpy as np
import pytest
from test_files import same_state

import densekit as dk
from densekit.layers import BatchNorm, Dense, Dropout, GaussianNoise, LayerNorm, Residual

POINTS = 100
EPOCHS, BATCHES, ROWS = 6, 5, 8  # 30 updates

OPTIMIZERS = {
    "momentum": lambda rate: dk.optimizers.SGD(rate, momentum=0.9),
    "nesterov": lambda rate: dk.optimizers.SGD(rate, momentum=0.9, nesterov=True),
    **{name: getattr(dk.optimizers, name) for name in ("RMSprop", "Adagrad", "Adadelta", "Adam", "AdamW", "Adamax")},
    **{name: getattr(dk.optimizers, name) for name in ("Nadam", "Lion")},
}


def schedules(unit):
    """By name; lengths in epochs or in updates, so that each moves and one of them ends before the training does."""
    s, length = dk.schedules, EPOCHS if unit == "epoch" else EPOCHS * BATCHES
    return {
        "constant": 0.01,
        "step": s.Step(0.02, step_size=2, gamma=0.5, unit=unit),
        "exponential": s.Exponential(0.02, gamma=0.9, unit=unit),
        "cosine": s.Cosine(0.02, period=length - 2, unit=unit),
        "one cycle": s.OneCycle(0.02, length=length, unit=unit),
        "warm-up": s.WarmUp(s.Cosine(0.02, period=length, unit=unit), length=length // 2, unit=unit),
        "plateau": s.Plateau(0.02, monitor="loss", patience=0, threshold=9.0, threshold_mode="abs"),
    }


def draw(rng):
    def some(name):
        return {
            "dense": lambda: Dense(int(rng.integers(1, 12)), str(rng.choice(["relu", "tanh", "gelu"]))),
            "batch norm": lambda: BatchNorm(),
            "layer norm": lambda: LayerNorm(),
            "dropout": lambda: Dropout(0.3),
            "noise": lambda: GaussianNoise(0.1),
        }[name]()

    kinds = ["dense", "batch norm", "dropout", "noise", "layer norm"]
    layers = [Dense(9, "relu"), *(some(str(k)) for k in rng.permutation(kinds)[: rng.integers(1, 6)])]
    if rng.random() < 0.3:
        layers.insert(1, Residual([Dense(9, "tanh"), BatchNorm()]))
    how = str(rng.choice(["fit", "train_on_batch", "own loop"]))
    unit = str(rng.choice(["epoch", "step"]))
    rate = str(rng.choice([*schedules(unit)][: None if how == "fit" else -1]))  # plateau moves in fit alone
    kind, dtype = str(rng.choice([*OPTIMIZERS])), str(rng.choice(["float32", "float64"]))
    model = dk.Sequential([*layers, Dense(1)], seed=int(rng.integers(2**31)), dtype=dtype)
    options = {"clip_norm": 1.0} if rng.random() < 0.5 else {}
    model.compile(OPTIMIZERS[kind](schedules(unit)[rate]), "mse", **options).build(5)
    return model, how, f"{how}, {kind}, {rate} by {unit}, {dtype}"


def train(model, how, X, y, first, last):
    """The updates from number `first` to `last`; those of fit are whole epochs."""
    if how == "fit":
        model.fit(X, y, epochs=last // BATCHES, initial_epoch=first // BATCHES, batch_size=ROWS, verbose=0)
        return
    for step in range(first, last):
        rows = np.random.default_rng(step).integers(0, len(X), ROWS)
        if how == "train_on_batch":
            model.train_on_batch(X[rows], y[rows])
        else:
            model.apply_gradients(model.loss_and_gradients(X[rows], y[rows])[1])
        if (step + 1) % BATCHES == 0:
            model.epoch += 1


@pytest.mark.parametrize("seed", range(POINTS))
def test_resume_at_a_random_point(seed, tmp_path):
    rng = np.random.default_rng([20261128, seed])
    model, how, what = draw(rng)
    dtype = model.dtype
    X, y = rng.normal(size=(ROWS * BATCHES, 5)).astype(dtype), rng.normal(size=(ROWS * BATCHES, 1)).astype(dtype)
    whole, updates = model.clone(), EPOCHS * BATCHES
    point = int(rng.integers(1, updates)) if how != "fit" else BATCHES * int(rng.integers(1, EPOCHS))
    train(whole, how, X, y, 0, updates)
    train(model, how, X, y, 0, point)
    model.save(tmp_path / "model.npz")
    moved = not np.array_equal(model.predict(X), whole.predict(X))
    resumed = dk.load(tmp_path / "model.npz")
    train(resumed, how, X, y, point, updates)
    assert moved, f"{what}: the rest of the training changes nothing"
    assert resumed.step == updates
    same_state(resumed, whole)
