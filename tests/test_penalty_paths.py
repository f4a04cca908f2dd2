"""densekit.sweeps: paths beside scikit-learn and closed forms, dropout sweeps; batch norm beside the z-score."""

from __future__ import annotations

import numpy as np
import pytest

import densekit as dk
from densekit import sweeps
from densekit.layers import BatchNorm, Dense, Dropout
from densekit.regularizers import L1, L2, ElasticNet


@pytest.fixture
def regression(rng):
    X = rng.normal(size=(80, 6)) * [1, 2, 1, 0.5, 1, 1] + rng.normal(size=6)
    return X, X @ [3.0, 0, -1, 0, 0.5, 0] + 2 + rng.normal(size=80)


LAMBDAS = [0.01, 0.1, 0.5, 2.0, 5.0]


@pytest.mark.parametrize("kind", ["l1", "l2", "elastic_net"])
def test_paths_are_those_of_scikit_learn(kind, regression):
    linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    X, y = regression
    path = sweeps.penalty_path(X, y, kind, LAMBDAS, l1_ratio=0.7)
    exact = {"tol": 1e-14, "max_iter": 100_000}
    for i, lam in enumerate(LAMBDAS):
        theirs = {
            "l1": lambda lam=lam: linear.Lasso(lam / 2, **exact),
            "l2": lambda lam=lam: linear.Ridge(len(X) * lam / 2, solver="cholesky"),
            "elastic_net": lambda lam=lam: linear.ElasticNet(lam / 2, l1_ratio=0.7, **exact),
        }[kind]().fit(X, y)
        np.testing.assert_allclose(path.coefficients[i], theirs.coef_, atol=1e-6)
        assert path.intercepts[i] == pytest.approx(theirs.intercept_, abs=1e-6)
        assert path.zeros[i] == (theirs.coef_ == 0).sum()


def test_ridge_is_the_closed_form(regression):
    X, y = regression
    path = sweeps.penalty_path(X, y, "l2", [0.3])
    x, t = X - X.mean(axis=0), y - y.mean()
    np.testing.assert_allclose(
        path.coefficients[0], np.linalg.solve(x.T @ x + len(x) * 0.15 * np.eye(6), x.T @ t), atol=1e-8
    )
    assert not path.zeros.any()


def test_lasso_has_exact_zeros_where_its_conditions_say(regression):
    """Karush, Kuhn and Tucker: |gradient| <= lam where the weight is 0, = lam against its sign elsewhere."""
    X, y = regression
    path = sweeps.penalty_path(X, y, "l1", [0.5])
    w = path.coefficients[0]
    gradient = 2 / len(X) * (X - X.mean(axis=0)).T @ (X @ w + path.intercepts[0] - y)
    assert 0 < path.zeros[0] < 6
    np.testing.assert_allclose(gradient[w != 0], -0.5 * np.sign(w[w != 0]), atol=1e-7)
    assert (np.abs(gradient[w == 0]) < 0.5).all()


def test_default_path_begins_where_all_weights_are_zero(regression):
    path = sweeps.penalty_path(*regression)
    assert len(path.lambdas) == 50
    assert path.zeros[0] == 6
    assert path.zeros[1] == 5
    assert path.zeros[-1] <= 1
    assert path.names == ("x0", "x1", "x2", "x3", "x4", "x5")


def test_one_column_is_shrunk_though_nothing_is_selected(rng):
    """The notes say that L1 has no effect on one column: it shrinks it, to zero from lam = 2 |x y| / n on."""
    x = rng.normal(size=(50, 1))
    x -= x.mean()
    y = 2 * x[:, 0]
    gone = 2 * abs(x[:, 0] @ y) / 50
    path = sweeps.penalty_path(x, y, "l1", [0.0, gone / 2, gone * 1.0001])
    np.testing.assert_allclose(path.coefficients[:, 0], [2, 1, 0], atol=1e-8)


def test_the_regularizers_say_the_same(regression):
    """A model that people compile by hand ends at the point of the path."""
    X, y = regression
    x, t = X - X.mean(axis=0), y - y.mean()
    for kind, penalty in (("l1", L1(0.4)), ("l2", L2(0.4)), ("elastic_net", ElasticNet(0.4, 0.5))):
        model = dk.Sequential([Dense(1, kernel_regularizer=penalty)], seed=0, dtype="float64")
        model.compile(dk.optimizers.SGD(0.05), "mse").fit(x, t, batch_size="full", epochs=2000, verbose=0)
        path = sweeps.penalty_path(X, y, kind, [0.4])
        np.testing.assert_allclose(model.layers[0].kernel[:, 0], path.coefficients[0], atol=1e-6)


