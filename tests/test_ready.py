"""`_core.ready` says yes only to what a kernel may be given as it is."""

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
