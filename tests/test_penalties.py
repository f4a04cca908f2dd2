"""Penalties, soft thresholding, clipping: conventions, a lasso solved with them, extreme norms, lists of arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gradients import check_gradient
from helpers import LAYOUTS, SIZES

import densekit.functional as F
from densekit import _core, reference

MODULES = pytest.mark.parametrize("module", [F, reference], ids=["functional", "reference"])
W = [1.5, -0.25, 0.0, -3.0, 0.7, 2.0]

# PyTorch 2.13.0, float64, by autograd: lam |w|_1, lam / 2 |w|_2^2 and their mixture, arguments as listed
PENALTIES = [
    ("l1", (0.3,), 2.235, [0.3, -0.3, 0.0, -0.3, 0.3, 0.3]),
    ("l2", (0.3,), 2.370375, [0.45, -0.075, 0.0, -0.9, 0.21, 0.6]),
    ("elastic_net", (0.3, 0.4), 2.316225, [0.39, -0.165, 0.0, -0.66, 0.246, 0.48]),
    ("elastic_net", (0.3, 1.0), 2.235, [0.3, -0.3, 0.0, -0.3, 0.3, 0.3]),
    ("elastic_net", (0.3, 0.0), 2.370375, [0.45, -0.075, 0.0, -0.9, 0.21, 0.6]),
]
# torch.nn.functional.softshrink, PyTorch 2.13.0
THRESHOLDS = [
    (0.0, [1.5, -0.25, 0.0, -3.0, 0.7, 2.0]),
    (0.7, [0.8, 0.0, 0.0, -2.3, 0.0, 1.3]),
    (2.5, [0.0, 0.0, 0.0, -0.5, 0.0, 0.0]),
]
# torch.clamp, PyTorch 2.13.0
CLAMPS = [
    (-1, 0.9, [0.9, -0.25, 0.0, -1.0, 0.7, 0.9]),
    (None, 0.5, [0.5, -0.25, 0.0, -3.0, 0.5, 0.5]),
    (0.1, None, [1.5, 0.1, 0.1, 0.1, 0.7, 2.0]),
]


# Definitions


@MODULES
@pytest.mark.parametrize(("name", "args", "value", "gradient"), PENALTIES)
def test_penalties_against_pytorch(module, name, args, value, gradient, dtype):
    got = getattr(module, name)(np.array(W, dtype), *args)
    assert isinstance(got[0], float)
    np.testing.assert_allclose(got[0], value, rtol=1e-14 if dtype == np.float64 else 1e-6)
    np.testing.assert_allclose(got[1], gradient, rtol=4 * np.finfo(dtype).eps)


@MODULES
@pytest.mark.parametrize(("threshold", "expected"), THRESHOLDS)
def test_soft_threshold_against_pytorch(module, threshold, expected, dtype):
    np.testing.assert_allclose(
        module.soft_threshold(np.array(W, dtype), threshold), expected, rtol=2 * np.finfo(dtype).eps
    )


@MODULES
@pytest.mark.parametrize(("low", "high", "expected"), CLAMPS)
def test_clip_by_value_against_pytorch(module, low, high, expected, dtype):
    np.testing.assert_array_equal(module.clip_by_value(np.array(W, dtype), low, high), np.array(expected, dtype))


@MODULES
def test_clip_by_global_norm_against_mpmath(module, dtype):
    # mpmath 1.3, 30 digits; the norm is also torch.nn.utils.get_total_norm's (PyTorch 2.13.0)
    arrays = [np.array([1.5, -2.5, 0.5], dtype), np.array([[4.0], [-0.1]], dtype)]
    tolerance = 4 * np.finfo(dtype).eps
    clipped, norm = module.clip_by_global_norm(arrays, 2.0)
    assert isinstance(norm, float)
    np.testing.assert_allclose(norm, 4.97594212184989145309708143872, rtol=tolerance)
    np.testing.assert_allclose(
        clipped[0], [0.60290090329360558799, -1.00483483882267598, 0.200966967764535196], rtol=tolerance
    )
    np.testing.assert_allclose(clipped[1], [[1.607735742116281568], [-0.04019339355290704143]], rtol=tolerance)
    np.testing.assert_allclose(module.clip_by_global_norm(clipped, 100.0)[1], 2.0, rtol=tolerance)


# A small regression without intercept, and what scikit-learn 1.9.1 makes of it (tol=1e-14)
ROW, COLUMN = np.arange(40)[:, None], np.arange(5)
X = np.sin(1.3 * ROW + 2.1 * ROW * COLUMN + COLUMN)
Y = X @ np.array([2.0, 0.0, -1.5, 0.0, 0.05]) + 0.1 * np.cos(7.0 * ROW[:, 0])


def proximal_descent(l1, l2):
    """Minimises |y - X w|^2 / 2n + l1 |w|_1 + l2/2 |w|^2 by gradient steps, each followed by a soft threshold."""
    w, lr = np.zeros(5), 0.5
    for _ in range(2000):
        gradient = X.T @ (X @ w - Y) / len(Y) + F.l2(w, l2)[1]
        w = F.soft_threshold(w - lr * gradient, lr * l1)
    return w


def test_soft_threshold_solves_the_lasso():
    w = proximal_descent(0.1, 0.0)  # Lasso(alpha=0.1).coef_
    np.testing.assert_allclose(w, [1.7880143108207682, 0.0, -1.2390814040113687, 0.0, 0.0], rtol=1e-10)
    assert (w == 0).sum() == 3  # exactly


def test_elastic_net_is_scikit_learns():
    w = proximal_descent(0.2 * 0.4, 0.2 * 0.6)  # ElasticNet(alpha=0.2, l1_ratio=0.4).coef_
    np.testing.assert_allclose(
        w, [0.952169061337312, 0.0, -1.0331481572463237, -0.6518132730934899, 0.0], rtol=1e-9, atol=1e-15
    )


def test_subgradient_never_arrives_at_zero():
    """Why soft_threshold exists: steps along l1's gradient oscillate about zero."""
    w = np.array([0.25, -0.15])
    for _ in range(50):
        w -= 0.1 * F.l1(w, 1.0)[1]
    assert (w != 0).all()
    assert (np.abs(w) <= 0.1).all()


