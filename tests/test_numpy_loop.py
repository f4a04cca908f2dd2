"""The NumPy training loop that densekit is compared with: its gradient is right and it learns."""

from __future__ import annotations

import numpy as np
import pytest

from densekit._numpy_loop import NumpyNetwork
from densekit.datasets import load_digits


@pytest.mark.parametrize("rate", [0.0, 0.4])
def test_gradient(rng, rate):
    """Central differences in float64, with the same dropout mask each time, on a batch shorter than batch_size."""
    network = NumpyNetwork((5, 7, 6, 3), seed=1, batch_size=16, rate=rate, dtype=np.float64)
    network.parameters += rng.normal(0, 0.1, network.parameters.shape)
    x, y = rng.normal(size=(11, 5)), rng.integers(0, 3, 11)

    def loss() -> float:
        return network.loss_and_gradient(x, y, np.random.default_rng(7))

    loss()
    gradient = network.gradient.copy()
    assert np.count_nonzero(gradient) > 0.8 * gradient.size
    h = 1e-6
    for i in range(gradient.size):
        at = network.parameters[i]
        network.parameters[i] = at + h
        above = loss()
        network.parameters[i] = at - h
        below = loss()
        network.parameters[i] = at
        # h^2 times a third derivative, and round-off of the losses divided by h
        assert gradient[i] == pytest.approx((above - below) / (2 * h), abs=1e-8, rel=1e-6)


def test_adam_takes_its_first_step_by_sign():
    """From zero moments Adam's step is lr g / (|g| + eps): lr times the sign."""
    network = NumpyNetwork((3, 4, 2), seed=0, lr=0.01, dtype=np.float64)
    before = network.parameters.copy()
    network.gradient[...] = np.where(np.arange(before.size) % 2, 3.0, -0.5)
    network.update()
    np.testing.assert_allclose(network.parameters - before, -0.01 * np.sign(network.gradient), rtol=1e-7)


def test_learns_digits():
    (x, y), (x_test, y_test) = load_digits()
    network, rng = NumpyNetwork(seed=0), np.random.default_rng(0)
    losses = [network.train_epoch(x, y, rng) for _ in range(25)]
    assert losses[-1] < 0.1 < 1 < losses[0]
    assert (network.predict(x_test).argmax(axis=1) == y_test).mean() >= 0.97
    assert network.parameters.dtype == np.float32
