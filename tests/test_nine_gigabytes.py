"""One array of 2.3e9 float32 numbers (9.2 GB): elementwise operations over it in place, and predictions from it.

More elements than 31 bits count, and more bytes than 33 bits. Takes 13 GB of memory and minutes, so it runs
with DENSEKIT_THOROUGH=1, where there is so much. The array repeats a block of a prime number of elements, so that a
place that wraps around has other numbers than the right one.
"""

from __future__ import annotations

import os
import sys
import time

import numpy as np
import pytest
from helpers import OPS
from probing import is_elementwise

import densekit as dk
import densekit.functional as F
from densekit.layers import Dense

ELEMENTS = 2_300_000_000
BLOCK = 1_000_003
NEEDED = 13 << 30


def available():
    if sys.platform != "linux":
        return 0
    with open("/proc/meminfo") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) << 10


pytestmark = [
    pytest.mark.skipif(os.environ.get("DENSEKIT_THOROUGH") != "1", reason="9.2 GB: DENSEKIT_THOROUGH=1"),
    pytest.mark.skipif(available() < NEEDED, reason=f"needs {NEEDED >> 30} GB of memory"),
]


@pytest.fixture(scope="module")
def block():
    block = np.random.default_rng(9).uniform(-4, 4, BLOCK).astype(np.float32)
    block[:4] = 0, -0.0, np.inf, 1e-40
    return block


@pytest.fixture(scope="module")
def large():
    return np.empty(ELEMENTS, np.float32)


def fill(large, block):
    for begin in range(0, len(large), BLOCK):
        part = large[begin : begin + BLOCK]
        part[...] = block[: len(part)]


def first_difference(large, expected):
    """The place of the first element with other bits than those of the block that repeats; None: there is none."""
    bits = expected.view(np.int32)
    for begin in range(0, len(large), BLOCK):
        part = large[begin : begin + BLOCK].view(np.int32)
        if not np.array_equal(part, bits[: len(part)]):
            return begin + int(np.argmax(part != bits[: len(part)]))
    return None


# Those with two arrays take the same one twice; all write over it.
NAMES = [n for n, op in OPS.items() if is_elementwise(n) and not op.in_place and op.module == "densekit.functional"]


def call_of(name, array):
    """The operation on the array in each of its places."""
    op = OPS[name]
    call = op.domain(np.random.default_rng(0), np.float32, 12)
    return lambda out: op.function(*(array for _ in call.args), **call.kwargs, **({} if out is None else {"out": out}))


@pytest.mark.parametrize("name", NAMES)
def test_elementwise_operations_in_place(name, large, block):
    expected = call_of(name, block.copy())(None)
    fill(large, block)
    begun = time.perf_counter()
    assert call_of(name, large)(large) is large
    print(f"figure: {name} over 9.2 GB in {time.perf_counter() - begun:.1f} s")
    assert first_difference(large, expected) is None


def test_dropout_in_place(large, block):
    """The random numbers belong to places, which go on beyond 2^31."""
    fill(large, block)
    large[-70_000:] = 1
    F.dropout(large, 0.25, seed=3, step=4, out=large)
    kept = large[-70_000:] != 0
    assert abs(kept.mean() - 0.75) < 0.01
    alone = F.dropout(np.ones(70_000, np.float32), 0.25, seed=3, step=4) != 0
    assert not np.array_equal(kept, alone)  # the numbers do not begin again


@pytest.mark.parametrize("columns", [10, 1000], ids="{} columns".format)
def test_predict(columns, large, block):
    """Predictions from 2.3e8 or 2.3e6 rows, in batches; each row has the bits that it has alone."""
    fill(large, np.nan_to_num(block, posinf=0))
    X = large.reshape(-1, columns)
    model = dk.Sequential([Dense(4, "relu"), Dense(1)], seed=0).compile("sgd", "mse").build(columns)
    P = model.predict(X, batch_size=1 << 20)
    assert P.shape == (len(X), 1)
    for begin in (0, len(X) // 2, len(X) - 1000, (1 << 31) // columns - 500):
        np.testing.assert_array_equal(P[begin : begin + 1000], model.predict(X[begin : begin + 1000]))
