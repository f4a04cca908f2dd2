"""Scaling by column: scikit-learn's numbers, statistics that come and go, constant columns, gaps."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import densekit.functional as F
from densekit import reference

BOTH = pytest.mark.parametrize("module", [F, reference], ids=["functional", "reference"])
X = np.array([[1.0, -2, 5], [4, 0, 5], [2, 7, 5], [9, -1, 5]])


@BOTH
def test_standardize_literal(module):
    # sklearn.preprocessing.StandardScaler, scikit-learn 1.9: transform, mean_, sqrt(var_), and transform of another row
    z, mean, std = module.standardize(X, return_statistics=True)
    expected = [
        [-0.9733285267845753, -0.848528137423857, 0.0],
        [0.0, -0.282842712474619, 0.0],
        [-0.6488856845230502, 1.697056274847714, 0.0],
        [1.6222142113076254, -0.565685424949238, 0.0],
    ]
    assert_allclose(z, expected, rtol=1e-14)
    assert_allclose(mean, [4, 1, 5], rtol=1e-15)
    assert_allclose(std, [3.082207001484488, 3.5355339059327378, 0], rtol=1e-15)
    assert_allclose(module.standardize([[3.0, 1.0, 7.0]], mean, std), [[-0.3244428422615251, 0.0, 2.0]], rtol=1e-14)


@BOTH
def test_min_max_scale_literal(module):
    # sklearn.preprocessing.MinMaxScaler((-1, 2)), scikit-learn 1.9: transform, and of other rows without and with clip
    y, low, high = module.min_max_scale(X, feature_range=(-1, 2), return_statistics=True)
    expected = [
        [-1.0, -1.0, -1.0],
        [0.125, -0.33333333333333337, -1.0],
        [-0.625, 2.0, -1.0],
        [2.0, -0.6666666666666667, -1.0],
    ]
    assert_allclose(y, expected, rtol=1e-14)
    assert_array_equal(low, [1, -2, 5])
    assert_array_equal(high, [9, 7, 5])
    how = {"feature_range": (-1, 2)}
    assert_allclose(module.min_max_scale([[10.0, 1.0, 7.0]], low, high, **how), [[2.375, 0.0, 5.0]], atol=1e-15)
    assert_allclose(module.min_max_scale([[10.0, 1.0, 4.0]], low, high, clip=True, **how), [[2, 0, -1]], atol=1e-15)


@pytest.mark.parametrize("shape", [(1, 3), (2, 1), (63, 5), (64, 4), (65, 33), (1000, 3), (5000, 1), (70, 1030)])
def test_equal_to_scikit_learn(shape, level, rng):
    preprocessing = pytest.importorskip("sklearn.preprocessing", reason="scikit-learn is not installed")
    x = rng.normal(5, 3, shape) * rng.uniform(0.1, 100, shape[1])
    x[:, 0] = 3.25  # a constant column
    other = rng.normal(5, 3, (7, shape[1]))
    scaler = preprocessing.StandardScaler().fit(x)
    z, mean, std = F.standardize(x, return_statistics=True)
    assert_allclose(z, scaler.transform(x), rtol=1e-12, atol=1e-12)
    assert_allclose(mean, scaler.mean_, rtol=1e-12)
    assert_allclose(std**2, scaler.var_, rtol=1e-12, atol=1e-12)
    assert_allclose(F.standardize(other, mean, std), scaler.transform(other), rtol=1e-12, atol=1e-12)
    for limits, clip in (((0, 1), False), ((-2, 3), False), ((-2, 3), True)):
        scaler = preprocessing.MinMaxScaler(limits, clip=clip).fit(x)
        y, low, high = F.min_max_scale(x, feature_range=limits, clip=clip, return_statistics=True)
        assert_allclose(y, scaler.transform(x), rtol=1e-12, atol=1e-12)
        assert_array_equal(low, scaler.data_min_)
        assert_array_equal(high, scaler.data_max_)
        again = F.min_max_scale(other, low, high, feature_range=limits, clip=clip)
        assert_allclose(again, scaler.transform(other), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["standardize", "min_max_scale"])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((6,), 0), ((6, 5), 0), ((6, 5), 1), ((6, 5), -2), ((4, 5, 3), 0), ((4, 5, 3), 1), ((4, 5, 3), 2)],
)
def test_axes(name, shape, axis, level, dtype, rng):
    x = rng.normal(3, 2, shape).astype(dtype)
    got = getattr(F, name)(x, axis=axis, return_statistics=True)
    expected = getattr(reference, name)(x, axis=axis, return_statistics=True)
    for g, e, tolerance in zip(got, expected, (8 * np.finfo(dtype).eps, 1e-13, 1e-13), strict=True):
        assert g.shape == e.shape
        assert g.dtype == e.dtype
        assert_allclose(g, e, rtol=tolerance, atol=tolerance)
    again = getattr(F, name)(x, *got[1:], axis=axis)
    assert_array_equal(again, got[0])  # statistics handed in give the bits of statistics taken


def test_float32_keeps_its_digits_at_a_large_mean(level, rng):
    x = (1e4 + rng.normal(size=(300, 4))).astype(np.float32)
    z, mean, std = F.standardize(x, return_statistics=True)
    wide = x.astype(np.float64)
    assert mean.dtype == std.dtype == np.float64
    exact = (wide - wide.mean(0)) / wide.std(0)
    assert (np.abs(z - exact) <= 4 * np.finfo(np.float32).eps * np.abs(exact) + 1e-11).all()


@pytest.mark.parametrize("magnitude", [1e-44, 1e-40, 1e-36, 1e36, 2e38])
@pytest.mark.parametrize("axis", [0, 1])
def test_either_end_of_the_range_of_float32(magnitude, axis, level, rng):
    """1 / std is no normal float32 number there."""
    x = (np.float64(magnitude) * rng.uniform(0.1, 1, (70, 5))).astype(np.float32)
    x[:, 2] = rng.normal(size=70)  # beside an ordinary column
    x = x if axis == 0 else np.ascontiguousarray(x.T)
    for name in ("standardize", "min_max_scale"):
        expected = getattr(reference, name)(x.astype(np.float64), axis=axis)
        assert_allclose(getattr(F, name)(x, axis=axis), expected, rtol=0, atol=5e-7)


@BOTH
@pytest.mark.parametrize("rows", [1, 2, 64, 65, 5000])
@pytest.mark.parametrize("columns", [1, 3])
def test_constant_columns(module, rows, columns, level, dtype):
    x = np.full((rows, columns), 0.1, dtype)
    z, mean, std = module.standardize(x, return_statistics=True)
    assert_array_equal(z, 0)
    assert_array_equal(mean, x[0])
    assert_array_equal(std, 0)
    assert_array_equal(module.min_max_scale(x, feature_range=(-3, 2)), -3)


@BOTH
@pytest.mark.parametrize("shape", [(5, 3), (64, 3), (200, 3), (5000, 1)])
@pytest.mark.parametrize("at", [0, 3, -1])
def test_a_gap_spoils_its_column_and_no_other(module, shape, at, level, dtype, rng):
    x = rng.normal(size=shape).astype(dtype)
    x[at, 0] = np.nan
    for scale in (module.standardize, module.min_max_scale):
        y, a, b = scale(x, return_statistics=True)
        assert np.isnan(y[:, 0]).all()
        assert np.isnan(a[0])
        assert np.isnan(b[0])
        assert np.isfinite(y[:, 1:]).all()
    assert np.isnan(module.min_max_scale(x, clip=True)[:, 0]).all()


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65])
def test_extremes_in_every_position(length, level, dtype):
    """The least and the largest value are found wherever they are, in columns and along rows."""
    for at in range(length):
        x = np.zeros((length, 2), dtype)
        x[at] = 1, -1
        for table, axis in ((x, 0), (np.ascontiguousarray(x.T), 1)):
            _, low, high = F.min_max_scale(table, axis=axis, return_statistics=True)
            rest = 0 if length > 1 else 1
            assert low.tolist() == [rest, -1]
            assert high.tolist() == [1, -rest]


def test_infinities_as_in_numpy(level, dtype):
    x = np.array([[1, 1], [np.inf, 2], [3, -np.inf], [4, 4]], dtype)
    for name in ("standardize", "min_max_scale"):
        got = getattr(F, name)(x, return_statistics=True)
        for g, e in zip(got, getattr(reference, name)(x, return_statistics=True), strict=True):
            assert_array_equal(g, e)


def test_out(rng):
    x = rng.normal(size=(9, 3)).astype(np.float32)
    for scale in (F.standardize, F.min_max_scale):
        plain = scale(x, return_statistics=True)
        target = np.empty_like(x), np.empty(3), np.empty(3)
        got = scale(x, return_statistics=True, out=target)
        for g, t, p in zip(got, target, plain, strict=True):
            assert g is t
            assert_array_equal(t, p)
        y = x.copy()
        assert scale(y, out=y) is y
        assert_array_equal(y, plain[0])


def test_bits_do_not_depend_on_threads(level, threads_forced, rng):
    x = rng.normal(size=(1000, 40)).astype(np.float32)

    def everything():
        return [
            a
            for f in (F.standardize, F.min_max_scale)
            for axis in (0, 1)
            for a in f(x, axis=axis, return_statistics=True)
        ]

    threads_forced(1)
    alone = everything()
    threads_forced(3)
    for a, b in zip(alone, everything(), strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("module", [F])
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda m: m.standardize(1.0), ValueError, "single number"),
        (lambda m: m.standardize(X, np.ones(3)), ValueError, "std is None"),
        (lambda m: m.standardize(X, np.ones(2), np.ones(3)), ValueError, r"mean is \(2,\), expected \(3,\)"),
        (lambda m: m.standardize(X, np.ones(3), [1, -2, 1]), ValueError, "std has -2.0"),
        (lambda m: m.standardize(np.ones((0, 3))), ValueError, r"x is \(0, 3\) with axis=0: an empty column"),
        (lambda m: m.min_max_scale(X, clip=1), TypeError, "clip must be True or False, got 1"),
        (lambda m: m.standardize(X, axis=2), ValueError, "axis must be a whole number from -2 to 1, got 2"),
        (lambda m: m.standardize(X, axis=(0,)), TypeError, "axis must be a whole number"),
        (lambda m: m.min_max_scale(np.ones((0, 3))), ValueError, r"x is \(0, 3\)"),
        (lambda m: m.min_max_scale(X, high=np.ones(3)), ValueError, "low is None"),
        (lambda m: m.min_max_scale(X, np.ones(3), [2, 0, 2]), ValueError, "low is 1.0 but high is 0.0 in column 1"),
        (lambda m: m.min_max_scale(X, feature_range=(1, 1)), ValueError, r"must rise, got \(1, 1\)"),
        (lambda m: m.min_max_scale(X, feature_range=1), TypeError, "feature_range must be two numbers"),
        (lambda m: m.min_max_scale(X, feature_range=(0, np.inf)), ValueError, "feature_range must be a finite number"),
    ],
)
def test_refusals_quote_what_they_got(module, call, error, words):
    with pytest.raises(error, match=words):
        call(module)


def test_empty_data_with_given_statistics():
    assert F.standardize(np.ones((0, 3)), np.zeros(3), np.ones(3)).shape == (0, 3)
    assert F.min_max_scale(np.ones((0, 3)), np.zeros(3), np.ones(3)).shape == (0, 3)
    assert F.standardize(np.ones((3, 0))).shape == (3, 0)
