"""The functions of cpp/simd/math.h are within the bounds stated there, in ulp of the true result, on every level.

`python bench/python/accuracy.py --all` does the same for every float32 there is.
"""

from __future__ import annotations

import math

import accuracy
import numpy as np
import pytest
from accuracy import FUNCTIONS, HAS_LONG_DOUBLE, errors, errors_by_mpmath, kernel

from densekit import _core

BOUND = accuracy.BOUND


def test_every_function_has_a_bound():
    assert set(BOUND) == set(FUNCTIONS)


def assert_within(name, x, measured, bound):
    at = int(measured.argmax())
    assert measured[at] <= bound, (
        f"{name} ({_core.active_level()}) at {x[at]!r}: {measured[at]:.3f} ulp, allowed {bound}"
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float32(level, name):
    x, truth = accuracy.float32_case(name)
    got = kernel(name, x)
    measured = errors(got, truth)
    assert_within(name, x, measured, BOUND[name][0])
    if name == "normal_cdf":
        assert_within("normal_cdf where x > -1", x[x > -1], measured[x > -1], 3)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_float64_by_mpmath(level, name):
    x, values = accuracy.mpmath_case(name)
    measured = errors_by_mpmath(kernel(name, x), values)
    assert_within(name, x, measured, BOUND[name][1])
    if name == "normal_cdf":
        assert_within("normal_cdf where x > -1", x[x > -1], measured[x > -1], 3)


@pytest.mark.skipif(not HAS_LONG_DOUBLE, reason="long double is double here")
@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"erf", "normal_cdf"}))
def test_float64_by_long_double(level, name):
    x, truth = accuracy.float64_case(name)
    assert_within(name, x, errors(kernel(name, x), truth), BOUND[name][1])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_denormal_results_are_kept(level, dtype, name):
    """Where the true result is below the normal numbers, it is not flushed to zero."""
    tiny = float(np.finfo(dtype).smallest_normal)
    x = {
        "exp": math.log(tiny / 8),
        "sigmoid": math.log(tiny / 8),
        "softplus": math.log(tiny / 8),
        "normal_cdf": -13.1 if dtype == np.float32 else -37.7,
    }.get(name, tiny / 8)
    if name == "log":  # its results are never small; its arguments are
        np.testing.assert_allclose(kernel(name, np.array([tiny / 8], dtype))[0], math.log(tiny / 8), rtol=1e-6)
        return
    if name == "cos2pi":  # no argument is as near to a quarter
        assert kernel(name, np.array([tiny / 8], dtype))[0] == 1
        return
    y = kernel(name, np.array([x], dtype))[0]
    assert 0 < y < tiny


# By mpmath 1.4, 25 digits.
@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("exp", 1.0, 2.718281828459045235360287),
        ("expm1", 1e-10, 1.00000000005000000000167e-10),
        ("log", 10.0, 2.302585092994045684017991),
        ("log1p", 1e-10, 9.999999999500000000033333e-11),
        ("tanh", 0.5, 0.4621171572600097585023185),
        ("sigmoid", -2.0, 0.1192029220221175559402709),
        ("softplus", -40.0, 4.248354255291588986304719e-18),
        ("erf", 0.5, 0.5204998778130465376827466),
        ("normal_cdf", -10.0, 7.619853024160526065973343e-24),
        ("sin2pi", 0.1, 0.5877852522924731573861548),
        ("cos2pi", -123.4, -0.8090169943749684173071837),
    ],
)
def test_literal_values(level, name, x, y):
    got = kernel(name, np.array([x]))[0]
    assert abs(got - y) <= (BOUND[name][1] + 0.5) * np.spacing(abs(y))  # and half an ulp for the literal


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_lane_does_not_depend_on_its_neighbours(level, dtype, name):
    """Whole vectors and the rest, and every position in them, have the same bits."""
    x = accuracy.random_points(dtype, 800)[:131]
    whole = kernel(name, x)
    for length in (1, 2, 3, 5, 8, 15, 17, 33):
        for start in (0, 1, 60):
            np.testing.assert_array_equal(kernel(name, x[start : start + length].copy()), whole[start : start + length])


def test_a_planted_error_is_found():
    """Two ulp in one element of a million are seen."""
    x, truth = accuracy.float32_case("exp")
    with np.errstate(all="ignore"):
        got = truth.astype(np.float32)
    assert errors(got, truth).max() <= 0.5001
    at = int(np.flatnonzero((x > 1) & (x < 2))[0])
    got[at] = np.nextafter(np.nextafter(got[at], np.float32(9)), np.float32(9))
    assert errors(got, truth).max() > BOUND["exp"][0]


def test_an_unknown_function_is_refused():
    with pytest.raises(ValueError, match="'gamma'"):
        _core.math("gamma", np.zeros(3), np.zeros(3))
