"""densekit.likelihood and densekit.info: closed forms, surfaces, and the losses that they are."""

from __future__ import annotations

import numpy as np
import pytest

import densekit as dk
from densekit import functional as F
from densekit import info, likelihood
from densekit.likelihood import log_likelihood, mle, surface

SAMPLES = {
    "gaussian": lambda rng: rng.normal(3, 2, 41),
    "laplace": lambda rng: rng.laplace(-1, 0.5, 41),
    "bernoulli": lambda rng: rng.integers(0, 2, 41),
    "categorical": lambda rng: rng.integers(0, 4, 41),
    "poisson": lambda rng: rng.poisson(3.3, 41),
    "exponential": lambda rng: rng.exponential(0.4, 41),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_no_parameters_nearby_are_likelier(name, rng):
    data = SAMPLES[name](rng)
    best = mle(name, data)
    assert tuple(best) == likelihood.DISTRIBUTIONS[name]
    top = log_likelihood(name, data, **best)
    for parameter, value in best.items():
        for factor in (0.99, 1.01):
            moved = np.asarray(value) * factor
            if name == "categorical":
                moved = np.asarray(value).copy()
                moved[0] += (factor - 1) / 10
                moved[1] -= (factor - 1) / 10
            assert log_likelihood(name, data, **(best | {parameter: moved})) < top


def test_closed_forms(rng):
    x = SAMPLES["gaussian"](rng)
    assert mle("gaussian", x)["std"] == pytest.approx(x.std(ddof=0), rel=1e-14)
    assert mle("laplace", [1, 2, 10, 4]) == {"mean": 3.0, "scale": 2.75}
    assert mle("bernoulli", [1, 0, 1, 1]) == {"p": 0.75}
    assert mle("poisson", [2, 3]) == {"rate": 2.5}
    assert mle("exponential", [0.25, 0.75]) == {"rate": 2.0}
    np.testing.assert_array_equal(mle("categorical", [0, 2, 2, 0], classes=4)["p"], [0.5, 0, 0.5, 0])


def test_closed_forms_are_those_of_scipy(rng):
    stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")
    x = SAMPLES["gaussian"](rng)
    np.testing.assert_allclose(list(mle("gaussian", x).values()), stats.norm.fit(x), rtol=1e-12)
    x = SAMPLES["laplace"](rng)
    np.testing.assert_allclose(list(mle("laplace", x).values()), stats.laplace.fit(x), rtol=1e-12)
    x = SAMPLES["exponential"](rng)
    assert 1 / mle("exponential", x)["rate"] == pytest.approx(stats.expon.fit(x, floc=0)[1], rel=1e-12)


@pytest.mark.parametrize(
    ("name", "grids"),
    [
        ("gaussian", {"mean": np.linspace(2, 4, 81), "std": np.linspace(1, 3, 61)}),
        ("laplace", {"mean": np.linspace(-2, 0, 81), "scale": np.linspace(0.2, 1, 61)}),
        ("bernoulli", {"p": np.linspace(0, 1, 101)}),
        ("poisson", {"rate": np.linspace(1, 6, 101)}),
        ("exponential", {"rate": np.linspace(0.5, 5, 101)}),
    ],
)
def test_top_of_the_surface_is_the_estimate(name, grids, rng):
    data = SAMPLES[name](rng)
    found, best = surface(name, data, grids), mle(name, data)
    assert found.log_likelihood.shape == tuple(len(g) for g in grids.values())
    for parameter, grid in grids.items():
        assert abs(found.best[parameter] - best[parameter]) <= 1.01 * (grid[1] - grid[0]) / (
            2 if len(grids) == 1 else 1
        )
    assert found.log_likelihood.max() <= log_likelihood(name, data, **best)
    assert found.relative.max() == 1
    corner = {parameter: grid[3] for parameter, grid in grids.items()}
    assert found.log_likelihood[(3,) * len(grids)] == pytest.approx(log_likelihood(name, data, **corner), rel=1e-13)


# Losses are negative log-likelihoods, but for constants. Each row has a prediction of its own.


def each_row(name, y, **parameters):
    rows = [log_likelihood(name, y[i : i + 1], **{k: v[i] for k, v in parameters.items()}) for i in range(len(y))]
    return np.sum(rows)


@pytest.mark.parametrize("std", [1.0, 0.3])
def test_mse_is_gaussian(std, rng):
    y, pred = rng.normal(size=(2, 30))
    constant = 30 * np.log(std * np.sqrt(2 * np.pi))
    from_loss = -30 * F.mse(pred, y)[0] / (2 * std**2) - constant
    assert each_row("gaussian", y, mean=pred, std=np.full(30, std)) == pytest.approx(from_loss, rel=1e-12)


@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_mae_is_laplace(scale, rng):
    y, pred = rng.normal(size=(2, 30))
    from_loss = -30 * F.mae(pred, y)[0] / scale - 30 * np.log(2 * scale)
    assert each_row("laplace", y, mean=pred, scale=np.full(30, scale)) == pytest.approx(from_loss, rel=1e-12)


def test_binary_cross_entropy_is_bernoulli(rng):
    y, p = rng.integers(0, 2, 30).astype(float), rng.uniform(0.01, 0.99, 30)
    loss = F.binary_cross_entropy(p, y, from_logits=False)[0]
    assert each_row("bernoulli", y, p=p) == pytest.approx(-30 * loss, rel=1e-12)


def test_categorical_cross_entropy_is_categorical(rng):
    y, logits = rng.integers(0, 4, 30), rng.normal(size=(30, 4))
    loss = F.softmax_cross_entropy(logits, y)[0]
    assert each_row("categorical", y, p=F.softmax(logits)) == pytest.approx(-30 * loss, rel=1e-12)


def test_poisson_nll_is_poisson(rng):
    y, rate = rng.poisson(2, 30).astype(float), rng.uniform(0.5, 4, 30)
    loss = F.poisson_nll(rate, y, log_input=False)[0]
    factorials = sum(log_likelihood("poisson", [k], rate=1.0) + 1 for k in y)  # −log y!
    assert each_row("poisson", y, rate=rate) == pytest.approx(-30 * loss + factorials, rel=1e-12)


def test_mean_of_the_least_squares_fit_is_the_estimate(rng):
    """A network of one bias ends at mle's mean with the squared error, and at its median with the absolute one."""
    y = rng.normal(3, 1, 31)
    for loss, name in (("mse", "gaussian"), ("mae", "laplace")):
        model = dk.Sequential([dk.layers.Dense(1, kernel_initializer="zeros")], seed=0, dtype="float64")
        model.compile(dk.optimizers.SGD(dk.schedules.Exponential(0.3, gamma=0.99)), loss)
        model.fit(np.zeros((31, 1)), y, batch_size="full", epochs=800, verbose=0)
        assert model([[0.0]])[0, 0] == pytest.approx(mle(name, y)["mean"], abs=2e-3)


@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_is_a_network_without_hidden_layers(classes, rng):
    linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    X = rng.normal(size=(120, 4))
    y = (X @ rng.normal(size=(4, classes)) + rng.gumbel(size=(120, classes))).argmax(axis=1)
    theirs = linear.LogisticRegression(C=0.5, tol=1e-10, max_iter=10_000).fit(X, y)
    last, loss = ((1, "sigmoid"), "bce") if classes == 2 else ((classes, "softmax"), "sparse_categorical_crossentropy")
    model = dk.Sequential([dk.layers.Dense(*last)], seed=0, dtype="float64")
    # C sum(loss) + |w|^2 / 2 is mean(loss) + lam |w|^2 / 2 with lam = 1 / (C n).
    model.compile(dk.optimizers.LBFGS(1000, tol=1e-9, ftol=0.0), loss, regularizer=dk.regularizers.L2(1 / (0.5 * 120)))
    model.fit(X, y, batch_size="full", epochs=1000, verbose=0)
    p = theirs.predict_proba(X)
    np.testing.assert_allclose(model.predict(X), p[:, 1:] if classes == 2 else p, atol=1e-6)


def test_a_head_of_two_gives_mean_and_std(rng):
    """The Gaussian likelihood with a log-variance of each row finds that half of the inputs are ten times as noisy."""
    X = rng.integers(0, 2, 4000).astype(float).reshape(-1, 1)
    y = 1 + 2 * X[:, 0] + np.where(X[:, 0] == 1, 1.0, 0.1) * rng.normal(size=4000)
    model = dk.Sequential([dk.layers.Dense(2)], seed=0, dtype="float64").compile(
        dk.optimizers.Adam(0.05), "gaussian_nll"
    )
    model.fit(X, y, batch_size="full", epochs=600, verbose=0)
    out = model.predict([[0.0], [1.0]])
    for k in (0, 1):
        best = mle("gaussian", y[X[:, 0] == k])
        assert out[k, 0] == pytest.approx(best["mean"], abs=0.01)
        assert np.exp(out[k, 1] / 2) == pytest.approx(best["std"], rel=0.02)


# Information.


def test_the_box_of_999_black_balls_and_a_white_one():
    box = info.frequencies(["black"] * 999 + ["white"])
    np.testing.assert_allclose(info.surprisal(box, base=2), [0.0014434, 9.9657843], rtol=1e-4)
    assert info.entropy(box, base=2) == pytest.approx(0.011407757, rel=1e-7)
    assert info.perplexity(box) == pytest.approx(np.exp(info.entropy(box)), rel=1e-12)


def test_cross_entropy_is_entropy_and_divergence(rng):
    p, q = rng.dirichlet(np.ones(5), 2)
    assert info.cross_entropy(p, q) == pytest.approx(info.entropy(p) + info.kl(p, q), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mle("gausian", [1.0]), ValueError, r"got 'gausian' \(did you mean 'gaussian'\?\)"),
        (lambda: mle("gaussian", []), ValueError, r"data are \(0,\): there are none"),
        (lambda: mle("gaussian", [1.0, np.nan]), ValueError, r"data\[1\] is nan"),
        (lambda: mle("gaussian", [2.0, 2.0]), ValueError, "all data are 2; the narrower, the likelier"),
        (lambda: mle("exponential", [0.0, 0.0]), ValueError, "all data are 0"),
        (lambda: mle("bernoulli", [0, 2]), ValueError, "data"),
        (lambda: mle("poisson", [1, 2], classes=3), TypeError, "classes belongs to categorical, not to poisson"),
        (lambda: mle("categorical", [0, 4], classes=3), ValueError, "classes must be a whole number from 5"),
        (lambda: surface("gaussian", [1.0], {"mean": [0.0]}), TypeError, "gaussian needs a grid for std, too"),
        (lambda: surface("gaussian", [1.0], {"mu": [0.0]}), ValueError, "one of 'mean', 'std', got 'mu'"),
        (lambda: surface("bernoulli", [1], {"p": 0.5}), ValueError, r"the grid of p is \(\), expected \(points,\)"),
        (lambda: surface("categorical", [1], {"p": [0.5]}), ValueError, "got 'categorical'"),
        (lambda: info.frequencies([]), ValueError, "there are none"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
