"""L-BFGS: minima that are known, stopping, and what is said when something is wrong."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from densekit._lbfgs import minimise
from densekit.optimizers import LBFGS

pytest.importorskip("scipy", reason="SciPy is not installed")


def rosenbrock(t):
    a, b = t[:-1], t[1:]
    gradient = np.zeros_like(t)
    gradient[:-1] = -400 * a * (b - a**2) - 2 * (1 - a)
    gradient[1:] += 200 * (b - a**2)
    return float((100 * (b - a**2) ** 2 + (1 - a) ** 2).sum()), gradient


def test_finds_a_minimum():
    start = np.zeros(6)
    found = minimise(rosenbrock, start, LBFGS(1000, tol=1e-9, ftol=0.0))
    np.testing.assert_allclose(found.theta, 1, atol=1e-6)
    assert found.converged
    assert found.objective < 1e-12
    assert found.evaluations >= found.iterations > 5
    assert not start.any()


def test_callback_sees_every_iteration_and_may_stop():
    seen = []

    def watch(iteration, theta, objective):
        seen.append((iteration, objective))
        assert rosenbrock(theta)[0] == objective
        theta[...] = 0  # a copy
        return iteration == 3

    found = minimise(rosenbrock, np.zeros(4), callback=watch)
    assert [i for i, _ in seen] == [0, 1, 2, 3]
    assert not found.converged
    assert found.objective == seen[-1][1]
    objectives = [v for _, v in seen]
    assert objectives == sorted(objectives, reverse=True)


def test_settings_are_kept():
    assert minimise(rosenbrock, np.zeros(4), LBFGS(2)).iterations == 2
    assert minimise(rosenbrock, np.zeros(4), LBFGS(maxfun=5)).evaluations <= 25  # SciPy looks after a line search
    assert not minimise(rosenbrock, np.zeros(4), LBFGS(2)).converged


def test_float32_gradients():
    def function(theta):
        t = theta.astype(np.float32)
        return float(((t - 2) ** 2).sum()), 2 * (t - 2)

    np.testing.assert_allclose(minimise(function, np.zeros(3, np.float32)).theta, 2, atol=1e-4)


@pytest.mark.parametrize(
    ("function", "start", "error", "message"),
    [
        (lambda t: (float("nan"), t), np.zeros(2), ArithmeticError, "the objective at the beginning is nan"),
        (lambda t: (0.0, t[:1]), np.zeros(2), ValueError, r"theta is \(2,\) but its gradient is \(1,\)"),
        (lambda t: (0.0, t), np.zeros((2, 2)), ValueError, r"theta is \(2, 2\)"),
    ],
)
def test_refusals(function, start, error, message):
    with pytest.raises(error, match=message):
        minimise(function, start)


def test_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(ImportError, match="pip install scipy"):
        minimise(rosenbrock, np.zeros(2))
