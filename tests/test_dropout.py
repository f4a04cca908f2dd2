"""Dropout: the generator's published answers, masks, modes, edges."""

from __future__ import annotations

import numpy as np
import pytest
from gradients import check_gradient
from numpy.testing import assert_allclose, assert_array_equal

import densekit.functional as F
from densekit import _core, reference
from densekit.reference.dropout import _philox

# Random123's kat_vectors, philox4x32 with 10 rounds: counter, key, words.
KNOWN_ANSWERS = [
    ([0, 0, 0, 0], [0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]
KNOWN = pytest.mark.parametrize(("counter", "key", "words"), KNOWN_ANSWERS)
BOTH = pytest.mark.parametrize("module", [F, reference], ids=["functional", "reference"])


@KNOWN
def test_philox_known_answers(counter, key, words, level):
    """In each lane: the block is asked for as the last of 1, 2, ... consecutive ones."""
    for before in range(17):
        first = [(counter[0] - before) % 2**32, *counter[1:]]
        assert _core.philox(first, key, before + 1)[-1].tolist() == words
    assert _philox(counter, key).tolist() == words


def test_philox_many_blocks(level, rng):
    counter, key = rng.integers(2**32, size=4), rng.integers(2**32, size=2)
    counter[0] = 2**32 - 50  # the first word wraps
    counters = np.tile(counter, (200, 1))
    counters[:, 0] = (counters[:, 0] + np.arange(200)) % 2**32
    for blocks in (0, 1, 7, 8, 9, 200):
        assert_array_equal(_core.philox(counter.tolist(), key.tolist(), blocks), _philox(counters[:blocks], key))


@KNOWN
@pytest.mark.parametrize("rate", [0.25, 0.5, 0.7, 0.9])
def test_masks_follow_from_the_known_answers(counter, key, words, rate, level):
    """Counter (element // 4, layer, step low, high), key (seed low, high), kept if word >= round(rate 2^32)."""
    kept = np.zeros(4, bool)
    _core.dropout_mask(rate, key[0] + (key[1] << 32), counter[2] + (counter[3] << 32), counter[1], 4 * counter[0], kept)
    assert kept.tolist() == [word >= round(rate * 2**32) for word in words]


@BOTH
def test_mask_literal(module, level):
    # From the first known answer: words 0.399, 0.881, 0.736, 0.605 of 2^32.
    assert module.dropout_mask(4, 0.5, seed=0).tolist() == [False, True, True, True]
    assert module.dropout_mask((2, 2), 0.7, seed=0).tolist() == [[False, True], [True, False]]
    assert module.dropout_mask(4, 0.88, seed=0).tolist() == [False, True, False, False]
    x = np.array([1.0, 2.0, 3.0, 4.0])
    assert module.dropout(x, 0.5, seed=0).tolist() == [0, 4, 6, 8]
    assert module.dropout(x, 0.5, seed=0, mode="classic").tolist() == [0, 2, 3, 4]
    assert module.dropout(x, 0.75, seed=0, mode="classic", training=False).tolist() == [0.25, 0.5, 0.75, 1]
    assert module.dropout(x, 0.75, seed=0, training=False).tolist() == [1, 2, 3, 4]
    assert module.dropout_backward(np.ones(4), 0.7, seed=0) == pytest.approx([0, 1 / 0.3, 1 / 0.3, 0], rel=1e-15)


def test_the_threshold_itself_is_kept(level):
    """word >= threshold, not >: the rate is chosen so that the threshold is the first word, exactly."""
    word = KNOWN_ANSWERS[0][2][0]
    for module in (F, reference):
        assert module.dropout_mask(1, word / 2**32, seed=0).tolist() == [True]
        assert module.dropout_mask(1, (word + 1) / 2**32, seed=0).tolist() == [False]


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 31, 32, 33, 64, 65, 257, 16384, 16385, 40001])
@pytest.mark.parametrize("rate", [2.0**-33, 2.0**-32, 0.1, 0.5, 0.999, 1 - 2.0**-33, 1 - 2.0**-34])
def test_masks_equal_the_reference_bit_for_bit(n, rate, level):
    how = {"seed": 2**63 + 12345, "step": 2**40 + 1, "layer": 9}
    mask = F.dropout_mask(n, rate, **how)
    assert_array_equal(mask, reference.dropout_mask(n, rate, **how))
    for dtype in (np.float32, np.float64):
        assert_array_equal(F.dropout(np.ones(n, dtype), rate, mode="classic", **how), mask)