@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0])
def test_gradient_of_elastic_net(level, ratio, rng):
    w = rng.normal(size=30)
    w += np.copysign(0.5, w)
    check_gradient(lambda v: F.elastic_net(v, 0.7, ratio)[0], F.elastic_net(w, 0.7, ratio)[1], w, rng)


def test_sums_are_carried_in_float64(level, rng):
    """A million float32 weights: what a sum in float32 would lose is kept."""
    w = rng.uniform(0.1, 1, 1_000_003).astype(np.float32)
    exact = w.astype(np.float64)
    np.testing.assert_allclose(F.l1(w, 1.0)[0], math.fsum(exact), rtol=1e-14)
    np.testing.assert_allclose(F.l2(w, 2.0)[0], math.fsum(exact**2), rtol=1e-14)
    np.testing.assert_allclose(F.clip_by_global_norm([w], 1.0)[1], math.sqrt(math.fsum(exact**2)), rtol=1e-14)


def test_threads_change_no_bit(backend, threads_forced, dtype, rng):
    w = rng.normal(size=50_001).astype(dtype)
    results = []
    for count in (1, 2, 3):
        threads_forced(count)
        clipped, norm = F.clip_by_global_norm([w, w[:9000]], 1.0)
        results.append(
            [norm, *clipped, *F.elastic_net(w, 0.3, 0.4), F.soft_threshold(w, 0.3), F.clip_by_value(w, -0.5, 0.5)]
        )
        assert count == 1 or _core.last_workers() == count
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


# NaN, infinity, and the ends of the range


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.0])
def test_special_values_at_every_position(level, dtype, value, rng):
    for size in (1, 2, 5, 16, 23):
        for at in range(size):
            w = rng.normal(size=size).astype(dtype)
            w[at] = value
            for name, args in [
                ("l1", (0.3,)),
                ("l2", (0.3,)),
                ("elastic_net", (0.3, 0.4)),
                ("soft_threshold", (0.3,)),
                ("clip_by_value", (-0.5, 0.5)),
                ("clip_by_value", (None, 0.5)),
                ("clip_by_value", (-0.5, None)),
            ]:
                got, expected = getattr(F, name)(w, *args), getattr(reference, name)(w, *args)
                pairs = zip(got, expected, strict=True) if isinstance(got, tuple) else [(got, expected)]
                for g, e in pairs:
                    np.testing.assert_allclose(g, e, rtol=1e-5 if dtype == np.float32 else 1e-13, atol=1e-7)


