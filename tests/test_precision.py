"""precision="medium" and "high": products of operands rounded to bfloat16, or in two such parts, where the processor
gains from it; else float32. What AMX's tiles compute, real or emulated: tests/native/amx_test.cpp.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import densekit
import densekit.functional as F
from densekit import _core
from densekit.layers import BatchNorm, Dense, Dropout

ROUNDS, TWO_PARTS = _core.has_bfloat16(), _core.has_bfloat16(2)
needs_bfloat16 = pytest.mark.skipif(not ROUNDS, reason="this processor computes float32 as fast as bfloat16")
SHAPES = [
    (16, 2048, 16),
    (17, 129, 256),
    (64, 33, 511),
    (65, 600, 513),
    (14, 64, 700),
    (100, 1030, 1025),
    (1, 900, 900),
]


def rounded(x):
    """To 8 significant bits, ties to even."""
    bits = np.asarray(x, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def operands(rng, m, n, k, ta=False, tb=False):
    a = rng.normal(size=(k, m) if ta else (m, k)).astype(np.float32)
    b = rng.normal(size=(n, k) if tb else (k, n)).astype(np.float32)
    return a, b, {"transpose_a": ta, "transpose_b": tb}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("ta", "tb"), list(itertools.product([False, True], repeat=2)))
def test_error_is_bounded_and_is_that_of_rounded_operands(shape, ta, tb):
    m, n, k = shape
    a, b, how = operands(np.random.default_rng(m + n + k), m, n, k, ta, tb)
    left, right = (a.T if ta else a).astype(float), (b.T if tb else b).astype(float)
    found = F.matmul(a, b, precision="medium", **how)
    size = np.abs(left) @ np.abs(right)
    sums = k * 2.0**-24 * size
    assert np.all(np.abs(found - left @ right) <= 2.0**-7 * (1 + 2.0**-9) * size + sums)
    if ROUNDS and min(shape) >= 16 and m * n * k >= 524288:
        exact = rounded(left).astype(float) @ rounded(right).astype(float)
        assert np.all(np.abs(found - exact) <= sums)
        assert not np.array_equal(found, F.matmul(a, b, **how))
    else:
        np.testing.assert_array_equal(found, F.matmul(a, b, **how))


@pytest.mark.parametrize("shape", SHAPES)
def test_error_of_two_parts_is_bounded(shape):
    m, n, k = shape
    a, b, _ = operands(np.random.default_rng(m + n + k), m, n, k)
    found = F.matmul(a, b, precision="high")
    size = np.abs(a).astype(float) @ np.abs(b).astype(float)
    error = np.abs(found - a.astype(float) @ b.astype(float))
    assert np.all(error <= (3 * 2.0**-18 + 2 * (k + 8) * 2.0**-24) * size)
    assert np.sqrt(np.mean((error / size) ** 2)) <= 2e-6
    if not (TWO_PARTS and min(shape) >= 16 and m * n * k >= 524288):
        np.testing.assert_array_equal(found, F.matmul(a, b))


def test_integers_of_eight_bits_are_exact():
    rng = np.random.default_rng(0)
    a, b = (rng.integers(-128, 129, size=s).astype(np.float32) for s in ((70, 190), (190, 90)))
    np.testing.assert_array_equal(F.matmul(a, b, precision="medium"), a @ b)


@needs_bfloat16
def test_ties_go_to_even():
    a = np.full((64, 128), 1 + 2.0**-8, np.float32)  # between 1 and 1 + 2^-7
    b = np.full((128, 96), 1 + 3 * 2.0**-8, np.float32)
    np.testing.assert_array_equal(F.matmul(a, b, precision="medium"), np.float32(128 * (1 + 2.0**-6)))


@pytest.mark.parametrize("place", ["first", "last", "corner"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3.4e38, 1e-40, -1e-45])
@pytest.mark.parametrize("which", [0, 1])
def test_what_bfloat16_cannot_hold_is_computed_in_float32(value, which, place):
    a, b, _ = operands(np.random.default_rng(1), 66, 70, 600)
    spoilt = (a, b)[which]
    spoilt[{"first": (0, 0), "last": (-1, -1), "corner": (0, -1)}[place]] = value
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(F.matmul(a, b, precision="medium"), F.matmul(a, b))


@pytest.mark.parametrize("value", [0.0, -0.0, 2.0**-126, 3.3895e38])
def test_what_bfloat16_holds_is_not_refused(value):
    a, b, _ = operands(np.random.default_rng(2), 66, 70, 600)
    b[0], a[3, 0] = 0.0, value
    found = F.matmul(a, b, precision="medium")
    assert np.array_equal(found, F.matmul(a, b)) == (not ROUNDS)


def test_same_bits_for_every_number_of_threads_and_layout(backend):
    a, b, _ = operands(np.random.default_rng(3), 130, 1100, 700)
    before = _core.serial_threshold()
    _core.set_serial_threshold(0)
    try:
        results = []
        for threads in (1, 2, 3, 8):
            densekit.set_num_threads(threads)
            results += [
                F.matmul(a, b, precision="medium"),
                F.matmul(np.asfortranarray(a), b, precision="medium"),
                F.matmul(a, np.asfortranarray(b), precision="medium"),
            ]
    finally:
        _core.set_serial_threshold(before)
        densekit.set_num_threads(None)
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_strides_without_a_unit_are_computed_in_float32():
    a, b, _ = operands(np.random.default_rng(4), 140, 160, 1200)
    apart = np.zeros((280, 2400), np.float32)[::2, ::2]
    apart[...] = a
    np.testing.assert_array_equal(F.matmul(apart, b, precision="medium"), F.matmul(apart, b))


def test_levels_without_bfloat16_and_other_words_compute_float32(each_level):
    a, b, _ = operands(np.random.default_rng(5), 100, 120, 300)
    for _level in each_level():
        for precision in ("high", "medium"):
            same = np.array_equal(F.matmul(a, b, precision=precision), F.matmul(a, b))
            assert same == (not _core.has_bfloat16(2 if precision == "high" else 1))
    assert np.array_equal(
        F.matmul(a.astype(float), b.astype(float), precision="medium"), F.matmul(a.astype(float), b.astype(float))
    )


def network(precision, seed=0):
    layers = [Dense(256, "relu"), BatchNorm(), Dropout(0.2), Dense(128, "gelu"), Dense(10)]
    return densekit.Sequential(layers, seed=seed).compile(
        densekit.optimizers.Adam(0.002), "cross_entropy", ["accuracy"], precision=precision
    )


def test_digits_are_learnt_as_well():
    (X, y), (X_test, y_test) = densekit.datasets.load_digits()
    scores = {p: [] for p in ("highest", "medium")}
    for precision, seed in itertools.product(scores, range(3)):
        model = network(precision, seed)
        model.fit(X, y, epochs=12, batch_size=128, verbose=0)
        scores[precision].append(model.evaluate(X_test, y_test)["accuracy"])
    assert min(scores["medium"]) > 0.95
    assert abs(np.mean(scores["medium"]) - np.mean(scores["highest"])) < 0.015


def test_gradients_are_near_and_training_has_the_same_bits_for_every_number_of_threads():
    rng = np.random.default_rng(6)
    X, y = rng.normal(size=(256, 100)).astype(np.float32), rng.integers(0, 10, 256)
    after = {}
    for precision in ("highest", "medium"):
        for threads in (1, 2, 3):
            densekit.set_num_threads(threads)
            model = network(precision)
            model.fit(X, y, epochs=2, batch_size=128, verbose=0)
            after.setdefault(precision, []).append(np.concatenate([w.ravel() for w in model.get_weights()]))
    densekit.set_num_threads(None)
    for weights in after.values():
        np.testing.assert_array_equal(weights[1], weights[0])
        np.testing.assert_array_equal(weights[2], weights[0])
    difference = np.linalg.norm(after["medium"][0] - after["highest"][0]) / np.linalg.norm(after["highest"][0])
    assert (0 < difference < 0.02) if ROUNDS else difference == 0


def test_predictions_are_float32_whatever_the_training():
    rng = np.random.default_rng(7)
    X, y = rng.normal(size=(300, 100)).astype(np.float32), rng.integers(0, 10, 300)
    model = network("medium")
    model.fit(X, y, epochs=1, batch_size=100, verbose=0)
    other = network("highest").build(100)
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(model.predict(X), other.predict(X))
    np.testing.assert_array_equal(model.predict(X)[17:18], model(X[17:18]))
    assert model.evaluate(X, y) == other.evaluate(X, y)


def test_precision_is_saved(tmp_path):
    rng = np.random.default_rng(8)
    X, y = rng.normal(size=(256, 100)).astype(np.float32), rng.integers(0, 10, 256)
    model = network("medium")
    model.fit(X, y, epochs=1, batch_size=128, verbose=0)
    model.save(tmp_path / "model.npz")
    loaded = densekit.load(tmp_path / "model.npz")
    for one in (model, loaded):
        one.fit(X, y, epochs=1, batch_size=128, verbose=0)
    for a, b in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_unknown_words():
    with pytest.raises(ValueError, match="precision must be one of 'highest', 'high', 'medium', got 'hihg'"):
        network("hihg")
    with pytest.raises(ValueError, match="matmul: precision must be one of"):
        F.matmul(np.ones((2, 2)), np.ones((2, 2)), precision="low")
