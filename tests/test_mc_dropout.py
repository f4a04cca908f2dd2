"""Monte-Carlo dropout: predict(mc_samples=, return_std=)."""

from __future__ import annotations

import numpy as np
import pytest

import densekit as dk
from densekit.layers import BatchNorm, Dense, Dropout, GaussianNoise, Residual


def trained(engine, layers=None, dtype="float64"):
    layers = layers or [Dense(16, "relu"), BatchNorm(), Dropout(0.3), Dense(2)]
    model = dk.Sequential(layers, seed=5, dtype=dtype, engine=engine).compile("adam", "mse")
    X = np.random.default_rng(0).normal(size=(64, 3))
    model.fit(X, X[:, :2] ** 2, epochs=3, verbose=0)
    return model, X


def test_sum_of_dropped_ones_is_binomial():
    """100 ones at rate 0.3: mean 100, std 100 √(0.3 / 0.7 / 100), within four standard errors of 4,000 samples."""
    model = dk.Sequential([Dropout(0.3), Dense(1, kernel_initializer="ones")], seed=0, dtype="float64")
    mean, std = model.predict(np.ones((3, 100)), mc_samples=4000, return_std=True)
    truth = 10 * np.sqrt(0.3 / 0.7)
    np.testing.assert_allclose(mean, 100, atol=4 * truth / np.sqrt(4000))
    np.testing.assert_allclose(std, truth, rtol=4 / np.sqrt(2 * 4000))


def test_equals_passes_by_hand(engine):
    """Batch norms as in inference, the masks of the updates from model.step on; mean and std (n − 1) of the passes."""
    model, X = trained(engine)
    by_hand = model.clone(weights=True)
    by_hand.layers[1].trainable = False
    passes = []
    for i in range(7):
        by_hand._ready().step = model.step + i
        passes.append(by_hand(X, training=True))
    mean, std = model.predict(X, mc_samples=7, return_std=True)
    np.testing.assert_allclose(mean, np.mean(passes, axis=0), atol=1e-12)
    np.testing.assert_allclose(std, np.std(passes, axis=0, ddof=1), atol=1e-12)
    np.testing.assert_array_equal(model.predict(X, mc_samples=7), mean)


def test_model_is_left_alone(engine):
    model, X = trained(engine)
    before, plain, step = model.get_weights(), model.predict(X), model.step
    first = model.predict(X, mc_samples=5, return_std=True)
    again = model.predict(X, mc_samples=5, return_std=True)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(model.predict(X), plain)
    assert model.step == step
    assert model.layers[1].trainable


def test_engines_agree():
    (a, X), (b, _) = trained("reference"), trained("native")
    for one, other in zip(*(m.predict(X, mc_samples=6, return_std=True) for m in (a, b)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)


def test_later_rows_do_not_matter_and_blocks_have_masks_of_their_own():
    model, _ = trained(None)
    X = np.zeros((4200, 3))  # three blocks of rows
    mean, std = model.predict(X, mc_samples=3, return_std=True)
    np.testing.assert_array_equal(model.predict(X[:2100], mc_samples=3), mean[:2100])
    assert (mean[:100] != mean[2048:2148]).any()
    assert (std > 0).any()


def test_blocks_and_noise():
    """A batch norm inside a residual block is frozen, too; noise counts as well as dropout."""
    block = Residual([Dense(3, "tanh"), BatchNorm(), Dropout(0.5)])
    model, X = trained(None, [block, GaussianNoise(0.1), Dense(2)])
    mean, std = model.predict(X, mc_samples=50, return_std=True)
    alone, spread = model.predict(X[:1], mc_samples=50, return_std=True)  # one row: batch statistics would be an error
    np.testing.assert_allclose(alone, mean[:1], rtol=1e-12)
    np.testing.assert_allclose(spread, std[:1], rtol=1e-9)
    assert (std > 0).all()


def test_std_grows_with_the_rate_and_away_from_the_data():
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, (200, 1))
    stds = []
    for rate in (0.02, 0.2):
        model = dk.Sequential([Dense(64, "relu"), Dropout(rate), Dense(1)], seed=0)
        model.compile(dk.optimizers.Adam(0.01), "mse").fit(X, np.sin(3 * X), epochs=60, verbose=0)
        stds.append(model.predict([[0.0], [4.0]], mc_samples=200, return_std=True)[1].ravel())
    assert stds[0][1] > 2 * stds[0][0]
    assert (stds[1] > stds[0]).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"return_std": True}, ValueError, "return_std=True is the spread of Monte-Carlo samples; give mc_samples=100"),
        ({"mc_samples": 0}, ValueError, "mc_samples must be a whole number from 1"),
        ({"mc_samples": 1, "return_std": True}, ValueError, "mc_samples must be a whole number from 2"),
        ({"mc_samples": 5, "batch_size": 3}, ValueError, "leave batch_size out"),
        ({"mc_samples": 5, "return_std": "yes"}, TypeError, "return_std must be True or False"),
    ],
)
def test_refusals(arguments, error, message):
    model, X = trained(None)
    with pytest.raises(error, match=message):
        model.predict(X, **arguments)


def test_nothing_random_is_refused():
    model = dk.Sequential([Dense(1)], seed=0)
    with pytest.raises(ValueError, match="needs a Dropout or GaussianNoise layer"):
        model.predict([[1.0]], mc_samples=3)
