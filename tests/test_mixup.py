"""mixup: what it draws, and that it, noise and smoothed labels narrow the gap between training and validation."""

from __future__ import annotations

import numpy as np
import pytest

import densekit as dk
from densekit.layers import Dense, GaussianNoise
from densekit.preprocessing import mixup


def test_rows_lie_between_rows_and_targets_beside_them(rng, dtype):
    X, y = rng.normal(size=(500, 3)).astype(dtype), rng.integers(0, 4, 500)
    inputs, before = X.copy(), y.copy()
    mixed, targets = mixup(X, y, alpha=0.4, seed=3)
    np.testing.assert_array_equal(X, inputs)
    np.testing.assert_array_equal(y, before)
    assert mixed.dtype == targets.dtype == dtype
    assert mixed.shape == X.shape
    assert targets.shape == (500, 4)
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=4 * np.finfo(dtype).eps)
    # Another table with the same draws: the shares are those of the targets, so rows can be solved for their partners.
    numbers, _ = mixup(np.arange(500.0)[:, None], y, alpha=0.4, seed=3)
    same, sums = mixup(X, np.arange(500.0), alpha=0.4, seed=3)
    np.testing.assert_array_equal(same, mixed)
    np.testing.assert_allclose(sums, numbers[:, 0], rtol=1e-6)


def test_the_share_is_that_of_the_beta_distribution():
    stats = pytest.importorskip("scipy.stats", reason="SciPy is missing")
    n = 20_000
    partner, share = np.random.default_rng(5), None
    first = partner.permutation(n)
    share = partner.beta(0.3, 0.3, n)
    X = np.eye(1, 1) * np.arange(n, dtype=float)[:, None]
    mixed, _ = mixup(X, np.zeros(n), alpha=0.3, seed=5)
    np.testing.assert_allclose(mixed[:, 0], share * np.arange(n) + (1 - share) * first, rtol=1e-12)
    assert stats.kstest(share, stats.beta(0.3, 0.3).cdf).pvalue > 0.01


def test_the_same_seed_gives_the_same_rows_and_another_others(rng):
    X, y = rng.normal(size=(50, 2)), rng.normal(size=(50, 2))
    np.testing.assert_array_equal(mixup(X, y, seed=1)[0], mixup(X, y, seed=1)[0])
    assert (mixup(X, y, seed=1)[0] != mixup(X, y, seed=2)[0]).any()


@pytest.mark.parametrize(
    ("args", "kwargs", "error", "message"),
    [
        (([[1.0], [2.0]], [0]), {}, ValueError, r"X has 2 rows but y is \(1,\)"),
        (([[1.0]], [3]), {"classes": 2}, ValueError, "labels are 3 to 3, expected 0 to 1"),
        (([[1.0]], [-1]), {}, ValueError, "labels are -1"),
        (([[1.0]], [0.5]), {"classes": 2}, ValueError, "classes is for labels, but y is float64"),
        (([[1.0]], [0]), {"alpha": 0}, ValueError, "alpha must be a finite number"),
        (([[1.0]], [0]), {"seed": -1}, ValueError, "seed must be a whole number"),
        (([[1.0]], [[0]]), {}, ValueError, r"labels are \(1, 1\)"),
        ((["a"], [0]), {}, TypeError, "X holds strings"),
    ],
)
def test_refusals(args, kwargs, error, message):
    with pytest.raises(error, match=f"mixup: .*{message}"):
        mixup(*args, **kwargs)


def gap_of(how, seed):
    """Validation minus training loss in inference mode, after 150 epochs on 60 noisy rows."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(560, 8)).astype(np.float32)
    y = (X[:, 0] + X[:, 1] ** 2 - 1 + 0.7 * rng.normal(size=560) > 0).astype(np.int64)
    noise = [GaussianNoise(0.4)] if how == "noise" else []
    model = dk.Sequential([*noise, Dense(32, "relu"), Dense(2, "softmax")], seed=seed)
    loss = dk.losses.CategoricalCrossentropy(label_smoothing=0.2 if how == "smoothing" else 0)
    model.compile(dk.optimizers.Adam(0.01), loss)
    one_hot = np.eye(2, dtype=np.float32)[y]
    for epoch in range(150):
        data = mixup(X[:60], y[:60], alpha=1.0, classes=2, seed=epoch) if how == "mixup" else (X[:60], one_hot[:60])
        model.fit(*data, epochs=epoch + 1, initial_epoch=epoch, batch_size=20, verbose=0)
    p = model.predict(X)
    losses = -np.log(np.maximum(p[np.arange(560), y], 1e-7))
    return losses[60:].mean() - losses[:60].mean()


@pytest.mark.parametrize("how", ["noise", "mixup", "smoothing"])
def test_more_data_narrows_the_gap(how):
    """The 95 % interval of the mean paired difference over 20 seeds excludes zero."""
    stats = pytest.importorskip("scipy.stats", reason="SciPy is missing")
    narrowed = np.array([gap_of("plain", seed) - gap_of(how, seed) for seed in range(20)])
    low, _ = stats.t.interval(0.95, 19, loc=narrowed.mean(), scale=stats.sem(narrowed))
    assert low > 0