def test_any_split_draws_the_same_mask(level):
    """Pieces that begin anywhere, also within a block of four."""
    whole = F.dropout_mask(3000, 0.4, seed=5, step=6, layer=7)
    x = np.arange(1.0, 3001)
    for begin, end in [(0, 1), (1, 2), (3, 1000), (17, 18), (1001, 1003), (2, 3000), (2999, 3000)]:
        part = np.empty(end - begin, bool)
        _core.dropout_mask(0.4, 5, 6, 7, begin, part)
        assert_array_equal(part, whole[begin:end])
        for dtype in (np.float32, np.float64):
            y = np.empty(end - begin, dtype)
            _core.dropout(x[begin:end].astype(dtype), y, 0.4, _core.DropoutMode.classic, True, 5, 6, 7, begin)
            assert_array_equal(y, np.where(whole[begin:end], x[begin:end], 0))


def test_bits_do_not_depend_on_threads(level, backend, threads_forced, rng):
    x = rng.normal(size=70001).astype(np.float32)
    threads_forced(1)
    mask, y = F.dropout_mask(70001, 0.3, seed=1), F.dropout(x, 0.3, seed=1)
    for count in (2, 3):
        threads_forced(count)
        _core.last_workers()
        assert_array_equal(F.dropout_mask(70001, 0.3, seed=1), mask)
        assert _core.last_workers() > 1
        assert_array_equal(F.dropout(x, 0.3, seed=1), y)


@pytest.mark.parametrize("mode", ["inverted", "classic"])
def test_the_mean_over_masks_is_the_test_output(mode):
    """1e5 masks: within 4 standard deviations of the mean, rate / (1 - rate) or rate (1 - rate) times x^2 / 1e5."""
    x, rate, masks = np.array([1.0, -2.0, 0.5, 3.0, 10.0]), 0.3, 100_000
    total = np.zeros(5)
    out = np.empty(5)
    for step in range(masks):
        total += F.dropout(x, rate, mode=mode, seed=11, step=step, out=out)
    deviation = np.abs(x) * np.sqrt((rate / (1 - rate) if mode == "inverted" else rate * (1 - rate)) / masks)
    assert (np.abs(total / masks - F.dropout(x, rate, mode=mode, training=False)) <= 4 * deviation).all()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_statistics_of_a_mask(rate):
    """The share that is kept; the correlation of neighbours, and of other steps, layers and seeds; 4.5 sigma."""
    n = 400_000
    kept = F.dropout_mask(n, rate, seed=1) - (1 - rate)
    sigma = rate * (1 - rate)
    assert abs(kept.mean()) <= 4.5 * np.sqrt(sigma / n)
    others = [np.roll(kept, lag) for lag in (1, 2, 3, 4, 8, 64)]
    others += [
        F.dropout_mask(n, rate, seed=s, step=t, layer=u) - (1 - rate) for s, t, u in [(2, 0, 0), (1, 1, 0), (1, 0, 1)]
    ]
    others += [
        F.dropout_mask(n, rate, seed=1, step=2**32) - (1 - rate),
        F.dropout_mask(n, rate, seed=1 + 2**32) - (1 - rate),
    ]
    for other in others:
        assert abs((kept * other).mean()) <= 4.5 * sigma / np.sqrt(n)


@BOTH
@pytest.mark.parametrize("mode", ["inverted", "classic"])
def test_rate_zero_keeps_and_rate_one_drops_everything(module, mode, level, dtype):
    x = np.array([np.nan, np.inf, -np.inf, -0.0, 1e-45, 3.0], dtype)
    assert_array_equal(module.dropout(x, 0, mode=mode), x)
    assert_array_equal(module.dropout(x, 0, mode=mode, training=False), x)
    assert_array_equal(module.dropout(x, 1, mode=mode), 0)
    assert_array_equal(module.dropout(x, 1, mode=mode, training=False), x if mode == "inverted" else 0)
    assert module.dropout_mask(5, 0, seed=3).all()
    assert not module.dropout_mask(5, 1, seed=3).any()
    assert not module.dropout_mask(5, 1.0, seed=3).any()


