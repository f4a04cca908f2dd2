"""Norms against mpmath's values, against numpy.linalg.norm, and by their laws."""

from __future__ import annotations

import numpy as np
import pytest
from helpers import LAYOUTS, SIZES

import densekit.functional as F
import densekit.reference as R
from densekit import _core

ORDERS = [0, 1, 2, 3, 0.5, 2.5, 17.3, -1, -2, -0.5, np.inf, -np.inf]
KINDS = ["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf]


# mpmath 1.4.1: fsum(abs(v)**p for v in x) ** (1/p)
@pytest.mark.parametrize(
    ("p", "expected"),
    [
        (1, 10.5),
        (2, 5.85234995535981255),
        (3, 5.02817427716186171),
        (0.5, 39.2826181409191203),
        (2.5, 5.31746323819056954),
        (-1, 0.486486486486486486),
        (-2, 0.842004485504978342),
        (-0.5, 0.131669504812617637),
        (np.inf, 4.5),
        (-np.inf, 1.0),
        (0, 4.0),
    ],
)
def test_vector_norm_literals(level, dtype, p, expected):
    x = np.array([1, -2, 3, -4.5], dtype)
    assert F.vector_norm(x, p) == pytest.approx(expected, rel=2e-15)
    assert R.vector_norm(x, p) == pytest.approx(expected, rel=2e-15)
    assert type(F.vector_norm(x, p)) is float


# mpmath 1.4.1: the singular values by svd_r with 30 digits; the sums by hand.
MATRIX = [[1, 2, 3], [4, 5, 6], [7, 8, 10]]
MATRIX_NORMS = {
    "fro": 17.4355957741626942,
    "nuc": 18.4845330380364603,
    2: 17.4125051668085945,
    -2: 0.196866521117430216,
    1: 19,
    -1: 12,
    np.inf: 25,
    -np.inf: 6,
}
# The same of the 6 x 4 corner of the Hilbert matrix, whose smallest singular value is 6,500 times below the largest.
HILBERT_NORMS = {
    "fro": 1.56820426388041315,
    "nuc": 1.76687175227912588,
    2: 1.55522916759603636,
    -2: 0.000239804792069333426,
}


@pytest.mark.parametrize("p", KINDS)
def test_matrix_norm_literals(level, dtype, p):
    a = np.array(MATRIX, dtype)
    assert F.matrix_norm(a, p) == pytest.approx(MATRIX_NORMS[p], rel=1e-14)
    assert R.matrix_norm(a, p) == pytest.approx(MATRIX_NORMS[p], rel=1e-14)
    assert type(F.matrix_norm(a, p)) is float


@pytest.mark.parametrize("p", HILBERT_NORMS)
def test_hilbert_matrix(level, p):
    a = 1 / (np.arange(6)[:, None] + np.arange(4) + 1.0)
    for matrix in (a, a.T):
        assert F.matrix_norm(matrix, p) == pytest.approx(HILBERT_NORMS[p], rel=1e-14, abs=1e-15)


def round_off(x, p):
    """The relative error in float64: half an eps for each addition of a chain (an eighth of a partial of 4,096
    elements, the partials and the last few), two for exp, and the errors of p log q and log(sum) / p."""
    size = x.shape[0]
    if p in (0, np.inf, -np.inf):
        return 2.0**-53
    in_sum = min(size, 4096) / 8 + size / 4096 + 8
    spread = 0 if p in (1, 2) else 2 * np.ptp(np.log(np.abs(x.astype(np.float64)))) + 6
    return 2.0**-53 * (2 + spread + (in_sum + (0 if p in (1, 2) else 4 + 2 * np.log(size))) / abs(p))


@pytest.mark.parametrize("p", ORDERS)
def test_vector_norm_is_numpys(level, dtype, p, rng):
    for size in [*SIZES[1:], 4096, 4097, 20000]:
        x = rng.normal(size=size).astype(dtype)
        expected = float(np.linalg.norm(x.astype(np.longdouble), p))
        assert F.vector_norm(x, p) == pytest.approx(expected, rel=round_off(x, p))
        if size > 1000:  # where the bound is wide, what is found is not
            assert F.vector_norm(x, p) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("p", ORDERS)
def test_along_an_axis(level, dtype, p, rng):
    x = rng.normal(size=(5, 33, 7)).astype(dtype)
    for axis in (-3, -2, -1, 0, 1, 2):
        got = F.vector_norm(x, p, axis=axis)
        assert got.dtype == dtype
        expected = np.linalg.norm(x.astype(np.longdouble), p, axis=axis).astype(np.float64)
        np.testing.assert_allclose(got, expected, rtol=np.finfo(dtype).eps / 2 + round_off(x.ravel(), p))
        out = np.empty_like(got)
        assert F.vector_norm(x, p, axis=axis, out=out) is out
        np.testing.assert_array_equal(out, got)


@pytest.mark.parametrize("p", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2), (7, 30), (31, 8), (40, 40), (65, 64)], ids=str)
def test_matrix_norm_is_numpys(level, dtype, p, shape, rng):
    a = rng.normal(size=shape).astype(dtype)
    double = a.astype(np.float64)
    spectral = float(np.linalg.norm(double, 2))
    # LAPACK and we are each within a few eps of the largest singular value; "nuc" adds min(shape) of them.
    allowed = 64 * 2.0**-52 * spectral * (min(shape) if p == "nuc" else 1)
    assert F.matrix_norm(a, p) == pytest.approx(float(np.linalg.norm(double, p)), rel=1e-13, abs=allowed)


