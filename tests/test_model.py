"""The model: the program of the README, predictions, gradients, weights, copies, threads."""

from __future__ import annotations

import numpy as np
import pytest

import densekit as dk
from densekit.layers import Activation, BatchNorm, Dense, Dropout, GaussianNoise, LayerNorm, Residual


def small(engine, dtype="float64", seed=3):
    """Every kind of layer with weights, and every kind that draws."""
    layers = [
        Dense(8, "tanh", inputs=5),
        BatchNorm(),
        Residual([Dense(8), LayerNorm(), Activation("gelu")]),
        Dropout(0.3),
        GaussianNoise(0.05),
        Dense(3, "softmax"),
    ]
    model = dk.Sequential(layers, seed=seed, dtype=dtype, engine=engine)
    return model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])


@pytest.fixture
def data(rng):
    return rng.normal(size=(60, 5)), rng.integers(0, 3, 60)


def same_state(a, b):
    assert a.weights.keys() == b.weights.keys()
    for name, value in a.weights.items():
        np.testing.assert_array_equal(value, b.weights[name], err_msg=name)
    assert (a.step, a.epoch, a.seed) == (b.step, b.epoch, b.seed)


def test_second_program_of_the_design(capsys, engine):
    (X, y), (Xt, yt) = dk.datasets.load_digits()
    m = dk.Sequential([Dense(128, "relu"), BatchNorm(), Dropout(0.2), Dense(10, "softmax")], seed=0, engine=engine)
    m.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    h = m.fit(X, y, epochs=20, validation_split=0.2)
    print(h.history["val_loss"][-1], m.evaluate(Xt, yt))
    assert h.history["val_loss"][-1] < 0.3
    result = m.evaluate(Xt, yt)
    assert list(result) == ["loss", "accuracy"]
    assert result["accuracy"] > 0.94
    assert h.history["loss"][-1] < 0.1 < h.history["loss"][0]