@BOTH
def test_what_is_dropped_is_zero_even_if_not_finite(module, level, dtype):
    mask = F.dropout_mask(300, 0.5, seed=4)
    for value in (np.nan, np.inf, -np.inf):
        y = module.dropout(np.full(300, value, dtype), 0.5, seed=4)
        assert_array_equal(y, np.where(mask, value, 0))


@pytest.mark.parametrize("mode", ["inverted", "classic"])
@pytest.mark.parametrize("training", [True, False])
def test_gradient(mode, training, level, rng):
    x, dy = rng.normal(size=(5, 7)), rng.normal(size=(5, 7))
    how = {"mode": mode, "training": training, "seed": 1, "step": 2, "layer": 3}
    gradient = F.dropout_backward(dy, 0.4, **how)
    check_gradient(lambda v: float(np.vdot(dy, F.dropout(v, 0.4, **how))), gradient, x, rng)


def test_denormals_survive(level):
    assert_array_equal(F.dropout(np.full(40, 1e-310), 0.5, seed=0, training=False), 1e-310)


def test_elements_that_cannot_be_numbered():
    """2^34 elements are numbered by 2^32 blocks of four; nothing is allocated or copied before the refusal."""
    huge = np.broadcast_to(np.float32(1), (2**34 + 1,))
    for call in (
        lambda: F.dropout_mask(2**34 + 1, 0.5, seed=0),
        lambda: F.dropout_mask((2**20, 2**20), 0.5, seed=0),
        lambda: F.dropout(huge, 0.5),
        lambda: F.dropout_backward(huge, 0.5),
    ):
        with pytest.raises(ValueError, match=r"more than the 2\^34 elements"):
            call()
    last = np.empty(4, bool)
    _core.dropout_mask(0.5, 0, 0, 0, 2**34 - 4, last)  # the last block that has a number
    assert_array_equal(last, _philox([2**32 - 1, 0, 0, 0], [0, 0]) >= 2**31)
    with pytest.raises(ValueError, match=r"2\^34"):
        _core.dropout_mask(0.5, 0, 0, 0, 2**34 - 3, last)


def test_shapes():
    assert F.dropout_mask((), 0.5, seed=0).shape == ()
    assert F.dropout_mask((3, 0), 0.5, seed=0).shape == (3, 0)
    assert F.dropout(2.0, 0.5, seed=1, training=False).shape == ()
    assert_array_equal(F.dropout_mask((5, 8), 0.5, seed=2).ravel(), F.dropout_mask(40, 0.5, seed=2))
    assert_allclose(F.dropout([1, 2, 3, 4], 0.5, seed=0), [0, 4, 6, 8])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: F.dropout(np.ones(3), 1.5), ValueError, r"rate must be a finite number in \[0, 1\], got 1.5"),
        (lambda: F.dropout(np.ones(3), -0.1), ValueError, "got -0.1"),
        (lambda: F.dropout(np.ones(3), np.nan), ValueError, "got nan"),
        (lambda: F.dropout(np.ones(3), "half"), TypeError, "rate must be a number, got 'half'"),
        (lambda: F.dropout(np.ones(3), 0.5, mode="invert"), ValueError, "did you mean 'inverted'"),
        (lambda: F.dropout(np.ones(3), 0.5, seed=-1), ValueError, "seed must be a whole number from 0"),
        (lambda: F.dropout(np.ones(3), 0.5, seed=2**64), ValueError, "seed must be a whole number"),
        (
            lambda: F.dropout(np.ones(3), 0.5, layer=2**32),
            ValueError,
            "layer must be a whole number from 0 to 4294967295",
        ),
        (lambda: F.dropout(np.ones(3), 0.5, training=None), TypeError, "training must be True or False, got None"),
        (lambda: F.dropout(np.ones(3), 0.5, step=1.0), TypeError, "step must be a whole number"),
        (lambda: F.dropout_mask(-1, 0.5, seed=0), ValueError, "shape must be a whole number"),
        (lambda: F.dropout_mask((2, 2.0), 0.5, seed=0), TypeError, "shape must be a whole number"),
        (lambda: F.dropout_mask(3, 0.5, seed=0, out=np.empty(3)), TypeError, "out is float64, expected bool"),
    ],
)
def test_refusals_quote_what_they_got(call, error, words):
    with pytest.raises(error, match=words):
        call()
