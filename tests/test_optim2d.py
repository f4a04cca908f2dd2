"""Surfaces have the gradients and minima that they claim; optimizers get there; restarts help as computed."""

from __future__ import annotations

import numpy as np
import pytest

import densekit as dk
from densekit import functional as F
from densekit import optim2d
from densekit.diagnostics import gradcheck, restarts, stationary_point
from densekit.layers import Dense


@pytest.mark.parametrize("name", optim2d.SURFACES)
def test_gradients_and_minima(name, rng):
    surface = optim2d.SURFACES[name]
    for w in rng.uniform(surface.low, surface.high, (5, 2)):
        assert gradcheck(surface.at, w), w
        assert gradcheck(surface.at, w, method="central"), w
    for w in surface.minima:
        found = stationary_point(surface.at, w)
        assert found.verdict == "minimum"
        assert found.value == pytest.approx(0, abs=1e-12)
    grid = np.linspace(surface.low, surface.high, 41)
    x, y = np.meshgrid(grid, grid)
    if len(surface.minima):
        assert surface.value(x, y).min() >= 0
    assert surface.value(x, y).shape == surface.gradient(x, y)[0].shape == x.shape


def test_stationary_points_of_the_surfaces():
    assert stationary_point(optim2d.SURFACES["saddle"].at, np.zeros(2)).verdict == "saddle"
    found = stationary_point(optim2d.SURFACES["saddle"].at, np.zeros(2))
    np.testing.assert_allclose([found.smallest, found.largest], [-2, 2], atol=1e-7)
    # Himmelblau's only maximum, and Rastrigin's local minimum beside the global one.
    top = np.array([-0.270844590667158, -0.923038522185123])
    assert stationary_point(optim2d.SURFACES["himmelblau"].at, top).verdict == "maximum"
    local = np.array([0.994958637, 0.0])
    found = stationary_point(optim2d.SURFACES["rastrigin"].at, local)
    assert found.verdict == "minimum"
    assert found.value == pytest.approx(0.99496, abs=1e-4)
    assert stationary_point(optim2d.SURFACES["rosenbrock"].at, np.zeros(2)).verdict == "not stationary"


@pytest.mark.parametrize("optimizer", optim2d.OPTIMIZERS)
def test_every_optimizer_descends(optimizer):
    path = optim2d.trajectory("himmelblau", optimizer, start=(0.5, 0.5), steps=500)
    assert path.points.shape == (501, 2)
    assert path.values[-1] < path.values[0]
    np.testing.assert_allclose(path.values, path.surface.value(*path.points.T))
    if optimizer not in ("adadelta",):  # which begins with tiny steps
        assert path.reached
    assert path.path_length >= path.displacement > 0


def test_paths_are_those_of_the_functional_updates():
    path = optim2d.trajectory("beale", "adam", start=(1.0, 1.0), steps=5, lr=0.1, beta1=0.8)
    w, m, v = np.array([1.0, 1.0]), np.zeros(2), np.zeros(2)
    for step in range(1, 6):
        F.adam(w, optim2d.SURFACES["beale"].at(w)[1], m, v, step=step, lr=0.1, beta1=0.8)
        np.testing.assert_array_equal(path.points[step], w)


def test_gradient_descent_stays_on_the_ridge_of_a_saddle_and_leaves_it_beside():
    on = optim2d.trajectory("saddle", "sgd", start=(1.0, 0.0), steps=200, lr=0.05)
    assert np.abs(on.points[-1]).max() < 1e-6
    beside = optim2d.trajectory("saddle", "sgd", start=(1.0, 1e-6), steps=200, lr=0.05)
    assert abs(beside.points[-1][1]) > 1


def test_a_path_that_leaves_ends_early():
    path = optim2d.trajectory("rosenbrock", "sgd", lr=1.0, steps=50)
    assert len(path.points) < 51
    assert np.isfinite(path.points).all()
    assert not path.reached


def test_restarts_on_rastrigin_follow_the_formula():
    found = optim2d.restart_rates("rastrigin", "adam", most=8, trials=8000, steps=150, lr=0.05)
    assert 0.005 < found.share < 0.2
    np.testing.assert_allclose(found.expected, 1 - (1 - found.share) ** np.arange(1, 9), rtol=1e-12)
    n = np.arange(1, 9)
    deviation = np.sqrt(found.expected * (1 - found.expected) / (8000 // n))
    assert (np.abs(found.rates - found.expected) < 4 * deviation).all()
    assert found.rates[-1] > 3 * found.rates[0]
    # All at once or one by one: the same ends.
    one = optim2d.trajectory("rastrigin", "adam", start=found.starts[7], steps=150, lr=0.05)
    np.testing.assert_allclose(one.points[-1], found.ends[7], rtol=1e-12, atol=1e-14)


def test_restarts_of_models(rng):
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    y = np.array([0.0, 1.0, 1.0, 0.0])

    def make(seed):
        layers = [Dense(2, "tanh"), Dense(1, "sigmoid")]
        return dk.Sequential(layers, seed=seed).compile(dk.optimizers.Adam(0.1), "binary_crossentropy")

    found = restarts(make, 6, X, y, epochs=150, batch_size="full")
    assert found.values.shape == (6,)
    assert found.seed == found.values.argmin()
    assert found.best.seed == found.seed
    assert found.best.evaluate(X, y)["loss"] == pytest.approx(found.values.min())
    worst = restarts(make, 2, X, y, epochs=2, metric="loss", seed=5)
    assert worst.seed in (5, 6)

    def wild(seed):
        return dk.Sequential([Dense(1)], seed=seed).compile(dk.optimizers.SGD(1e30), "mse")

    with pytest.raises(ArithmeticError, match="all 2 starts diverged"):
        restarts(wild, 2, X, y, epochs=5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: optim2d.trajectory("rosenbrok"), "did you mean 'rosenbrock'"),
        (lambda: optim2d.trajectory("beale", "adamm"), "did you mean 'adam'"),
        (lambda: optim2d.trajectory("beale", start=(1.0,)), "two finite numbers"),
        (lambda: optim2d.trajectory("beale", "sgd", momentum=0.9), "option must be one of"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("optimizer", "options"),
    [("rmsprop", {"centered": True}), ("rmsprop", {"centered": True, "momentum": 0.5}), ("adam", {"amsgrad": True})],
)
def test_options_bring_their_states(optimizer, options):
    plain, other = (optim2d.trajectory("beale", optimizer, steps=50, **o) for o in ({}, options))
    assert (plain.points[-1] != other.points[-1]).any()
    assert np.isfinite(other.points).all()
