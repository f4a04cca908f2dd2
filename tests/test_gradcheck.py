"""gradcheck tells right gradients from wrong ones; stationary points are named; eigenvalues are NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

import densekit as dk
from densekit.diagnostics import extreme_eigenvalues, gradcheck, stationary_point
from densekit.layers import BatchNorm, Dense, Dropout


def smooth(w):
    return np.sin(w).sum() + (w**3).prod(), np.cos(w) + 3 * (w**3).prod() / w


def smooth_hvp(w, v):
    p = (w**3).prod()
    hessian = 9 * p / np.outer(w, w) - np.diag(3 * p / w**2) - np.diag(np.sin(w))
    return hessian @ v


def model(*layers, loss="mse", seed=0, **options):
    return dk.Sequential(layers, seed=seed).compile("adam", loss, **options)


METHODS = ["taylor", "central", "complex"]


@pytest.mark.parametrize("method", METHODS)
def test_right_gradient_passes(method):
    assert gradcheck(smooth, np.array([0.7, 1.1, -0.4]), method=method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [2.0, 0.5, -1.0, 1.001])
def test_wrong_factor_fails(method, factor):
    found = gradcheck(lambda w: (smooth(w)[0], factor * smooth(w)[1]), np.array([0.7, 1.1, -0.4]), method=method)
    assert not found
    assert "FAILED" in str(found)


@pytest.mark.parametrize("method", METHODS)
def test_one_wrong_element_fails_and_is_named(method):
    def wrong(w):
        value, g = smooth(w.reshape(-1))
        g = g.reshape(w.shape)
        g[1, 0] *= 2
        return value, g

    found = gradcheck(wrong, np.array([[0.7], [1.1], [-0.4]]), method=method)
    assert not found
    if method != "taylor":
        assert found.worst == "w[1, 0]"
        assert found.error == pytest.approx(0.5, abs=1e-4)


def test_slopes_are_those_of_the_expansion():
    found = gradcheck(smooth, np.array([0.7, 1.1, -0.4]), hvp=smooth_hvp, directions=5)
    np.testing.assert_allclose(found.slopes, np.tile([1.0, 2.0, 3.0], (5, 1)), atol=0.05)
    assert np.allclose(found.h[:-1] / found.h[1:], 2)
    wrong = gradcheck(lambda w: (smooth(w)[0], 2 * smooth(w)[1]), np.array([0.7, 1.1, -0.4]))
    np.testing.assert_allclose(wrong.slopes[:, 1], 1, atol=0.05)


def test_wrong_hessian_fails_while_the_gradient_is_right():
    found = gradcheck(smooth, np.array([0.7, 1.1, -0.4]), hvp=lambda w, v: 2 * smooth_hvp(w, v))
    assert not found
    assert "R2 falls with slope 2.0" in found.message
    assert gradcheck(smooth, np.array([0.7, 1.1, -0.4]), hvp="central")


def test_linear_functions_have_no_remainder():
    a = np.array([1.0, -2.0, 3.0])
    found = gradcheck(lambda w: (float(a @ w), a), np.ones(3))
    assert found
    assert np.isnan(found.slopes[:, 1]).all()
    assert "R1 at rounding" in found.message
    assert not gradcheck(lambda w: (float(a @ w), 2 * a), np.ones(3))


def test_float32():
    w = np.array([0.7, 1.1, -0.4], np.float32)
    for method in METHODS:
        assert gradcheck(lambda w: (np.sin(w).sum(), np.cos(w)), w, method=method), method
        assert not gradcheck(lambda w: (np.sin(w).sum(), 2 * np.cos(w)), w, method=method), method


ACTIVATIONS = ["sigmoid", "tanh", "gelu", "silu", "mish", "softplus", "elu"]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_models(activation, rng):
    X, y = rng.normal(size=(24, 4)), rng.normal(size=24)
    layers = Dense(7, activation, kernel_regularizer="l2"), BatchNorm(), Dropout(0.3), Dense(5, activation), Dense(1)
    net = model(*layers)
    before = net.get_weights() if net.built else None
    assert gradcheck(net, X, y)
    assert gradcheck(net, X, y, training=False)
    central = gradcheck(net, X, y, method="central")
    assert central
    assert central.evaluations == 2 * len(central.coordinates) == 2 * net.n_parameters
    assert before is None
    assert net.step == 0


def test_model_with_a_planted_bug_fails(rng):
    class Wrong(dk.layers.Layer):
        def forward(self, x, parameters, training):
            return x**2, x

        def backward(self, dy, saved, parameters, gradients):
            return dy * saved  # twice that is right

    X, y = rng.normal(size=(16, 3)), rng.normal(size=16)
    net = model(Dense(4, "tanh"), Wrong(), Dense(1))
    found = gradcheck(net, X, y)
    assert not found
    central = gradcheck(net, X, y, method="central")
    assert central.worst.startswith("dense.")


def test_the_cost_of_finite_differences_grows_with_the_weights(rng):
    X, y = rng.normal(size=(8, 3)), rng.normal(size=8)
    costs = {}
    for units in (4, 16):
        net = model(Dense(units, "tanh"), Dense(1))
        costs[units] = [gradcheck(net, X, y, method=m).evaluations for m in ("central", "taylor")]
    assert costs[16][0] > 3 * costs[4][0]
    assert costs[16][1] == costs[4][1]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gradcheck(lambda w: (1, w)), TypeError, r"gradcheck\(fn, w\)"),
        (lambda: gradcheck(lambda w: 1.0, np.ones(2)), TypeError, r"must return \(value, gradient\)"),
        (lambda: gradcheck(lambda w: (1.0, w[:1]), np.ones(2)), ValueError, r"w is \(2,\) but its gradient is \(1,\)"),
        (lambda: gradcheck(smooth, np.ones(2), method="tailor"), ValueError, "did you mean 'taylor'"),
        (lambda: gradcheck(lambda w: (np.nan, w), np.ones(2)), ArithmeticError, "the value is nan"),
        (lambda: gradcheck(3, np.ones(2)), TypeError, "got 3"),
        (lambda: gradcheck(lambda w: (abs(w).sum(), w), np.ones(2), method="complex"), TypeError, "real numbers"),
        (lambda: gradcheck(model(Dense(1)), [[1.0]], [1.0], method="complex"), TypeError, "takes real numbers only"),
        (lambda: gradcheck(model(Dense(1))), TypeError, r"gradcheck\(model, X, y\)"),
        (lambda: gradcheck(model(Dense(1), regularizer="l1"), [[1.0]], [1.0]), ValueError, "mode='subgradient'"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()


# Stationary points.


def quadratic(*curvatures):
    c = np.array(curvatures)
    return lambda w: (float((c * w**2).sum() / 2), c * w)


@pytest.mark.parametrize(
    ("curvatures", "at", "verdict", "flat"),
    [
        ((2.0, -2.0), 0.0, "saddle", False),  # x² − y²
        ((2.0, 3.0), 0.0, "minimum", False),
        ((-2.0, -3.0), 0.0, "maximum", False),
        ((2.0, 0.0), 0.0, "minimum", True),
        ((-2.0, 0.0), 0.0, "maximum", True),
        ((0.0, 0.0), 0.0, "flat", False),
        ((2.0, -2.0), 1.0, "not stationary", False),
    ],
)
def test_verdicts(curvatures, at, verdict, flat):
    found = stationary_point(quadratic(*curvatures), np.full(2, at))
    assert (found.verdict, found.flat_directions) == (verdict, flat)
    np.testing.assert_allclose([found.smallest, found.largest], sorted(curvatures), atol=1e-7)
    assert verdict in str(found)


def test_a_network_of_zeros_is_at_a_saddle_and_trained_at_a_minimum(rng):
    X = rng.normal(size=(64, 2))
    y = np.tanh(X @ [1.0, -0.5])
    zeros = model(Dense(3, "tanh", kernel_initializer="zeros", use_bias=False), Dense(1, kernel_initializer="zeros"))
    zeros.build(2).layers[-1].bias = y.mean()
    assert stationary_point(zeros, X, y).verdict == "saddle"
    net = dk.Sequential([Dense(1, "tanh", use_bias=False)], seed=0).compile("adam", "mse")
    assert stationary_point(net, X, y).verdict == "not stationary"
    net.fit(X, y, batch_size="full", epochs=3000, verbose=0)
    found = stationary_point(net, X, y)
    assert found.verdict == "minimum"
    assert not found.flat_directions


@pytest.mark.parametrize("size", [1, 2, 30, 150])
def test_lanczos_agrees_with_numpy(size, rng):
    a = rng.normal(size=(size, size))
    a += a.T
    low, high, low_error, high_error, steps = extreme_eigenvalues(lambda v: a @ v, size, 150)
    expected = np.linalg.eigvalsh(a)
    np.testing.assert_allclose([low, high], [expected[0], expected[-1]], rtol=1e-7)
    assert abs(low - expected[0]) <= low_error + 1e-10 * size
    assert abs(high - expected[-1]) <= high_error + 1e-10 * size
    assert steps <= size


def test_repeated_eigenvalues_and_few_steps(rng):
    c = np.array([5.0] * 40 + [-1.0] * 2)
    low, high, *_ = extreme_eigenvalues(lambda v: c * v, 42)
    np.testing.assert_allclose([low, high], [-1, 5], rtol=1e-9)
    c = rng.uniform(1, 2, 500)
    low, high, low_error, high_error, steps = extreme_eigenvalues(lambda v: c * v, 500, steps=8)
    assert steps == 8
    assert abs(low - c.min()) <= low_error
    assert abs(high - c.max()) <= high_error


def test_hessian_of_a_model_is_that_of_gradients(rng):
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20)
    net = dk.Sequential([Dense(2, "tanh"), Dense(1)], seed=0, dtype="float64").compile("sgd", "mse")
    found = stationary_point(net, X, y, training=True)
    theta, h = net.trainable_parameters(), 1e-5
    rows = [
        (net.evaluate_objective(theta + h * e, X, y)[1] - net.evaluate_objective(theta - h * e, X, y)[1]) / (2 * h)
        for e in np.eye(len(theta))
    ]
    expected = np.linalg.eigvalsh((np.array(rows) + np.array(rows).T) / 2)
    np.testing.assert_allclose([found.smallest, found.largest], expected[[0, -1]], rtol=1e-6, atol=1e-8)
