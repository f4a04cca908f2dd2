"""Small models that the tests of training share."""

from __future__ import annotations

import numpy as np

import densekit as dk
from densekit.layers import Activation, BatchNorm, Dense, Dropout, GaussianNoise, Input, LayerNorm, Residual


def plain(engine, optimizer="adam", loss="mse", dtype="float64", **options):
    model = dk.Sequential([Dense(8, "tanh"), Dense(1)], seed=1, dtype=dtype, engine=engine)
    return model.compile(optimizer, loss, **options)


def noisy(engine, optimizer="adam", **options):
    layers = [Dense(8, "relu"), BatchNorm(), Dropout(0.2), GaussianNoise(0.1), Dense(1)]
    return dk.Sequential(layers, seed=1, dtype="float64", engine=engine).compile(optimizer, "mse", **options)


def assert_same(a, b, rtol=0.0):
    for name, value in a.weights.items():
        np.testing.assert_allclose(value, b.weights[name], rtol=rtol, atol=rtol, err_msg=name)


# Rows of several axes.

SHAPE = (4, 3, 5)


def stack():
    """Layers along the last axis."""
    return [Dense(6), BatchNorm(), Activation("tanh"), Residual([LayerNorm(), Dense(6, "gelu")]), Dense(2)]


def of_layers(*layers, engine="native", dtype="float64", loss="mse", optimizer="adam", **options):
    return dk.Sequential(layers, seed=1, engine=engine, dtype=dtype).compile(optimizer, loss, **options)


def with_axes(engine="native", **options):
    """(n, 4, 3, 5) to (n, 4, 3, 2)."""
    return of_layers(Input(SHAPE), *stack(), engine=engine, **options)