def test_singular_values_of_a_known_matrix(level, rng):
    """Q diag(s) Q', with a spread of 1e12, multiple and zero values: absolute error of a few eps of the largest."""
    q = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    r = np.linalg.qr(rng.normal(size=(20, 20)))[0]
    s = np.array([1e6, 1e6, 1e6, 5, 5, 1, 0.1, 1e-3, 1e-6, 1e-6, *np.zeros(10)])
    a = (q * s) @ r
    assert F.matrix_norm(a, 2) == pytest.approx(1e6, rel=1e-14)
    assert F.matrix_norm(a, -2) == pytest.approx(0, abs=1e-8)
    assert F.matrix_norm(a, "nuc") == pytest.approx(s.sum(), rel=1e-14)
    assert F.matrix_norm(np.zeros((4, 3)), 2) == 0
    assert F.matrix_norm(np.ones((50, 30)), 2) == pytest.approx(np.sqrt(1500), rel=1e-15)
    assert F.matrix_norm(np.eye(17), "nuc") == 17


def test_nothing_overflows_or_underflows(level):
    for scale in (1e200, 1e-200, 1e300, 1e-300, 2.0**-1070):
        x = np.array([3, -4, 0]) * scale
        for p in (2, 3, 0.5, 1.5, -2):
            if p < 0:
                x = x[:2]
            expected = float(np.linalg.norm([3, -4, 0][: x.size], p)) * scale
            assert F.vector_norm(x, p) == pytest.approx(expected, rel=3e-13), (scale, p)
        assert F.vector_norm(np.array([3, -4]) * scale) == pytest.approx(5 * scale, rel=2.0**-52)
    for scale in (1e200, 1e-200):
        a = np.array(MATRIX) * scale
        for p in KINDS:
            assert F.matrix_norm(a, p) == pytest.approx(MATRIX_NORMS[p] * scale, rel=1e-13), (scale, p)
    # Numbers 400 orders of magnitude apart, of which the small one still counts: by mpmath, fsum and power as above.
    assert F.vector_norm([1e-200, 1e200], 0.01) == pytest.approx(1.01004966209287646e200, rel=1e-12)
    assert F.vector_norm(np.full(9, 3e38, np.float32)) == pytest.approx(9e38, rel=1e-6)
    assert F.vector_norm(np.full((1, 9), 3e38, np.float32), axis=1) == np.inf  # too large for float32
    assert F.vector_norm([1.7e308, 1.7e308]) == np.inf
    assert F.vector_norm([5e-324]) == 5e-324


@pytest.mark.parametrize("p", [2, 2.5, 1, np.inf])
def test_rows_do_not_depend_on_each_other(level, p, rng):
    """Also where one row has to be scaled and the others have not."""
    x = rng.normal(size=(20, 500))
    x[3] *= 1e200
    x[7] *= 1e-200
    whole = F.vector_norm(x, p, axis=1)
    for i in range(20):
        assert F.vector_norm(x[i], p) == whole[i]


@pytest.mark.parametrize("p", ORDERS)
def test_special_values_as_in_numpy(level, dtype, p):
    cases = [[1, np.nan, 2], [np.inf, 1], [-np.inf, np.nan], [0, 0], [0, 3], [np.inf, -np.inf], [0, np.inf]]
    for values in cases:
        x = np.array(values, dtype)
        with np.errstate(all="ignore"):
            expected = np.linalg.norm(x.astype(np.float64), p)
        got = F.vector_norm(x, p)
        assert got == pytest.approx(expected, nan_ok=True), values
        rows = np.stack([x, np.ones(x.size, dtype)])
        assert F.vector_norm(rows, p, axis=1)[0] == pytest.approx(expected, nan_ok=True), values


