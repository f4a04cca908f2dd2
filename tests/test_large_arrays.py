"""Results of 32 MiB and more go past the caches: the same bits as in parts, wherever they begin in a line of memory."""

from __future__ import annotations

import numpy as np
import pytest

import densekit.functional as F
from densekit import reference

SIZE = (36 << 20) // 4 + 5  # float32; the limit is 32 MiB


def numbers(size=SIZE, dtype=np.float32):
    block = np.random.default_rng(7).normal(size=100_003).astype(dtype)
    block[:5] = np.nan, np.inf, -np.inf, 0, -0.0
    return np.resize(block, size)


def in_parts(function, *arrays):
    cut = range(0, len(arrays[0]), 1 << 20)
    return np.concatenate([function(*(a[i : i + (1 << 20)] for a in arrays)) for i in cut])


def same_bits(a, b):
    """NaN is NaN: its sign is not promised."""
    a, b = (np.where(np.isnan(v), np.nan, v).astype(v.dtype) for v in (a, b))
    return a.dtype == b.dtype and np.array_equal(a.view(np.uint8), b.view(np.uint8))


@pytest.mark.parametrize("offset", [0, 1, 13], ids="begins {} elements behind a line".format)
def test_activations(level, offset):
    z, room = numbers(), np.full(SIZE + 32, 77, np.float32)
    begin = (-room.ctypes.data // 4) % 16 + offset
    y = room[begin : begin + SIZE]
    for forward, backward in ((F.relu, F.relu_backward), (F.tanh, F.tanh_backward)):
        assert F.relu(z, out=y) is y
        forward(z, out=y)
        assert same_bits(y, in_parts(forward, z))
        assert same_bits(backward(z, y), in_parts(backward, z, y))
        backward(z, z, out=y)
        assert same_bits(y, in_parts(backward, z, z))
    assert (room[:begin] == 77).all()
    assert (room[begin + SIZE :] == 77).all()


def test_float64_and_in_place(level):
    z = numbers(SIZE // 2 + 3, np.float64)
    expected = in_parts(F.silu, z)
    assert same_bits(F.silu(z), expected)
    assert same_bits(F.silu(z, out=z), expected)


@pytest.mark.parametrize("columns", [512, 500, 7], ids="{} columns".format)
def test_batch_norm(level, columns):
    rows = -(-SIZE // columns)
    x = np.resize(np.random.default_rng(3).normal(2, 3, 100_003).astype(np.float32), (rows, columns))
    gamma, beta = np.linspace(-2, 2, columns, dtype=np.float32), np.linspace(1, 0, columns, dtype=np.float32)
    mean, var = x.mean(axis=0, dtype=np.float64), x.var(axis=0, dtype=np.float64)
    y, saved = F.batch_norm(x, gamma, beta, return_saved=True)
    np.testing.assert_allclose(saved, [mean, 1 / np.sqrt(var + 1e-5)], rtol=1e-10)
    expected = (x[::997] - mean) * (saved[1] * gamma) + beta
    np.testing.assert_allclose(y[::997], expected, rtol=1e-6, atol=1e-6)
    running = mean.astype(np.float32), var.astype(np.float32)
    whole = F.batch_norm(x, gamma, beta, *running, training=False)
    half = rows // 2
    for part in (slice(None, half), slice(half, None)):
        assert same_bits(whole[part], F.batch_norm(x[part], gamma, beta, *running, training=False))
    dx, dgamma, dbeta = F.batch_norm_backward(y, x, gamma, saved=saved)
    exact = reference.batch_norm_backward(*(a.astype(np.float64) for a in (y, x, gamma)), saved=saved)
    np.testing.assert_allclose(dx, exact[0], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(dgamma, exact[1], rtol=1e-6, atol=1e-9 * rows)
    np.testing.assert_allclose(dbeta, exact[2], rtol=1e-6)


def test_dropout_from_memory(level):
    """The mask does not depend on how much is done at once."""
    x = numbers()
    y = F.dropout(x, 0.3, seed=5, step=9)
    kept = F.dropout_mask(SIZE, 0.3, seed=5, step=9)
    assert same_bits(y, np.where(kept, x * np.float32(1 / 0.7), np.float32(0)))
