"""Coefficients equal closed forms, remainders stay below Lagrange's bound and fall at the right rate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from densekit import taylor

NAMES = ["exp", "sin", "cos", "log1p"]
CLOSED = {
    "exp": lambda k: 1 / math.factorial(k),
    "sin": lambda k: (0, 1, 0, -1)[k % 4] / math.factorial(k),
    "cos": lambda k: (1, 0, -1, 0)[k % 4] / math.factorial(k),
    "log1p": lambda k: 0 if k == 0 else (-1) ** (k + 1) / k,
}


@pytest.mark.parametrize("name", NAMES)
def test_coefficients_at_zero(name):
    expected = [CLOSED[name](k) for k in range(13)]
    np.testing.assert_allclose(taylor.coefficients(name, 0.0, 12), expected, rtol=1e-15, atol=1e-18)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("a", [-0.4, 0.0, 1.3])
def test_cauchy_integral_agrees_with_closed_forms(name, a):
    closed, cauchy = taylor.coefficients(name, a, 10), taylor.coefficients(taylor.function(name), a, 10, radius=0.5)
    np.testing.assert_allclose(cauchy, closed, atol=1e-15 * 2**11)


def test_coefficients_of_other_functions():
    c = taylor.coefficients(lambda z: 1 / (1 + np.exp(-z)), 0.0, 5, radius=1.0)
    np.testing.assert_allclose(c, [1 / 2, 1 / 4, 0, -1 / 48, 0, 1 / 480], atol=1e-15)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("a", [-0.3, 0.0, 0.8])
@pytest.mark.parametrize("order", [0, 1, 4, 9])
def test_remainder_is_within_the_bound(name, a, order):
    x = np.linspace(-0.8, 2.5, 67)
    rest, bound = np.abs(taylor.remainder(name, a, order, x)), taylor.lagrange_bound(name, a, order, x)
    size = np.abs(taylor.coefficients(name, a, order)) @ np.abs(x - a) ** np.arange(order + 1)[:, None]
    assert (rest <= bound * (1 + 1e-12) + 4e-16 * (1 + size)).all()


@pytest.mark.parametrize("order", [1, 2, 3])
def test_remainder_falls_with_the_next_power(order):
    h = 0.5 ** np.arange(1, 7)
    rest = np.abs(taylor.remainder("exp", 0.2, order, 0.2 + h))
    assert np.polyfit(np.log(h), np.log(rest), 1)[0] == pytest.approx(order + 1, abs=0.1)


def test_differentiable_is_not_enough():
    """exp(−1/x²) has all derivatives 0 at 0; the series of log1p does not converge beyond 1."""
    assert abs(taylor.remainder("log1p", 0.0, 60, 1.5)) > 1e6
    assert abs(taylor.remainder("log1p", 0.0, 60, 0.5)) < 1e-15


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: taylor.coefficients("sinn"), "did you mean 'sin'"),
        (lambda: taylor.coefficients("log1p", -1.5), "defined above -1"),
        (lambda: taylor.lagrange_bound("log1p", 0.0, 2, [-2.0]), "got x=-2"),
        (lambda: taylor.coefficients(lambda z: 1.0), "take complex arrays"),
        (lambda: taylor.coefficients("exp", 0.0, -1), "order must be a whole number from 0"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()
