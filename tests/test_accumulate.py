"""Accumulation: an update in several passes over ranges of its batch."""

from __future__ import annotations

import json

import networks as net
import numpy as np
import pytest
from random_networks import FIRST_OF_ALL_KINDS, Case

import densekit as dk
from densekit._reference_engine import ReferenceEngine
from densekit.layers import BatchNorm, Dense, Dropout, GaussianNoise

NUMBERS = range(FIRST_OF_ALL_KINDS, FIRST_OF_ALL_KINDS + 60)


def engines(spec):
    return [net.engine_of(name)(spec, []) for name in ("native", "reference")]


@pytest.mark.parametrize("first", range(0, len(NUMBERS), 15))
def test_the_engines_agree_on_random_networks(first, level):
    tried = 0
    for number in NUMBERS[first : first + 15]:
        case = Case(number, "float64")
        count = int(np.random.default_rng(number).integers(2, 9))
        if case.loss_kind == "rmse" or count > case.batch_size:
            continue
        native, twin = engines(case.spec)
        steps = len(twin._batches(case.rows, case.batch_size, False))
        results, outputs = [], np.zeros((2, case.rows, native.outputs))
        for engine, out in zip((native, twin), outputs, strict=True):
            order, rates = np.arange(case.rows)[::-1].copy(), np.full(steps, 1e-4)
            results.append(
                engine.epoch(case.x, case.y, case.weights, order, case.batch_size, rates, outputs=out, accumulate=count)
            )
        assert results[0]["loss"] == pytest.approx(results[1]["loss"], rel=1e-6), str(number)
        np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-4, atol=1e-4, err_msg=str(number))
        np.testing.assert_allclose(native.statistics, twin.statistics, rtol=1e-5, atol=1e-6, err_msg=str(number))
        tried += 1
    assert tried > 5


def gradient_by_sgd(spec, x, y, weights, accumulate):
    """The gradient of one update of all rows: sgd with a rate of 1 moves the parameters by it."""
    engine = net.engine_of("native")(spec, [])
    before = engine.parameters.copy()
    result = engine.epoch(x, y, weights, np.arange(len(x)), len(x), np.ones(1), accumulate=accumulate)
    return before - engine.parameters, result["loss"]


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 17, 64])
@pytest.mark.parametrize("kind", ["mse", "softmax_cross_entropy", "gaussian_nll"])
@pytest.mark.parametrize("reduction", ["mean", "count", "sum"])
def test_the_sum_over_ranges_is_the_gradient_of_the_batch(rng, rows, kind, reduction):
    """Where no layer looks at the batch; with dropout and noise, whose elements are those of the batch."""
    layers = [net.dense(8, "tanh"), net.dropout(0.4), net.dense(6), net.gaussian_noise(0.3), net.dropout(0.2)]
    fields = {"ignore_index": -1} if kind == "softmax_cross_entropy" else {}
    loss = net.loss(kind, reduction=reduction, factor=0.5, **fields)
    spec = net.network([*layers, net.dense(4)], 5, loss, net.optimizer("sgd"))
    x, y = rng.normal(size=(rows, 5)), net.targets(kind, rng, rows, 4)
    if y.ndim == 1:
        y[::3] = -1
    weights = rng.uniform(0, 2, rows)
    whole, loss_of_whole = gradient_by_sgd(spec, x, y, weights, 1)
    for count in range(2, rows + 1):
        parts, loss_of_parts = gradient_by_sgd(spec, x, y, weights, count)
        np.testing.assert_allclose(parts, whole, rtol=1e-9, atol=1e-12)
        assert loss_of_parts == pytest.approx(loss_of_whole, rel=1e-12, abs=1e-15)


def test_the_tree_has_a_fixed_shape(rng):
    """Eight ranges are, bit for bit, the sum of what four machines with two ranges each would find."""
    spec = net.network([net.dense(9, "gelu"), net.dense(3)], 6, net.loss("mse"), net.optimizer("sgd"), dtype="float32")
    x, y = rng.normal(size=(64, 6)).astype(np.float32), rng.normal(size=(64, 3)).astype(np.float32)
    engine = net.engine_of("native")(spec, [])
    engine.epoch(x, y, None, np.arange(64), 64, np.zeros(1), accumulate=8)
    # A machine's two ranges: their mean counts 16 rows, a quarter of the batch's divisor; powers of two change no bit.
    parts = []
    for machine in range(4):
        rows = slice(16 * machine, 16 * machine + 16)
        one = net.engine_of("native")(spec, [])
        one.epoch(x[rows], y[rows], None, np.arange(16), 16, np.zeros(1), accumulate=2)
        parts.append(one.gradients / 4)
    together = (parts[0] + parts[1]) + (parts[2] + parts[3])
    assert np.array_equal(engine.gradients, together)


