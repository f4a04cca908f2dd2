"""Gaussian noise: literals, distribution, any cut into pieces, any number of threads."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import stats

import densekit.functional as F
from densekit import _core, reference

BOTH = pytest.mark.parametrize("module", [F, reference], ids=["functional", "reference"])


@BOTH
def test_literal(module, level, dtype):
    """From Random123's first known answer, words 6627e8d5 e169c58d bc57ac4c 9b00dbd8."""
    w = [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
    expected = []
    for a, b in (w[:2], w[2:]):
        r, angle = math.sqrt(-2 * math.log((a + 0.5) / 2**32)), 2 * math.pi * b / 2**32
        expected += [r * math.cos(angle), r * math.sin(angle)]
    y = module.gaussian_noise(np.array([1, 2, 3, 4], dtype), 0.5, seed=0)
    assert y == pytest.approx(np.array([1, 2, 3, 4]) + 0.5 * np.array(expected), rel=4 * float(np.finfo(dtype).eps))


@pytest.mark.parametrize("std", [0, 0.7])
@BOTH
def test_no_noise(module, std, level, dtype):
    x = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45, 3.0], dtype)
    y = module.gaussian_noise(x, std, training=std == 0)
    assert_array_equal(y, x)
    assert_array_equal(np.signbit(y), np.signbit(x))
    assert not np.shares_memory(y, x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_any_split_draws_the_same_noise(dtype, level, rng):
    x = rng.normal(size=3000).astype(dtype)
    whole = F.gaussian_noise(x, 0.4, seed=5, step=6, layer=7)
    for begin, end in [(0, 1), (1, 2), (3, 1000), (17, 18), (1001, 1003), (2, 3000), (2999, 3000)]:
        part = np.empty(end - begin, dtype)
        _core.gaussian_noise(x[begin:end], part, 0.4, True, 5, 6, 7, begin)
        assert_array_equal(part, whole[begin:end])


def test_bits_do_not_depend_on_threads(level, backend, threads_forced, dtype, rng):
    x = rng.normal(size=70001).astype(dtype)
    threads_forced(1)
    one = F.gaussian_noise(x, 0.3, seed=1)
    for count in (2, 3):
        threads_forced(count)
        _core.last_workers()
        assert_array_equal(F.gaussian_noise(x, 0.3, seed=1), one)
        assert _core.last_workers() > 1


def test_the_distribution_is_normal(level, dtype):
    """Kolmogorov and Smirnov, moments and tails of a million; the seed is fixed."""
    n = 1_000_000
    z = F.gaussian_noise(np.zeros(n, dtype), 1, seed=20).astype(np.float64)
    assert stats.kstest(z, "norm").pvalue > 0.01
    assert abs(z.mean()) < 4 / math.sqrt(n)
    assert abs((z**2).mean() - 1) < 4 * math.sqrt(2 / n)
    assert abs((z**4).mean() - 3) < 4 * math.sqrt(96 / n)
    for limit in (3, 4):
        share = 2 * stats.norm.sf(limit)
        assert abs((np.abs(z) > limit).mean() - share) < 4 * math.sqrt(share / n)
    others = [np.roll(z, lag) for lag in (1, 2, 3, 4, 8)]
    others += [F.gaussian_noise(np.zeros(n, dtype), 1, seed=s, step=t, layer=u) for s, t, u in [(21, 0, 0), (20, 1, 0)]]
    for other in others:
        assert abs((z * other).mean()) < 4.5 / math.sqrt(n)


def test_small_radii_keep_their_digits(level):
    """Where u is so near 1 that float32 rounds it to 1, the noise is small but not zero."""
    n = 4_000_000
    z32, z64 = (F.gaussian_noise(np.zeros(n, d), 1, seed=8) for d in (np.float32, np.float64))
    radius = np.hypot(z64[::2], z64[1::2])
    small = np.flatnonzero(radius < 2e-3)
    assert small.size > 2
    got = np.hypot(z32[::2].astype(float), z32[1::2].astype(float))[small]
    assert got == pytest.approx(radius[small], rel=2.0**-21)


def test_in_place(level, dtype, rng):
    x = rng.normal(size=1001).astype(dtype)
    expected = F.gaussian_noise(x, 0.5, seed=3)
    assert F.gaussian_noise(x, 0.5, seed=3, out=x) is x
    assert_array_equal(x, expected)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: F.gaussian_noise(np.ones(3), -0.1),
            ValueError,
            r"std must be a finite number in \[0, inf\), got -0.1",
        ),
        (lambda: F.gaussian_noise(np.ones(3), np.nan), ValueError, "got nan"),
        (lambda: F.gaussian_noise(np.ones(3), 0.5, seed=2**64), ValueError, "seed must be a whole number"),
        (lambda: F.gaussian_noise(np.ones(3), 0.5, training=1), TypeError, "training must be True or False, got 1"),
        (lambda: F.gaussian_noise(np.broadcast_to(np.float32(1), (2**34 + 1,)), 1), ValueError, r"more than the 2\^34"),
    ],
)
def test_refusals_quote_what_they_got(call, error, words):
    with pytest.raises(error, match=words):
        call()
