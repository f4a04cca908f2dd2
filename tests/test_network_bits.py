"""The native engine's results have the same bits with and without fusion, for any number of threads, in any batch."""

from __future__ import annotations

import functools
import json

import networks as net
import numpy as np
import pytest
from random_networks import Case
from thorough import some

import densekit
from densekit import _core
from densekit._reference_engine import ReferenceEngine
from densekit.layers import Activation, BatchNorm, Dense

TOGETHER = 10
# Those from 300 on have rows of several axes, too.
FIRSTS = [*range(0, 100, TOGETHER), *range(300, 400, TOGETHER)]
CHUNKS = pytest.mark.parametrize("first", some(FIRSTS, 2))
SOME_CHUNKS = pytest.mark.parametrize("first", some(FIRSTS, 5))


def dtype_of(number):
    return "float32" if number % 2 else "float64"


def make(spec, hosts=()):
    kind = {"float32": _core.NetworkFloat32, "float64": _core.NetworkFloat64}[json.loads(spec)["dtype"]]
    return kind(spec, list(hosts))


def trained(spec, case, epochs):
    """An engine after some epochs, and names and bits of all that they show."""
    engine = make(spec)
    rng = np.random.default_rng(case.rows)
    size = max(case.batch_size, -(-case.rows // 3))
    steps = case.rows // size
    seen = {}
    for epoch in range(epochs):
        outputs = np.zeros((case.rows, engine.outputs), case.dtype)
        order = rng.permutation(case.rows)
        rates = np.full(steps, 1e-3 / case.rows)  # losses may be sums
        result = engine.epoch(case.x, case.y, case.weights, order, size, rates, drop_last=True, outputs=outputs)
        seen |= {f"outputs {epoch}": outputs, f"result {epoch}": np.array([result["loss"], result["penalty"]])}
        assert result["diverged"] is None
    seen |= {"parameters": engine.parameters, "statistics": engine.statistics}
    seen |= {f"state {k}": state for k, state in enumerate(engine.states)}
    seen["predictions"] = engine.forward(case.x)
    return engine, seen


def everything(spec, case):
    """Training, then passes of every kind."""
    engine, seen = trained(spec, case, epochs=2)
    for training in (False, True):
        tape = engine.tape(case.x, training)
        dy = np.random.default_rng(1).normal(size=tape.output.shape).astype(case.dtype)
        dx, dparameters = tape.pullback(dy)
        seen |= {f"tape {training}": tape.output, f"dx {training}": dx, f"dparameters {training}": dparameters}
        seen[f"loss {training}"] = np.array(engine.loss(case.x, case.y, case.weights, training))
    engine.gradient(case.x, case.y, case.weights)
    seen["gradients"] = engine.gradients
    return seen


def assert_same_bits(one, other, what):
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value.view(np.uint8), other[name].view(np.uint8), err_msg=f"{what}: {name}")


@CHUNKS
def test_fusion_changes_no_bit(level, first):
    for number in range(first, first + TOGETHER):
        case = Case(number, dtype_of(number))
        apart = json.dumps({**json.loads(case.spec), "fuse": False})
        assert_same_bits(everything(case.spec, case), everything(apart, case), f"network {number}")


@SOME_CHUNKS
def test_the_number_of_threads_changes_no_bit(backend, threads_forced, first):
    for number in range(first, first + TOGETHER):
        case = Case(number, dtype_of(number), rows=1100)
        threads_forced(1)
        _, alone = trained(case.spec, case, epochs=1)
        for threads in (2, 3, 4, 8):
            threads_forced(threads)
            _core.last_workers()
            _, together = trained(case.spec, case, epochs=1)
            assert _core.last_workers() == threads
            assert_same_bits(alone, together, f"network {number}, {threads} threads")


@pytest.mark.parametrize("first", [*range(100, 120, TOGETHER), *range(400, 430, TOGETHER)])
def test_a_row_has_the_same_bits_in_any_batch(level, first, rng):
    """predict, and hidden of every layer."""
    for number in range(first, first + TOGETHER):
        case = Case(number, dtype_of(number), rows=1100)  # more than go through the network together
        engine = make(case.spec)
        engine.statistics[:] = rng.uniform(0.5, 2, engine.statistics.shape)
        names = [one["name"] for one in json.loads(case.spec)["layers"]]
        calls = [engine.forward, *(functools.partial(engine.hidden, layer=name) for name in names)]
        for call in calls:
            whole = call(case.x)
            for size in (1, 2, 17, 64, 500, 1024):
                starts = range(0, 1100, size) if size > 16 else [0, 1, 63, 64, 511, 1023, 1100 - size]
                for start in starts:
                    part = np.ascontiguousarray(case.x[start : start + size])
                    np.testing.assert_array_equal(call(part), whole[start : start + size], err_msg=f"{number}, {size}")


@CHUNKS
def test_passes_agree_with_the_reference(first):
    """hidden and tape of float64, in training and not."""
    for number in range(first, first + TOGETHER):
        case = Case(number, "float64")
        engine, reference = make(case.spec), ReferenceEngine(case.spec, [])
        reference.parameters[:] = engine.parameters
        engine.step = reference.step = number
        names = [one["name"] for one in json.loads(case.spec)["layers"]]
        names += [inner["name"] for one in json.loads(case.spec)["layers"] for inner in one.get("layers", [])]
        for training in (False, True):
            for name in names:
                ours, theirs = (e.hidden(case.x, name, training) for e in (engine, reference))
                np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11, err_msg=f"{number}: {name}")
            ours, theirs = (e.tape(case.x, training) for e in (engine, reference))
            np.testing.assert_allclose(ours.output, theirs.output, rtol=1e-11, atol=1e-11)
            dy = np.random.default_rng(number).normal(size=ours.output.shape)
            for _ in range(2):  # a tape can be pulled back more than once
                for a, b in zip(ours.pullback(dy), theirs.pullback(dy), strict=True):
                    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11 * np.abs(b).max(), err_msg=str(number))