def test_threads_change_no_bit(rng):
    spec = net.network(
        [net.dense(64, "relu"), net.batch_norm(), net.dense(3)],
        20,
        net.loss("mse"),
        net.optimizer("adam"),
        dtype="float32",
    )
    x, y = rng.normal(size=(400, 20)).astype(np.float32), rng.normal(size=(400, 3)).astype(np.float32)
    found = []
    try:
        for threads in (1, 2):
            dk.set_num_threads(threads)
            engine = net.engine_of("native")(spec, [])
            engine.epoch(x, y, None, np.arange(400), 100, np.full(4, 0.01), accumulate=3)
            found.append((engine.parameters.copy(), engine.statistics.copy()))
    finally:
        dk.set_num_threads(None)
    assert all(np.array_equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize(("rows", "count", "alone", "expected"), [
    (16, 4, False, [4, 4, 4, 4]), (17, 4, False, [4, 4, 4, 5]), (17, 4, True, [4, 4, 4, 5]),
    (21, 6, False, [4, 4, 4, 4, 4, 1]),
    (21, 6, True, [0, 4, 4, 4, 4, 5]), (3, 3, False, [0, 0, 3]), (10, 2, False, [4, 6]), (9, 4, True, [0, 4, 0, 5]),
])  # fmt: skip
def test_ranges_are_cut_at_multiples_of_four(rows, count, alone, expected):
    layers = [net.batch_norm()] if alone else []
    engine = ReferenceEngine(net.network([*layers, net.dense(1)], 1, net.loss("mse"), net.optimizer("sgd")), [])
    ranges = engine._ranges(rows, count)
    assert [end - begin for begin, end in ranges] == expected
    assert all(begin % 4 == 0 for begin, end in ranges if end > begin)
    assert [end for _, end in ranges if end][-1] == rows
    if alone:
        assert 1 not in [end - begin for begin, end in ranges]


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_batch_norm_commits_each_range_in_order(rng, engine):
    """As PyTorch does: the statistics follow every pass."""
    spec = net.network([net.batch_norm("bn", stats_decay=0.9)], 2, net.loss("mse"), net.optimizer("sgd"))
    made = net.engine_of(engine)(spec, [])
    x = rng.normal(size=(12, 2))
    made.epoch(x, x, None, np.arange(12), 12, np.zeros(1), accumulate=3)
    mean, variance = np.zeros(2), np.ones(2)
    for part in np.split(x, 3):
        mean, variance = 0.9 * mean + 0.1 * part.mean(axis=0), 0.9 * variance + 0.1 * part.var(axis=0)
    np.testing.assert_allclose(net.segment(made, "bn", "mean"), mean, rtol=1e-12)
    np.testing.assert_allclose(net.segment(made, "bn", "variance"), variance, rtol=1e-12)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_range_that_diverges_leaves_everything_as_it_was(rng, engine):
    layers = [net.dense(4, "tanh", "first"), net.batch_norm(), net.dense(1, name="last")]
    made = net.engine_of(engine)(net.network(layers, 3, net.loss("mse"), net.optimizer("adam")), [])
    x, y = rng.normal(size=(16, 3)), rng.normal(size=(16, 1))
    y[13] = np.inf
    before = made.parameters.copy(), made.statistics.copy()
    result = made.epoch(x, y, None, np.arange(16), 16, np.full(1, 0.1), accumulate=4)
    assert result["diverged"] == {"step": 0, "layer": "loss"}
    assert result["steps"] == made.step == 0
    assert np.array_equal(before[0], made.parameters)
    assert np.array_equal(before[1], made.statistics)


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_what_is_refused(rng, engine):
    x, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 1))
    make = net.engine_of(engine)
    plain = make(net.network([net.dense(1)], 3, net.loss("mse"), net.optimizer("sgd")), [])
    for count in (0, 9):
        with pytest.raises(ValueError, match=f"accumulate is {count}, expected 1 to the batch size, 8"):
            plain.epoch(x, y, None, np.arange(8), 8, np.zeros(1), accumulate=count)
    root = make(net.network([net.dense(1)], 3, net.loss("rmse"), net.optimizer("sgd")), [])
    with pytest.raises(ValueError, match="accumulate needs losses that are sums over rows"):
        root.epoch(x, y, None, np.arange(8), 8, np.zeros(1), accumulate=2)


