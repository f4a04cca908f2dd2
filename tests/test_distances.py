"""Distances against SciPy's values and cdist, on both ways of computing them."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import LAYOUTS
from scipy.spatial.distance import cdist

import densekit.functional as F
import densekit.reference as R
from densekit import _core

X = [[0, 0, 0], [1, 2, 3.5], [-1, 0.25, 4]]
Y = [[1, 1, 1], [0.5, -2, 3]]
# scipy.spatial.distance.cdist, SciPy 1.17
LITERALS = [
    ("l1", None, [[3.0, 5.5], [3.5, 5.0], [5.75, 4.75]]),
    (
        "l2",
        None,
        [
            [1.7320508075688772, 3.640054944640259],
            [2.692582403567252, 4.06201920231798],
            [3.6827299656640586, 2.883140648667699],
        ],
    ),
    ("linf", None, [[1.0, 3.0], [2.5, 4.0], [3.0, 2.25]]),
    (
        "lp",
        3,
        [
            [1.4422495703074083, 3.274955810059687],
            [2.5522343610007314, 4.005201566328285],
            [3.2841565327194986, 2.5074776118294237],
        ],
    ),
    (
        "lp",
        1.5,
        [
            [2.080083823051904, 4.125071666267796],
            [2.9056052568309116, 4.232359796712581],
            [4.221656592398517, 3.3792975395869607],
        ],
    ),
    (
        "lp",
        0.5,
        [[9.0, 14.848469228349536], [6.662277660168381, 11.65685424949238], [16.098469228349533, 13.873724356957945]],
    ),
]
METRICS = [
    ("l1", None),
    ("l2", None),
    ("linf", None),
    ("lp", 3),
    ("lp", 1.5),
    ("lp", 0.5),
    ("lp", 1),
    ("lp", 2),
    ("lp", np.inf),
]
DEPTHS = [0, 1, 2, 3, 7, 8, 16, 31, 32, 33, 64, 100, 257, 600]


def scipys(x, y, metric, p):
    if x.shape[1] == 0:
        return np.zeros((len(x), len(y)))
    name = {"l1": "cityblock", "l2": "euclidean", "linf": "chebyshev", "lp": "minkowski"}[metric]
    if p == np.inf:
        name, p = "chebyshev", None
    return cdist(x.astype(np.float64), y.astype(np.float64), name, **({} if p is None else {"p": p}))


@pytest.mark.parametrize(("metric", "p", "expected"), LITERALS)
def test_literals(level, dtype, metric, p, expected):
    x, y = np.array(X, dtype), np.array(Y, dtype)
    for function in (F.distances, R.distances):
        got = function(x, y, metric=metric, p=p)
        assert got.dtype == dtype
        np.testing.assert_allclose(got, expected, rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("metric", "p"), METRICS)
def test_differences_are_scipys(level, dtype, metric, p, rng):
    for depth in DEPTHS:
        for n, m in ((1, 1), (3, 17), (37, 40)):
            x, y = rng.normal(size=(n, depth)).astype(dtype), rng.normal(size=(m, depth)).astype(dtype)
            got = F.distances(x, y, metric=metric, p=p, precise=True)
            # SciPy and we round every addition, of `depth` numbers of one sign; a power costs some eps more.
            rtol = np.finfo(dtype).eps / 2 + (2 * depth + 40) * 2.0**-53 / min(1, p or 1)
            np.testing.assert_allclose(got, scipys(x, y, metric, p), rtol=rtol)


def expanded_bound(x, y, dtype):
    """Of the square: 2 (min(d, 256) + d / 256 + 3) u sum_k |x_k y_k|, and of the float64 part a few eps of it."""
    depth, u = x.shape[1], np.finfo(dtype).eps / 2
    a, b = np.abs(x.astype(np.float64)), np.abs(y.astype(np.float64))
    whole = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)
    return 2 * (min(depth, 256) + depth / 256 + 3) * u * (a @ b.T) + (depth + 4) * 2.0**-53 * whole


@pytest.mark.parametrize("depth", [32, 33, 64, 100, 257, 784])
@pytest.mark.parametrize("offset", [0, 1, 30])
def test_expanded_form_is_within_its_bound(level, dtype, depth, offset, rng):
    x, y = (rng.normal(size=(n, depth)).astype(dtype) + dtype(offset) for n in (33, 70))
    x[::7] = y[: len(x[::7])]  # equal rows,
    x[1::7] = np.nextafter(y[: len(x[1::7])], dtype(99))  # and the nearest that there are
    got, truth = F.distances(x, y), scipys(x, y, "l2", None)
    assert (
        np.abs(got.astype(np.float64) ** 2 - truth**2)
        <= expanded_bound(x, y, dtype) + 4 * np.finfo(dtype).eps * truth**2
    ).all()
    relative = 32 * (min(depth, 256) + depth / 256 + 3) * np.finfo(dtype).eps / 2
    np.testing.assert_allclose(got, truth, rtol=relative)
    np.testing.assert_allclose(got, truth, rtol=50 * np.finfo(dtype).eps)  # the bound is wide, what is found is not
    np.testing.assert_array_equal(got[np.arange(0, 33, 7), np.arange(5)], 0)


def test_the_expanded_form_is_taken(rng):
    """From 32 columns on, and unless precise: else the test above compares nothing."""
    x, y = rng.normal(size=(50, 32)).astype(np.float32), rng.normal(size=(60, 32)).astype(np.float32)
    assert (F.distances(x, y) != F.distances(x, y, precise=True)).any()
    x, y = x[:, 1:], y[:, 1:]
    np.testing.assert_array_equal(F.distances(x, y), F.distances(x, y, precise=True))


@pytest.mark.parametrize(("metric", "p"), METRICS)
@pytest.mark.parametrize("depth", [3, 40])
def test_laws(level, dtype, metric, p, depth, rng):
    x, y, z = (rng.normal(size=(n, depth)).astype(dtype) for n in (9, 20, 14))

    def d(a, b):
        return F.distances(a, b, metric=metric, p=p).astype(np.float64)

    np.testing.assert_array_equal(np.diag(d(y, y)), 0)
    np.testing.assert_allclose(d(x, y), d(y, x).T, rtol=4 * np.finfo(dtype).eps)
    if p is None or p >= 1:  # the triangle
        legs = d(x, y)[:, :, None] + d(y, z)[None]
        assert (d(x, z)[:, None, :] <= legs * (1 + 8 * np.finfo(dtype).eps)).all()


@pytest.mark.parametrize("depth", [5, 40])
@pytest.mark.parametrize(("metric", "p"), METRICS)
def test_non_finite_rows_as_in_numpy(level, dtype, depth, metric, p, rng):
    for bad in (np.nan, np.inf, -np.inf):
        x, y = rng.normal(size=(9, depth)).astype(dtype), rng.normal(size=(21, depth)).astype(dtype)
        x[3, 2] = bad
        y[5, 2] = bad
        y[8, 1] = bad
        with np.errstate(all="ignore"):
            expected = R.distances(x, y, metric=metric, p=p)
        assert not np.isfinite(expected).all()
        assert np.isnan(expected[3, 5])  # infinity - infinity
        got = F.distances(x, y, metric=metric, p=p)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(expected))
        np.testing.assert_array_equal(np.isinf(got), np.isinf(expected))
        finite = np.isfinite(expected)
        np.testing.assert_allclose(got[finite], expected[finite], rtol=60 * np.finfo(dtype).eps)


@pytest.mark.parametrize("depth", [5, 40])
@pytest.mark.parametrize(("metric", "p"), METRICS)
def test_nothing_overflows_or_underflows(level, dtype, depth, metric, p, rng):
    x, y = rng.normal(size=(6, depth)), rng.normal(size=(19, depth))
    for scale in (1e-30, 1e30) if dtype == np.float32 else (1e-200, 1e200):
        expected = scipys(x, y, metric, p) * scale
        got = F.distances((x * scale).astype(dtype), (y * scale).astype(dtype), metric=metric, p=p)
        np.testing.assert_allclose(got, expected, rtol=100 * np.finfo(dtype).eps)


@pytest.mark.parametrize("depth", [5, 40])
def test_a_pair_does_not_depend_on_the_others(level, dtype, depth, rng):
    x, y = rng.normal(size=(70, depth)).astype(dtype), rng.normal(size=(90, depth)).astype(dtype)
    for metric, p in METRICS:
        whole = F.distances(x, y, metric=metric, p=p)
        for i, j, rows, cols in ((0, 0, 1, 1), (69, 89, 1, 1), (3, 17, 5, 30), (40, 1, 29, 89)):
            part = F.distances(x[i : i + rows], y[j : j + cols], metric=metric, p=p)
            np.testing.assert_array_equal(part, whole[i : i + rows, j : j + cols])


@pytest.mark.parametrize("depth", [5, 40])
def test_threads_change_no_bit(level, backend, threads_forced, depth, rng):
    x, y = rng.normal(size=(150, depth)), rng.normal(size=(90, depth))
    for metric, p in METRICS:
        threads_forced(1)
        expected = F.distances(x, y, metric=metric, p=p)
        for threads in (2, 3, 8):
            threads_forced(threads)
            _core.last_workers()  # forgets what was before
            np.testing.assert_array_equal(F.distances(x, y, metric=metric, p=p), expected)
            assert _core.last_workers() > 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(level, dtype, layout, rng):
    x, y = rng.normal(size=(13, 40)).astype(dtype), rng.normal(size=(19, 40)).astype(dtype)
    for metric, p in METRICS:
        plain = F.distances(x, y, metric=metric, p=p)
        np.testing.assert_array_equal(F.distances(LAYOUTS[layout](x), LAYOUTS[layout](y), metric=metric, p=p), plain)


def test_nearest_neighbours_in_five_lines():
    from densekit.datasets import load_digits

    (x, y), (new, truth) = load_digits()
    nearest = F.distances(new, x).argpartition(5, axis=1)[:, :5]
    votes = (y[nearest][:, :, None] == np.arange(10)).sum(axis=1)
    assert (votes.argmax(axis=1) == truth).mean() > 0.95


@pytest.mark.parametrize("shape", [(0, 5), (0, 40), (4, 0)])
def test_empty(dtype, shape):
    x, y = np.zeros(shape, dtype), np.zeros((3, shape[1]), dtype)
    for metric, p in METRICS:
        np.testing.assert_array_equal(F.distances(x, y, metric=metric, p=p), np.zeros((shape[0], 3), dtype))
        np.testing.assert_array_equal(F.distances(y, x, metric=metric, p=p), np.zeros((3, shape[0]), dtype))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.distances([1.0], [[1.0]]), ValueError, r"x is \(1,\) but y is \(1, 1\)"),
        (lambda: F.distances([[1.0, 2.0]], [[1.0]]), ValueError, r"x is \(1, 2\) but y is \(1, 1\)"),
        (lambda: F.distances([[1.0]], [[1.0]], metric="l3"), ValueError, "'l3'"),
        (lambda: F.distances([[1.0]], [[1.0]], metric="lp"), ValueError, "needs p"),
        (lambda: F.distances([[1.0]], [[1.0]], metric="lp", p=0), ValueError, "0"),
        (lambda: F.distances([[1.0]], [[1.0]], metric="lp", p="2"), TypeError, "'2'"),
        (lambda: F.distances([[1.0]], [[1.0]], p=2), ValueError, "metric='lp'"),
        (lambda: F.distances([[1.0]], [[1.0]], precise=1), TypeError, "precise"),
        (lambda: F.distances(np.zeros((1, 1), np.float32), np.zeros((1, 1))), TypeError, "float32"),
    ],
)
def test_errors_say_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()
