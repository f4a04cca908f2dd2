"""The matrix product: exact on integers, within its bound on real data, the same bits on every road."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import densekit.functional as F
from densekit import _core

K_BLOCK = 256
UGLY = [0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65]
KINDS = sorted(_core.Activation.__members__)


@pytest.fixture(params=["direct", "packed"])
def road(request):
    """Sends every product along one road, whatever its shape."""
    _core.set_road(request.param)
    yield request.param
    _core.set_road("automatic")


@pytest.fixture
def on_road():
    """A product along a road by name."""

    def product(name, a, b):
        _core.set_road(name)
        return F.matmul(a, b)

    yield product
    _core.set_road("automatic")


def integers(rng, shape, dtype):
    """Whole numbers from -3 to 3: sums of fewer than 2^24 / 9 products are exact in either type, in any order."""
    return rng.integers(-3, 4, shape).astype(dtype)


def in_float64(a, b):
    """The product in float64 without BLAS for few columns; exact on these integers either way."""
    return a.astype(np.float64) @ b.astype(np.float64)


# Each (level, dtype, road) visits the 3,375 shapes, forward and both gradients.
def test_every_ugly_shape_is_exact_on_integers(level, dtype, road, rng):
    memory = {size: integers(rng, size, dtype) for size in set(itertools.product(UGLY, UGLY))}
    elements = nonzero = shapes = 0
    for m, n, k in itertools.product(UGLY, UGLY, UGLY):
        x, w, dy = memory[m, k], memory[k, n], memory[m, n]
        y, dx, dw, db = (
            np.full((m, n), 99, dtype),
            np.full((m, k), 99, dtype),
            np.full((k, n), 99, dtype),
            np.empty(n, dtype),
        )
        _core.dense(x, w, None, _core.Activation.identity, 0.0, y, None)
        _core.dense_backward(dy, x, w, dx, dw, db)
        for got, expected in ((y, x @ w), (dx, dy @ w.T), (dw, x.T @ dy), (db, dy.sum(axis=0))):
            assert np.array_equal(got, expected), f"{level} {road}: m {m}, n {n}, k {k}, a result {got.shape}"
        if min(m, n, k) > 0:
            elements += y.size
            nonzero += np.count_nonzero(y)
        shapes += 1
    assert shapes == 3375
    assert nonzero >= 0.1 * elements


LARGE = [
    (1, 1, 255), (2, 3, 256), (5, 17, 257), (15, 33, 511), (15, 33, 512), (7, 40, 600),  # the blocks of k
    (83, 511, 257), (84, 512, 256), (85, 513, 255), (300, 20, 513), (23, 1030, 300),  # the blocks of rows and columns
    (36, 257, 258), (37, 255, 40), (24, 256, 20), (25, 600, 3),
]  # fmt: skip


@pytest.mark.parametrize("shape", LARGE, ids=str)
def test_shapes_across_blocks_are_exact_on_integers(level, dtype, road, shape, rng):
    m, n, k = shape
    x, w, dy = integers(rng, (m, k), dtype), integers(rng, (k, n), dtype), integers(rng, (m, n), dtype)
    np.testing.assert_array_equal(F.matmul(x, w), in_float64(x, w))
    dx, dw, db = F.dense_backward(dy, x, w)
    np.testing.assert_array_equal(dx, in_float64(dy, w.T))
    np.testing.assert_array_equal(dw, in_float64(x.T, dy))
    np.testing.assert_array_equal(db, dy.sum(axis=0, dtype=np.float64))


def transposed(a):
    return a.T.copy().T


def rows_backwards(a):
    return a[::-1].copy()[::-1]


def columns_backwards(a):
    return a[:, ::-1].copy()[:, ::-1]


def every_third_column(a):
    padded = np.full((a.shape[0], 3 * a.shape[1]), np.nan, a.dtype)
    padded[:, ::3] = a
    return padded[:, ::3]


def every_second_row(a):
    padded = np.full((2 * a.shape[0], a.shape[1]), np.nan, a.dtype)
    padded[::2] = a
    return padded[::2]


def wide_rows(a):
    padded = np.full((a.shape[0], a.shape[1] + 5), np.nan, a.dtype)
    padded[:, 2:-3] = a
    return padded[:, 2:-3]


def both_backwards_transposed(a):
    return a.T[::-1, ::-1].copy()[::-1, ::-1].T


STRIDES = [
    transposed,
    rows_backwards,
    columns_backwards,
    every_third_column,
    every_second_row,
    wide_rows,
    both_backwards_transposed,
]


@pytest.mark.parametrize("shape", [(5, 6, 7), (33, 70, 40), (30, 65, 300)], ids=str)
def test_strides_change_no_bit(level, dtype, road, shape, rng):
    m, n, k = shape
    a, b = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    expected = F.matmul(a, b)
    for of_a, of_b in itertools.product([np.ascontiguousarray, *STRIDES], repeat=2):
        va, vb = of_a(a), of_b(b)
        np.testing.assert_array_equal(va, a)
        np.testing.assert_array_equal(F.matmul(va, vb), expected, err_msg=f"{of_a.__name__}, {of_b.__name__}")


def test_zero_strides(level, dtype, road, rng):
    """np.broadcast_to gives strides of zero, along either axis and both."""
    for m, n, k in ((5, 6, 7), (40, 33, 270)):
        kinds = {
            "rows": lambda shape: np.broadcast_to(rng.normal(size=(1, shape[1])).astype(dtype), shape),
            "columns": lambda shape: np.broadcast_to(rng.normal(size=(shape[0], 1)).astype(dtype), shape),
            "both": lambda shape: np.broadcast_to(dtype(rng.normal()), shape),
        }
        for of_a, of_b in itertools.product(kinds.values(), repeat=2):
            a, b = of_a((m, k)), of_b((k, n))
            np.testing.assert_array_equal(F.matmul(a, b), F.matmul(a.copy(), b.copy()))


def test_transpose_flags(level, dtype, rng):
    a, b = integers(rng, (5, 9), dtype), integers(rng, (9, 4), dtype)
    np.testing.assert_array_equal(F.matmul(a.T.copy(), b, transpose_a=True), a @ b)
    np.testing.assert_array_equal(F.matmul(a, b.T.copy(), transpose_b=True), a @ b)
    np.testing.assert_array_equal(F.matmul(a.T.copy(), b.T.copy(), transpose_a=True, transpose_b=True), a @ b)


DEPTHS = [1, 2, 17, 64, 255, 256, 257, 784, 4096, 65536]


def exact(a, b):
    """The product with more digits than the type under test has."""
    wider = np.float64 if a.dtype == np.float32 else np.longdouble
    return (a.astype(wider)[:, :, None] * b.astype(wider)[None]).sum(axis=1)


def unit(dtype):
    """Half an eps, the largest relative error of one rounding."""
    if dtype == np.float64 and np.finfo(np.longdouble).eps == np.finfo(np.float64).eps:
        pytest.skip("long double is double here: there is no better truth")
    return float(np.finfo(dtype).eps) / 2


@pytest.mark.parametrize("k", DEPTHS)
def test_error_bound_on_all_inputs(level, dtype, road, k, rng):
    """(kc + ceil(K / kc) + 2) u sum |a||b|: a chain of kc, then the blocks. Positive data is where errors pile up."""
    draws = {
        "positive": lambda shape: rng.uniform(0.5, 1, shape),
        "uneven": lambda shape: rng.normal(size=shape) * 10.0 ** rng.uniform(-6, 6, shape),
    }
    for draw in draws.values():
        a, b = draw((3, k)).astype(dtype), draw((k, 19)).astype(dtype)
        bound = (min(k, K_BLOCK) + -(-k // K_BLOCK) + 2) * unit(dtype) * exact(np.abs(a), np.abs(b))
        assert (np.abs(F.matmul(a, b) - exact(a, b)) <= bound).all()


@pytest.mark.parametrize("k", DEPTHS)
def test_two_eps_on_zero_mean_data(level, dtype, k, rng):
    a, b = rng.normal(size=(7, k)).astype(dtype), rng.normal(size=(k, 19)).astype(dtype)
    error = np.abs(F.matmul(a, b) - exact(a, b)) / exact(np.abs(a), np.abs(b))
    assert error.max() <= 2 * 2 * unit(dtype)


BIT_SHAPES = [(1, 1, 1), (1, 300, 257), (13, 70, 300), (64, 64, 64), (100, 31, 515), (200, 530, 90), (530, 16, 20)]


@pytest.mark.parametrize("shape", BIT_SHAPES, ids=str)
def test_both_roads_give_the_same_bits(level, dtype, shape, rng, on_road):
    m, n, k = shape
    a, b = rng.normal(size=(m, k)).astype(dtype), rng.normal(size=(k, n)).astype(dtype)
    expected = on_road("direct", a, b)
    np.testing.assert_array_equal(on_road("packed", a, b), expected)
    np.testing.assert_array_equal(on_road("automatic", a, b), expected)
    for of_b in (transposed, every_third_column):
        np.testing.assert_array_equal(on_road("direct", a, of_b(b)), expected)
        np.testing.assert_array_equal(on_road("packed", transposed(a), of_b(b)), expected)


@pytest.mark.parametrize("shape", BIT_SHAPES, ids=str)
def test_threads_change_no_bit(level, dtype, road, shape, backend, threads_forced, rng):
    m, n, k = shape
    x, w, dy = (rng.normal(size=s).astype(dtype) for s in ((m, k), (k, n), (m, n)))
    b = rng.normal(size=n).astype(dtype)
    threads_forced(1)
    expected = F.dense(x, w, b, activation="gelu"), F.dense(x, w.T.copy().T, b), *F.dense_backward(dy, x, w)
    for threads in (2, 3, 8):
        threads_forced(threads)
        got = F.dense(x, w, b, activation="gelu"), F.dense(x, w.T.copy().T, b), *F.dense_backward(dy, x, w)
        for g, e in zip(got, expected, strict=True):
            np.testing.assert_array_equal(g, e, err_msg=f"{threads} threads")


def test_several_threads_do_take_part(level, road, threads_forced, rng):
    """Else the test above compares nothing: the last part of a product of this size has work for three."""
    a, b = rng.normal(size=(300, 300)), rng.normal(size=(300, 300))
    threads_forced(3)
    _core.last_workers()  # forgets what other tests did
    F.matmul(a, b)
    assert _core.last_workers() == 3


def test_a_row_does_not_depend_on_its_batch(level, dtype, rng):
    """On the road that the shape chooses, and that is not the same for one row and for many."""
    a, b = rng.normal(size=(700, 300)).astype(dtype), rng.normal(size=(300, 90)).astype(dtype)
    whole = F.matmul(a, b)
    for first, last in ((0, 1), (0, 2), (3, 20), (5, 61), (13, 14), (100, 500), (699, 700)):
        np.testing.assert_array_equal(F.matmul(a[first:last], b), whole[first:last])
    for first, last in ((0, 1), (1, 33), (31, 90), (89, 90)):
        np.testing.assert_array_equal(F.matmul(a, b[:, first:last]), whole[:, first:last])


def test_alignment_changes_no_bit(level, dtype, road, rng):
    def moved(a, by):
        memory = np.empty(a.size + by, a.dtype)
        view = memory[by:].reshape(a.shape)
        view[...] = a
        return view

    a, b = rng.normal(size=(21, 280)).astype(dtype), rng.normal(size=(280, 35)).astype(dtype)
    expected = F.matmul(a, b)
    for by in range(1, 17):
        np.testing.assert_array_equal(F.matmul(moved(a, by), moved(b, 17 - by), out=moved(expected, by)), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(3, 5, 4), (37, 45, 300), (5, 600, 20), (9, 3, 0)], ids=str)
def test_fused_is_unfused(level, dtype, road, shape, kind, rng):
    """Bias, activation and what is saved for its slope have the bits of a product followed by two separate steps."""
    m, n, k = shape
    parameter = {"leaky_relu": 0.01, "elu": 1.0}.get(kind, 0.0)
    number = _core.Activation.__members__[kind]
    x, w, b = (
        rng.normal(size=(m, k)).astype(dtype),
        rng.normal(size=(k, n)).astype(dtype),
        rng.normal(size=n).astype(dtype),
    )
    z = F.matmul(x, w) + b
    expected = np.empty_like(z)
    _core.activation_forward(number, z, expected, parameter)
    y, saved, alone = np.empty_like(z), np.empty_like(z), np.empty_like(z)
    _core.dense(x, w, b, number, parameter, y, saved)
    np.testing.assert_array_equal(y, expected)
    np.testing.assert_array_equal(saved, z if _core.saves_input(number) else expected)
    _core.dense(x, w, b, number, parameter, alone, None)
    np.testing.assert_array_equal(alone, expected)


@pytest.mark.parametrize("name", [None, *sorted(set(KINDS) - {"gelu_tanh"})])
def test_dense_is_its_parts(level, dtype, name, rng):
    x, w, b = (
        rng.normal(size=(13, 70)).astype(dtype),
        rng.normal(size=(70, 33)).astype(dtype),
        rng.normal(size=33).astype(dtype),
    )
    z = F.matmul(x, w) + b
    expected = z if name is None else getattr(F, name)(z)
    y, saved = F.dense(x, w, b, activation=name, return_saved=True)
    np.testing.assert_array_equal(y, expected)
    keeps_z = name is not None and _core.saves_input(_core.Activation.__members__[name])
    np.testing.assert_array_equal(saved, z if keeps_z else expected)
    np.testing.assert_array_equal(F.dense(x, w, b, activation=name), expected)


def product_by_definition(a, b):
    with np.errstate(all="ignore"):
        return (a[:, :, None] * b[None]).sum(axis=1)


def classes(a):
    """What of an array must agree: where NaN is, where an infinity and of which sign."""
    return np.where(np.isnan(a), 2, np.where(np.isposinf(a), 1, np.where(np.isneginf(a), -1, 0)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("shape", [(7, 19, 5), (30, 37, 270)], ids=str)
def test_non_finite_numbers_go_where_numpy_has_them(level, dtype, road, shape, bad, rng):
    m, n, k = shape
    for position in range(12):
        a, b = integers(rng, (m, k), dtype), integers(rng, (k, n), dtype)  # there are zeros: infinity * 0 is NaN
        i, p, j = rng.integers(m), rng.integers(k), rng.integers(n)
        if position % 3 != 1:
            a[i, p] = bad
        if position % 3 != 0:
            b[rng.integers(k) if position % 2 else p, j] = bad
        expected = product_by_definition(a, b)
        assert not np.isfinite(expected).all()
        got = F.matmul(a, b)
        np.testing.assert_array_equal(classes(got), classes(expected))
        finite = np.isfinite(expected)
        np.testing.assert_array_equal(got[finite], expected[finite])


def test_denormals_and_signs_of_small_products(level, dtype, road):
    tiny = np.finfo(dtype).smallest_subnormal
    a, b = np.full((3, 5), tiny, dtype), np.eye(5, 18, dtype=dtype)
    np.testing.assert_array_equal(F.matmul(a, b), product_by_definition(a, b))


def test_no_products_leave_the_bias(level, dtype, road):
    x, w, b = np.empty((3, 0), dtype), np.empty((0, 20), dtype), np.arange(-10, 10).astype(dtype)
    np.testing.assert_array_equal(F.dense(x, w, b, activation="relu"), np.tile(np.maximum(b, 0), (3, 1)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_denormals_are_zero_in_large_products_alone(level, dtype):
    tiny = np.finfo(dtype).smallest_subnormal * 100
    for size, kept in ((64, True), (128, False)):
        a, b = np.full((size, size), tiny, dtype), np.ones((size, size), dtype)
        for left, right in ((a, b), (b, a)):
            product = F.matmul(left, right)
            assert (product == (size * tiny if kept else 0)).all()
        assert (F.dense_backward(a, b, b)[0] == (size * tiny if kept else 0)).all()
    assert (F.relu(np.full(1000, tiny, dtype)) == tiny).all()  # and the state is what it was
    assert (np.full(1000, tiny, dtype) * 1 == tiny).all()