def test_non_finite_matrices():
    for p in KINDS:
        assert np.isnan(F.matrix_norm([[1.0, np.nan], [2.0, 3.0]], p)) or p in (-1, -np.inf)
        assert np.isnan(F.matrix_norm(np.full((2, 2), np.nan), p))
    for p in ("fro", "nuc", 1, 2, np.inf):
        assert F.matrix_norm([[1.0, -np.inf], [2.0, 3.0]], p) == np.inf


def test_empty():
    for p in (0, 1, 2, 3, np.inf):
        assert F.vector_norm(np.zeros(0), p) == 0
        np.testing.assert_array_equal(F.vector_norm(np.zeros((4, 0)), p, axis=1), np.zeros(4))
        assert F.vector_norm(np.zeros((0, 4)), p, axis=1).shape == (0,)
    assert F.vector_norm(np.zeros(0), -1) == np.inf
    with pytest.raises(ValueError, match=r"x is \(0,\)"):
        F.vector_norm(np.zeros(0), -np.inf)
    for p in ("fro", "nuc", 1, 2, np.inf):
        assert F.matrix_norm(np.zeros((0, 3)), p) == 0
        assert F.matrix_norm(np.zeros((3, 0)), p) == 0
    with pytest.raises(ValueError, match=r"a is \(3, 0\)"):
        F.matrix_norm(np.zeros((3, 0)), -2)


def test_laws(level, rng):
    x, y = rng.normal(size=60), rng.normal(size=60)
    orders = [1, 1.5, 2, 3, 10, np.inf]
    norms = [F.vector_norm(x, p) for p in orders]
    assert norms == sorted(norms, reverse=True)  # decreasing in p
    for p in orders:
        assert F.vector_norm(x + y, p) <= F.vector_norm(x, p) + F.vector_norm(y, p)
        assert F.vector_norm(-8 * x, p) == pytest.approx(8 * F.vector_norm(x, p), rel=1e-15)
    a = x.reshape(10, 6)
    assert F.matrix_norm(a, 2) ** 2 <= F.matrix_norm(a, 1) * F.matrix_norm(a, np.inf)
    assert F.matrix_norm(a, 2) <= F.matrix_norm(a, "fro") <= F.matrix_norm(a, "nuc")
    assert F.matrix_norm(a, 1) == F.matrix_norm(a.T, np.inf)
    assert F.matrix_norm(a, "fro") == F.vector_norm(a)


@pytest.mark.parametrize("p", [*KINDS, 3])
def test_threads_change_no_bit(level, backend, threads_forced, p, rng):
    a = rng.normal(size=(8, 600))
    results = []
    for threads in (1, 2, 3, 8):
        threads_forced(threads)
        _core.last_workers()  # forgets what was before
        vectors = [] if isinstance(p, str) else [F.vector_norm(a, p), *F.vector_norm(a, p, axis=0)]
        results.append(([] if p == 3 else [F.matrix_norm(a, p)]) + vectors)
        assert (_core.last_workers() > 1) == (threads > 1)
    assert results[0] == results[1] == results[2] == results[3]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_matrices(level, dtype, layout, rng):
    a = rng.normal(size=(12, 9)).astype(dtype)
    for p in KINDS:
        assert F.matrix_norm(LAYOUTS[layout](a), p) == F.matrix_norm(a, p)
    assert F.vector_norm(LAYOUTS[layout](a), 3) == F.vector_norm(a, 3)


def test_a_result_without_dimensions_has_an_out(dtype):
    out = np.zeros((), dtype)
    assert F.vector_norm(np.array([3, 4], dtype), out=out) is out
    assert out == 5
    twin = np.zeros((), dtype)
    assert R.vector_norm(np.array([3, 4], dtype), out=twin) is twin
    assert twin == 5
    assert F.vector_norm(-3.0) == 3


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.vector_norm([1.0], "fro"), TypeError, "'fro'"),
        (lambda: F.vector_norm([1.0], True), TypeError, "True"),
        (lambda: F.vector_norm([1.0], np.nan), ValueError, "nan"),
        (lambda: F.vector_norm([1.0], axis=1), ValueError, "axis"),
        (lambda: F.vector_norm(1.0, axis=0), ValueError, "single number"),
        (lambda: F.vector_norm([1j]), TypeError, "complex"),
        (lambda: F.vector_norm(None), TypeError, "None"),
        (lambda: F.matrix_norm([1.0, 2.0]), ValueError, r"\(2,\)"),
        (lambda: F.matrix_norm([[1.0]], 3), ValueError, "3"),
        (lambda: F.matrix_norm([[1.0]], "froebenius"), ValueError, "froebenius"),
        (lambda: F.matrix_norm([[1.0]], None), TypeError, "None"),
    ],
)
def test_errors_say_what_is_wrong(call, error, message):
    with pytest.raises(error, match=message):
        call()