# fit.


def model(engine=None, seed=0):
    layers = [Dense(32, "gelu"), BatchNorm(), Dropout(0.2), Dense(16, "tanh"), GaussianNoise(0.1), Dense(1)]
    return dk.Sequential(layers, seed=seed, engine=engine).compile(dk.optimizers.Adam(0.01), "mse", metrics=["mae"])


def test_fit_in_both_engines(rng):
    X, y = rng.normal(size=(300, 5)), rng.normal(size=300)
    histories = [
        model(engine).fit(X, y, batch_size=64, epochs=3, accumulate=5, verbose=0).history
        for engine in ("native", "reference")
    ]
    for key in ("loss", "mae"):
        np.testing.assert_allclose(histories[0][key], histories[1][key], rtol=1e-4)


@pytest.mark.parametrize(("rows", "batch_size", "accumulate"), [(200, 48, 3), (76, 64, 16), (65, 32, 7), (35, 32, 32)])
def test_batch_by_batch_has_the_bits_of_a_whole_epoch(rng, rows, batch_size, accumulate):
    """Also where a last batch is short, or one row longer."""

    class Watch(dk.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    X, y = rng.normal(size=(rows, 5)), rng.normal(size=rows)
    whole, cut = model(), model()
    how = {"batch_size": batch_size, "epochs": 2, "accumulate": accumulate, "verbose": 0}
    whole.fit(X, y, **how)
    cut.fit(X, y, **how, callbacks=[Watch()])
    assert all(np.array_equal(a, b) for a, b in zip(whole.get_weights(), cut.get_weights(), strict=True))


def test_it_learns_what_a_large_batch_learns(rng):
    """Without layers that look at the batch, the two differ by rounding alone."""
    X = rng.normal(size=(512, 4))
    y = np.sin(X[:, 0]) + X[:, 1]
    losses = []
    for accumulate in (1, 8):
        net_ = dk.Sequential([Dense(32, "tanh"), Dense(1)], seed=1).compile(dk.optimizers.Adam(0.01), "mse")
        losses.append(net_.fit(X, y, batch_size=256, epochs=30, accumulate=accumulate, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)
    assert losses[1][-1] < 0.2 * losses[1][0]


def test_it_needs_the_memory_of_a_part():
    """What a layer is given are the rows of one part."""
    seen = []

    class Rows(dk.layers.Layer):
        def build(self, inputs):
            return inputs

        def forward(self, x, parameters, training):
            if training:
                seen.append(len(x))
            return x, None

        def backward(self, dy, saved, parameters, gradients):
            return dy

    watched = dk.Sequential([Rows(), Dense(1)], seed=0).compile("sgd", "mse")
    watched.fit(np.zeros((1000, 3)), np.zeros(1000), batch_size=1000, accumulate=10, verbose=0)
    assert seen == [100] * 10


def test_wrong_arguments_of_fit(rng):
    X, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    made = dk.Sequential([Dense(1)], seed=0).compile("sgd", "mse")
    with pytest.raises(ValueError, match="accumulate must be a whole number from 1"):
        made.fit(X, y, accumulate=0)
    with pytest.raises(TypeError, match="accumulate must be a whole number"):
        made.fit(X, y, accumulate=1.5)
    with pytest.raises(ValueError, match="accumulate=33 parts of a batch need as many rows, but batch_size=32"):
        made.fit(X, y, accumulate=33)
    with pytest.raises(ValueError, match="needs a loss that is a sum over rows"):
        dk.Sequential([Dense(1)], seed=0).compile("sgd", "rmse").fit(X, y, accumulate=2)
    with pytest.raises(ValueError, match="L-BFGS takes all rows at once"):
        dk.Sequential([Dense(1)], seed=0).compile(dk.optimizers.LBFGS(), "mse").fit(X, y, accumulate=2)


def test_a_spec_of_the_case_is_one_of_all_kinds():
    kinds = {one["kind"] for number in NUMBERS for one in json.loads(Case(number, "float64").spec)["layers"]}
    assert {"parallel", "flatten", "reshape", "batch_norm", "residual"} <= kinds