def test_a_tape_against_central_differences(rng):
    stack = [
        net.dense(7, "gelu", "a"),
        net.residual([net.dense(7, "tanh", "b"), net.layer_norm()]),
        net.batch_norm("bn"),
    ]
    stack += [net.dropout(0.3), net.gaussian_noise(0.2), net.dense(4, "softmax", "last")]
    engine = make(net.network(stack, 5, net.loss("softmax_cross_entropy", link=True), seed=3))
    x, dy = rng.normal(size=(9, 5)), rng.normal(size=(9, 4))
    for training in (False, True):
        dx, dparameters = engine.tape(x, training).pullback(dy)
        for values, gradient in ((x, dx), (engine.parameters, dparameters)):
            for at in rng.permutation(values.size)[:40]:
                before, h = values.flat[at], 1e-6
                ends = []
                for sign in (1, -1):
                    values.flat[at] = before + sign * h
                    ends.append((dy * engine.forward(x, training)).sum())
                values.flat[at] = before
                assert gradient.flat[at] == pytest.approx((ends[0] - ends[1]) / (2 * h), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(("rows", "inputs", "units"), [(513, 300, 256), (1025, 300, 300), (577, 600, 200)])
def test_batches_that_are_cut_into_several_blocks_of_rows(rows, inputs, units):
    """The last block has fewer rows of 64 than there are tasks for."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(rows, inputs)).astype(np.float32), rng.integers(0, 5, rows)
    found = []
    for threads in (1, 2, 48):
        densekit.set_num_threads(threads)
        try:
            layers = [Dense(units, use_bias=False), BatchNorm(), Activation("relu"), Dense(5)]
            model = densekit.Sequential(layers, seed=0).compile("sgd", "cross_entropy")
            model.fit(x, y, epochs=2, batch_size=rows, verbose=0)
            found.append(np.concatenate([w.ravel() for w in model.get_weights()]))
        finally:
            densekit.set_num_threads(None)
    for weights in found[1:]:
        np.testing.assert_array_equal(weights, found[0])