@MODULES
def test_norm_that_is_not_finite(module, level, dtype):
    """As the formula has it. Infinite: finite elements become 0, infinite ones NaN. NaN: everything is NaN."""
    arrays = [np.array([1.0, -np.inf, 2.0], dtype), np.array([3.0], dtype)]
    clipped, norm = module.clip_by_global_norm(arrays, 1.0)
    assert norm == np.inf
    np.testing.assert_array_equal(clipped[0], [0, np.nan, 0])
    np.testing.assert_array_equal(clipped[1], [0])
    arrays[1][0] = np.nan
    clipped, norm = module.clip_by_global_norm(arrays, 1.0)
    assert math.isnan(norm)
    assert all(np.isnan(a).all() for a in clipped)


@MODULES
@pytest.mark.parametrize("factor", [1e200, 1e-200, 1e-310])
def test_norm_whose_squares_leave_the_range(module, level, factor):
    tolerance = 1e-15 if factor > 1e-300 else 1e-12  # denormal numbers have fewer digits
    arrays = [np.array([3.0 * factor]), np.array([-4.0 * factor, 0.0])]
    clipped, norm = module.clip_by_global_norm(arrays, 2.5 * factor)
    np.testing.assert_allclose(norm, 5 * factor, rtol=tolerance)
    np.testing.assert_allclose(clipped[0], [1.5 * factor], rtol=tolerance)
    np.testing.assert_allclose(clipped[1], [-2.0 * factor, 0.0], rtol=tolerance)


def test_factors_below_float32(level):
    """The factor is applied in float64: 1e-42 as a float32 has two digits."""
    clipped, norm = F.clip_by_global_norm([np.full(20, 1e38, np.float32)], 1e-4)
    np.testing.assert_allclose(norm, 1e38 * math.sqrt(20), rtol=1e-6)
    np.testing.assert_allclose(clipped[0], 1e-4 / math.sqrt(20), rtol=1e-6)


def test_thresholds_beyond_float32(level):
    w = np.array([3e38, -1.0, np.inf, np.nan], np.float32)
    np.testing.assert_array_equal(F.soft_threshold(w, 1e300), [0, 0, np.inf, np.nan])


# Lists of arrays, and where the results go


def test_arrays_within_the_norm_are_copied(dtype, rng):
    arrays = [rng.normal(size=(3, 2)).astype(dtype), np.zeros((0, 4), dtype), np.array(0.5, dtype)]
    clipped, norm = F.clip_by_global_norm(arrays, 1e6)
    for a, b in zip(arrays, clipped, strict=True):
        np.testing.assert_array_equal(a, b, strict=True)
        assert not np.shares_memory(a, b)
    assert F.clip_by_global_norm(arrays, norm)[1] == norm  # a norm at the limit is within it
    np.testing.assert_array_equal(F.clip_by_global_norm(arrays, norm)[0][0], arrays[0])


@MODULES
def test_zeros_and_nothing(module, dtype):
    assert module.clip_by_global_norm([], 1.0) == ([], 0.0)
    clipped, norm = module.clip_by_global_norm([np.zeros(5, dtype), np.zeros(0, dtype)], 1.0)
    assert norm == 0
    np.testing.assert_array_equal(clipped[0], np.zeros(5, dtype), strict=True)
    for name, args in [("l1", (1.0,)), ("l2", (1.0,)), ("elastic_net", (1.0, 0.5))]:
        value, gradient = getattr(module, name)(np.zeros((0, 3), dtype), *args)
        assert value == 0
        assert gradient.shape == (0, 3)


@pytest.mark.parametrize(
    "layout", ["ascontiguousarray", "strided", "fortran", "negative", "misaligned", "byte_swapped"]
)
def test_clips_in_place(level, dtype, layout, rng):
    for size in SIZES[1:]:
        plain = [rng.normal(size=size).astype(dtype), rng.normal(size=(2, 3)).astype(dtype)]
        arrays = [LAYOUTS[layout](a.copy()) for a in plain]
        expected, expected_norm = F.clip_by_global_norm(plain, 0.7)
        clipped, norm = F.clip_by_global_norm(arrays, 0.7, out=arrays)
        assert norm == expected_norm
        for a, c, e in zip(arrays, clipped, expected, strict=True):
            assert c is a
            np.testing.assert_array_equal(a, e)


@MODULES
def test_some_outs(module, rng):
    arrays, out = [rng.normal(size=4), rng.normal(size=2)], np.empty(2)
    clipped, _ = module.clip_by_global_norm(arrays, 0.5, out=(None, out))
    assert clipped[1] is out
    np.testing.assert_allclose(out, module.clip_by_global_norm(arrays, 0.5)[0][1])


