"""The short ways past conversion, `_core.ready` and `_core.plain_dense`, take only what a kernel can take as it is."""

from __future__ import annotations

import numpy as np
import pytest

from densekit import _core


def array(n=6, dtype=np.float32):
    return np.zeros((2, n // 2), dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_plain_arrays(dtype):
    a, b, c = array(dtype=dtype), array(dtype=dtype), array(dtype=dtype)
    assert _core.ready((a,), ())
    assert _core.ready((a, b), (c,))
    assert _core.ready((a, a), ())  # reading twice is no harm
    assert _core.ready((np.zeros((0, 3), dtype),), (np.zeros((0, 3), dtype),))


class Sub(np.ndarray):
    pass


def read_only():
    a = array()
    a.flags.writeable = False
    return a


WRONG = {
    "a list": lambda: [[0.0] * 3] * 2,
    "None": lambda: None,
    "whole numbers": lambda: array(dtype=np.int32),
    "half precision": lambda: array(dtype=np.float16),
    "the other byte order": lambda: array().astype(">f4"),
    "a subclass": lambda: array().view(Sub),
    "masked": lambda: np.ma.masked_array(array()),
    "columns": lambda: np.zeros((3, 2), np.float32).T,
    "every other one": lambda: np.zeros((2, 6), np.float32)[:, ::2],
    "not aligned": lambda: np.zeros(25, np.uint8)[1:].view(np.float32).reshape(2, 3),
}


@pytest.mark.parametrize("what", WRONG)
def test_everything_else_goes_the_long_way(what):
    assert not _core.ready((WRONG[what](),), ())
    assert not _core.ready((), (WRONG[what](),))
    assert not _core.ready((array(),), (WRONG[what](),))


def test_unlike_arrays():
    a = array()
    assert not _core.ready((a, array(8)), ())
    assert not _core.ready((a, a.reshape(3, 2)), ())
    assert not _core.ready((a, a.ravel()), ())
    assert not _core.ready((a, array(dtype=np.float64)), ())


def test_what_is_written_is_writeable_and_apart():
    a, room = array(), np.zeros(20, np.float32)
    assert _core.ready((read_only(),), (a,))
    assert not _core.ready((), (read_only(),))
    assert not _core.ready((a,), (a,))
    assert not _core.ready((), (a, a))
    assert not _core.ready((room[:6],), (room[5:11],))
    assert _core.ready((room[:6],), (room[6:12],))
    assert _core.ready((room[6:12],), (room[:6], room[12:18]))
    assert not _core.ready((room[6:12],), (room[:6], room[11:17]))


def dense(x, w, b=None, out=None):
    return _core.plain_dense(x, w, b, _core.Activation.relu, 0.0, out)


def matrices(dtype=np.float32):
    rng = np.random.default_rng(1)
    return [rng.normal(size=shape).astype(dtype) for shape in ((5, 4), (4, 3), (3,))]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_plain_dense(dtype):
    x, w, b = matrices(dtype)
    expected = np.maximum(x @ w + b, 0)
    np.testing.assert_allclose(dense(x, w, b), expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(dense(x, w), np.maximum(x @ w, 0), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(dense(x.T.copy().T, w[::-1][::-1], b), expected, rtol=1e-6, atol=1e-6)
    out = np.full((5, 3), np.nan, dtype)
    assert dense(x, w, b, out) is out
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-6)
    assert dense(x[:0], w, b).shape == (0, 3)


def test_plain_dense_leaves_the_rest_to_the_long_way():
    x, w, b = matrices()
    for wrong in WRONG.values():
        assert dense(wrong(), w) is None or wrong().shape != (5, 4)
    wide = np.float64
    for arguments in (
        (x, w.astype(wide)),
        (x, w, b.astype(wide)),
        (x, w[:3]),
        (x[0], w),
        (x, w, b[:2]),
        (x, w, np.repeat(b, 2)[::2]),
        (x.tolist(), w),
        (x, w, b, np.empty((5, 3), wide)),
        (x, w, b, np.empty((5, 4), np.float32)),
        (x, w, b, np.empty((3, 5), np.float32).T),
        (x, w, b, np.empty((5, 3), np.float32).view(Sub)),
    ):
        assert dense(*arguments) is None


def test_plain_dense_writes_over_nothing():
    room = np.ones(60, np.float32)
    x, w = room[:20].reshape(5, 4), room[20:32].reshape(4, 3)
    assert dense(x, w, None, room[5:20].reshape(5, 3)) is None
    assert dense(x, w, None, room[31:46].reshape(5, 3)) is None
    kept = np.zeros((5, 3), np.float32)
    kept.flags.writeable = False
    assert dense(x, w, None, kept) is None
    assert (dense(x, w, None, room[32:47].reshape(5, 3)) == 4).all()
