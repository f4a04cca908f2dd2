"""Likelihoods of extreme data and parameters: where a density is 0 its logarithm is -infinity, not NaN."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import stats

import densekit.functional as F
import densekit.reference as R
from densekit import likelihood

FAR = [0.0, 1e-310, 1.0, 1e154, 1e300, 1e308, np.finfo(float).max, np.inf]
SPREADS = [x for x in FAR if x > 0]
GAUSSIAN_DATA = [
    *([x] for x in FAR),
    [0.5, 0.7],
    [1e160, -1e160],
    [1e308, 1e308],
    [1e308, -1e308, 3.0],
    [np.inf, 1.0],
    [-np.inf, np.inf],
    [5e-324, 0.0],
    [3.0] * 5000,
]


def exact(distribution, data, **parameters):
    """The log-likelihood with mpmath, for finite data and parameters."""
    with mpmath.workdps(40):
        p = {name: mpmath.mpf(value) for name, value in parameters.items()}
        total = mpmath.mpf(0)
        for x in map(mpmath.mpf, data):
            if distribution == "gaussian":
                total -= ((x - p["mean"]) / p["std"]) ** 2 / 2 + mpmath.log(p["std"]) + mpmath.log(2 * mpmath.pi) / 2
            elif distribution == "laplace":
                total -= abs(x - p["mean"]) / p["scale"] + mpmath.log(2 * p["scale"])
            elif distribution == "exponential":
                total += mpmath.log(p["rate"]) - p["rate"] * x
        return -np.inf if total < -mpmath.mpf(np.finfo(float).max) else float(total)


@pytest.mark.parametrize("distribution", ["gaussian", "laplace"])
@pytest.mark.parametrize("module", [F, R], ids=["functional", "reference"])
def test_locations_and_spreads_at_extremes(distribution, module, level):
    spread = {"gaussian": "std", "laplace": "scale"}[distribution]
    for data in GAUSSIAN_DATA:
        x = np.array(data)
        for mean in (*FAR, *(-m for m in FAR)):
            for width in SPREADS:
                got = float(module.log_likelihood(distribution, x, **{"mean": mean, spread: width}))
                finite = np.isfinite([*data, mean, width]).all()
                # Infinitely wide, the density is 0; infinity minus infinity, or by infinity, has no value.
                with np.errstate(over="ignore", invalid="ignore"):
                    if np.isfinite(data).all() and np.isfinite(mean) and np.isinf(x - mean).any():
                        continue  # a distance that float64 does not have
                wide = np.isinf(width)
                undefined = (np.isinf(mean) and (wide or (x == mean).any())) or (wide and np.isinf(x).any())
                where = f"{data[:3]}, {mean}, {width}"
                if undefined:
                    continue
                assert not np.isnan(got), where
                with np.errstate(over="ignore"):
                    product = np.exp(np.float64(got))
                assert product == pytest.approx(
                    float(module.likelihood(distribution, x, **{"mean": mean, spread: width})), rel=1e-12
                ), where
                if not finite:
                    assert got == -np.inf, where
                elif len(data) < 10:
                    expected = exact(distribution, data, **{"mean": mean, spread: width})
                    if expected < -1e300 and got == -np.inf:
                        continue  # the square overflows, half of it would not
                    assert got == pytest.approx(expected, rel=1e-9, abs=1e-9), where


@pytest.mark.parametrize("module", [F, R], ids=["functional", "reference"])
def test_rates_at_extremes(module, level):
    for rate in SPREADS:
        for data in ([0.0], [1.0], [0.0, 2.0], [5e-324], [1e308], [np.inf], [1e308, 1e308], []):
            got = float(module.log_likelihood("exponential", data, rate=rate))
            assert not np.isnan(got)
            if np.isfinite(rate) and np.isfinite(data).all():
                assert got == pytest.approx(exact("exponential", data, rate=rate), rel=1e-9), (rate, data)
            elif data:
                assert got == (np.inf if rate == np.inf and not np.any(data) else -np.inf), (rate, data)
    for rate in FAR:
        for data in ([0], [1], [0, 5], [10**6], []):
            got = float(module.log_likelihood("poisson", data, rate=rate))
            if rate == 0:
                assert got == (-np.inf if np.any(data) else 0)
            elif rate == np.inf:
                assert got == (-np.inf if data else 0)
            else:
                with np.errstate(over="ignore"):
                    expected = stats.poisson.logpmf(data, rate).sum()
                assert got == pytest.approx(expected, rel=1e-9), (rate, data)
    for p in (0.0, 5e-324, 1e-310, 1 - 2**-53, 1.0):
        for data in ([0], [1], [0, 1]):
            got = float(module.log_likelihood("bernoulli", data, p=p))
            with np.errstate(divide="ignore"):
                expected = sum(np.log(p) if d else np.log1p(-p) for d in data)
            assert not np.isnan(got)
            assert got == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-320, 1e-308, 1e-200, 1.0, 1e160, 1e200, 1e307])
def test_estimates_of_the_largest_and_smallest_data(scale):
    shape = np.array([1.0, 4.0, -2.0, 9.0, 3.0])
    data = shape * scale
    with mpmath.workdps(50):
        exactly = [mpmath.mpf(x) for x in data]
        mean = mpmath.fsum(exactly) / 5
        std = mpmath.sqrt(mpmath.fsum((x - mean) ** 2 for x in exactly) / 5)
        spread = mpmath.fsum(abs(x - mpmath.mpf(3.0 * scale)) for x in exactly) / 5
    smallest = 5e-324
    found = likelihood.mle("gaussian", data)
    assert found["mean"] == pytest.approx(float(mean), rel=1e-14, abs=smallest)
    assert found["std"] == pytest.approx(float(std), rel=1e-14, abs=smallest)
    found = likelihood.mle("laplace", data)
    assert found["mean"] == 3.0 * scale
    assert found["scale"] == pytest.approx(float(spread), rel=1e-14, abs=smallest)
    if scale > 1e-300:
        rate = likelihood.mle("exponential", abs(data))["rate"]
        assert rate * scale == pytest.approx(5 / 19, rel=1e-14)
    else:
        with pytest.raises(ValueError, match="larger than the largest number"):
            likelihood.mle("exponential", abs(data) * 1e-10 if scale > 1e-315 else abs(data))


def test_a_surface_of_zeros_has_no_best_point():
    found = likelihood.surface("bernoulli", [0, 1], {"p": [0.0, 1.0]})
    for call in (lambda: found.best, lambda: found.relative):
        with pytest.raises(ValueError, match="the largest log-likelihood of the grid is -inf, so no point is the best"):
            call()