def test_outs_in_the_memory_of_other_arrays(rng):
    """A result may overwrite an array that is still to be read."""
    memory = rng.normal(size=30)
    arrays = [memory[:10], memory[10:20]]
    expected, _ = F.clip_by_global_norm(arrays, 0.5)
    out = [arrays[1], memory[5:10]]
    with pytest.raises(ValueError, match=r"out\[1\] is \(5,\)"):
        F.clip_by_global_norm(arrays, 0.5, out=out)
    F.clip_by_global_norm(arrays, 0.5, out=[memory[10:20], memory[20:]])
    np.testing.assert_array_equal(memory[10:], np.concatenate(expected))


# Refusals


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda a: F.l1(a, -0.1), ValueError, "l1: lam must be .* got -0.1"),
        (lambda a: F.l2(a, np.nan), ValueError, "l2: lam must be a finite"),
        (lambda a: F.l2(a, "0.1"), TypeError, "l2: lam must be a number"),
        (lambda a: F.l1(None, 0.1), TypeError, "l1: w is None"),
        (lambda a: F.l1(a, 0.1, out=np.empty(2)), ValueError, r"l1: out is \(2,\), expected \(3,\)"),
        (lambda a: F.elastic_net(a, 0.1, 1.5), ValueError, "elastic_net: l1_ratio must be .* got 1.5"),
        (lambda a: F.elastic_net(a, np.inf, 0.5), ValueError, "elastic_net: alpha"),
        (lambda a: F.soft_threshold(a, -1.0), ValueError, "soft_threshold: threshold must be .* got -1.0"),
        (lambda a: F.soft_threshold(a, np.inf), ValueError, "soft_threshold: threshold must be a finite"),
        (lambda a: F.soft_threshold(a.astype(complex), 1.0), TypeError, "soft_threshold: w is complex128"),
        (lambda a: F.clip_by_value(a, 2, 1), ValueError, "clip_by_value: low is 2 but high is 1"),
        (lambda a: F.clip_by_value(a, np.nan, 1), ValueError, "clip_by_value: low must be a finite"),
        (lambda a: F.clip_by_value(a, np.inf, None), ValueError, "clip_by_value: low must be a finite"),
        (lambda a: F.clip_by_value(a, None, a), TypeError, "clip_by_value: high must be a number"),
        (lambda a: F.clip_by_global_norm(a, 1.0), TypeError, "arrays is ndarray, expected a list"),
        (lambda a: F.clip_by_global_norm([a], 0.0), ValueError, "max_norm must be .* got 0.0"),
        (lambda a: F.clip_by_global_norm([a], np.inf), ValueError, "max_norm must be a finite"),
        (
            lambda a: F.clip_by_global_norm([a, a.astype(np.float32)], 1.0),
            TypeError,
            r"arrays\[1\] is float32 but arrays\[0\]",
        ),
        (lambda a: F.clip_by_global_norm([a, None], 1.0), TypeError, r"arrays\[1\] is None"),
        (lambda a: F.clip_by_global_norm([a], 1.0, out=a), TypeError, "out must be a list of 1, .* got ndarray"),
        (lambda a: F.clip_by_global_norm([a], 1.0, out=[a, a]), TypeError, "out must be a list of 1, .* got 2 of them"),
        (lambda a: F.clip_by_global_norm([a, a], 1.0, out=[a, a]), ValueError, r"out\[0\] and out\[1\] share memory"),
        (
            lambda a: F.clip_by_global_norm([a, a], 1.0, out=[a, LAYOUTS["read_only"](a)]),
            ValueError,
            r"out\[1\] is read-only",
        ),
    ],
)
def test_refusals_change_nothing(call, error, match):
    a = np.array([1.0, -2.0, 3.0])
    with pytest.raises(error, match=match):
        call(a)
    np.testing.assert_array_equal(a, [1.0, -2.0, 3.0])


def test_infinite_bounds_bound_nothing(dtype, rng):
    x = rng.normal(size=9).astype(dtype)
    np.testing.assert_array_equal(F.clip_by_value(x, -np.inf, np.inf), x)
    np.testing.assert_array_equal(F.clip_by_value(x, 0, np.inf), np.maximum(x, 0))
    np.testing.assert_array_equal(F.clip_by_value(x, None, None), x)