def test_ridge_trades_variance_for_bias(rng):
    """Refits on fresh noise: the variance of the prediction falls with lam, and its squared bias rises."""
    X, w, at = rng.normal(size=(25, 5)), np.array([2.0, -1, 0.5, 0, 1]), rng.normal(size=5)
    lambdas = [0.01, 0.5, 3.0]
    found = []
    for _ in range(20):
        path = sweeps.penalty_path(X, X @ w + rng.normal(size=25), "l2", lambdas, tol=1e-6)
        found.append(path.coefficients @ at + path.intercepts)
    bias, variance = (np.mean(found, axis=0) - w @ at) ** 2, np.var(found, axis=0)
    assert bias[0] < bias[1] < bias[2]
    assert variance[0] > variance[1] > variance[2]


def test_dropout_sweep():
    X, y = dk.datasets.moons(120, noise=0.2, seed=1)
    X_val, y_val = dk.datasets.moons(200, noise=0.2, seed=2)
    model = dk.Sequential([Dense(32, "relu"), Dropout(0.5), Dense(1, "sigmoid")], seed=0)
    model.compile(dk.optimizers.Adam(0.02), "bce")
    rates = [0.0, 0.3, 1.0]
    found = sweeps.dropout_sweep(model, X, y, (X_val, y_val), rates=rates, epochs=40, seeds=2)
    assert found.train_loss.shape == found.val_loss.shape == (2, 3, 2)
    np.testing.assert_array_equal(found.train_loss[0, 0], found.train_loss[1, 0])  # rate 0: both modes are no dropout
    assert (found.train_loss[:, 1] < 0.35).all()
    # Rate 1 learns nothing but the share of the classes.
    np.testing.assert_allclose(found.val_loss[1, 2], np.log(2), atol=0.01)
    assert found.best in (0.0, 0.3)
    assert not model.step, "the model itself is not trained"
    assert model.layers[1].rate == 0.5
    again = sweeps.dropout_sweep(model, X, y, (X_val, y_val), rates=[0.3], modes=["classic"], epochs=40)
    assert again.val_loss[0, 0, 0] == found.val_loss[1, 1, 0]


def test_batch_norm_without_eps_is_the_z_score(rng, engine):
    X = rng.normal(3, 5, size=(40, 4)) * [1, 10, 0.1, 1]
    model = dk.Sequential([BatchNorm(eps=0.0)], seed=0, dtype="float64", engine=engine)
    np.testing.assert_allclose(model(X, training=True), (X - X.mean(axis=0)) / X.std(axis=0), atol=1e-12)
    # eps bounds 1 / std where a column is nearly constant.
    X[:, 0] = 1 + 1e-9 * rng.normal(size=40)
    bounded = dk.Sequential([BatchNorm(eps=1e-5)], seed=0, dtype="float64", engine=engine)
    assert np.abs(bounded(X, training=True)[:, 0]).max() < 1e-5


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: sweeps.penalty_path([[1.0]], [1.0]), ValueError, r"X is \(1, 1\), expected two rows or more"),
        (lambda: sweeps.penalty_path(np.eye(3), [1.0]), ValueError, r"X has 3 rows but y is \(1,\)"),
        (lambda: sweeps.penalty_path(np.eye(3), np.ones(3), "l3"), ValueError, "kind must be one of"),
        (lambda: sweeps.penalty_path(np.eye(3), np.ones(3), "l1", [-1]), ValueError, r"lambdas must be .* got \[-1\]"),
        (
            lambda: sweeps.penalty_path(np.eye(5)[:, :2] * [1, 1e-4], np.arange(5.0), "l2", [0.0], max_updates=200),
            RuntimeError,
            "the weights still move after 200 updates at L2.*; standardise the columns",
        ),
        (
            lambda: sweeps.dropout_sweep(dk.Sequential([Dense(1)]), [[1.0]], [1.0], ([[1.0]], [1.0])),
            RuntimeError,
            "compile the model first",
        ),
        (
            lambda: sweeps.dropout_sweep(
                dk.Sequential([Dense(1)]).compile("sgd", "mse"), [[1.0]], [1.0], ([[1.0]], [1.0])
            ),
            ValueError,
            "has no Dropout layer",
        ),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
