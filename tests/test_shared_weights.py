"""Weights that two layers would share: refused, where a gradient would be lost; copies are copies."""

from __future__ import annotations

import numpy as np
import pytest

import densekit
from densekit.layers import Dense, Lambda, Layer, Residual


def build(layers, engine, inputs=3):
    return densekit.Sequential(layers, seed=0, engine=engine).build(inputs)


@pytest.mark.parametrize(
    "stack",
    [
        lambda d: [d, d],
        lambda d: [d, Residual([d])],
        lambda d: [Residual([d]), d],
        lambda d: [Residual([d, d])],
        lambda d: [Residual([Dense(3), Residual([d]), d])],
    ],
)
def test_a_layer_has_one_place(stack, engine):
    for name in (None, "mine"):
        with pytest.raises(ValueError, match=r"belongs to a model|in the network twice|must be unique"):
            build(stack(Dense(3, name=name)), engine)


def test_a_layer_inside_a_block_belongs_to_one_model(engine):
    inner = Dense(3)
    model = build([Residual([inner])], engine)
    with pytest.raises(ValueError, match="already belongs to a model"):
        build([Residual([inner])], engine)
    assert inner.kernel is model.layers[0].layers[0].kernel or np.shares_memory(inner.kernel, inner.weights["kernel"])


def test_arrays_are_copied(engine, rng):
    """Two layers begin with the same array; each trains its own, and the caller's stays."""
    kernel = rng.normal(size=(3, 3))
    kept = kernel.copy()
    first, second = Dense(3, kernel_initializer=kernel, inputs=3), Dense(3, kernel_initializer=kernel)
    model = build([first, second], engine)
    model.compile("sgd", "mse", engine=engine)
    X, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    model.train_on_batch(X, y)
    np.testing.assert_array_equal(kernel, kept)
    assert not np.shares_memory(first.kernel, second.kernel)
    assert not np.array_equal(first.kernel, second.kernel)
    second.kernel = first.kernel
    first.kernel[0, 0] += 1
    assert second.kernel[0, 0] != first.kernel[0, 0]


class Tied(Layer):
    """y = x kernel', the kernel being another layer's: its part of that gradient has nowhere to go."""

    def __init__(self, other, **more):
        super().__init__(**more)
        self.other = other

    def build(self, inputs):
        return self.other.inputs

    def forward(self, x, parameters, training):
        return x @ self.other.kernel.T, x

    def backward(self, dy, saved, parameters, gradients):
        return dy @ self.other.kernel


@pytest.mark.parametrize(
    "make",
    [
        Tied,
        lambda other: Lambda(lambda x: x @ other.kernel.T, lambda dy, x, y: dy @ other.kernel, outputs=3),
    ],
    ids=["layer", "lambda"],
)
def test_a_python_layer_trains_no_weights_of_another(make, engine, rng):
    encoder = Dense(2, inputs=3)
    model = densekit.Sequential([encoder, make(encoder)], seed=0)
    model.compile("sgd", "mse", engine=engine).build(3)
    X = rng.normal(size=(5, 3))
    assert model.predict(X).shape == (5, 3)  # without gradients it may
    with pytest.raises(RuntimeError, match="computes with the weights of dense, whose gradient would lack this part"):
        model.train_on_batch(X, X)
    with pytest.raises(RuntimeError, match="gradient would lack this part"):
        model.vjp(X)[1](np.ones((5, 3), np.float32))
    assert encoder.kernel.shape == (3, 2)  # and outside of the call everybody may
    encoder.trainable = False
    model.train_on_batch(X, X)


def test_tied_parameters_of_pytorch_are_refused():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    from densekit import convert

    one = torch.nn.Linear(3, 3)
    other = torch.nn.Linear(3, 3)
    other.weight = one.weight
    for net in (torch.nn.Sequential(one, torch.nn.ReLU(), one), torch.nn.Sequential(one, other)):
        with pytest.raises(ValueError, match="shares a parameter with a layer before it"):
            convert.from_torch(net)
    convert.from_torch(torch.nn.Sequential(one, torch.nn.ReLU(), torch.nn.Linear(3, 3)))
