"""The native engine's edges: what it refuses, Python's layers and losses inside it, threads, data of any layout."""

from __future__ import annotations

import json
import threading

import networks as net
import numpy as np
import pytest

from densekit import _core
from densekit._reference_engine import ReferenceEngine


def make(stack, inputs, loss, optimizer=None, hosts=(), **more):
    spec = net.network(stack, inputs, loss, optimizer or net.optimizer("sgd"), **more)
    kind = _core.NetworkFloat32 if json.loads(spec)["dtype"] == "float32" else _core.NetworkFloat64
    return kind(spec, list(hosts))


def classifier(**more):
    stack = [net.dense(6, "relu", "first"), net.dense(3, "softmax", "last")]
    return make(stack, 4, net.loss("softmax_cross_entropy", link=True), **more)


def run(engine, x, y, weights=None, order=None, size=4, lr=0.1, **more):
    """An epoch with one learning rate."""
    order = np.arange(len(x)) if order is None else order
    steps = -(-len(order) // size) if not more.get("drop_last") else len(order) // size
    return engine.epoch(x, y, weights, order, size, np.full(steps, lr), **more)


# What is refused, before anything has changed.


def valid(rng):
    return {
        "x": rng.normal(size=(8, 4)),
        "y": rng.integers(0, 3, 8),
        "weights": rng.uniform(1, 2, 8),
        "order": np.arange(8),
        "batch_size": 4,
        "lr": np.full(2, 0.1),
    }


REFUSED = {
    "a label too large": ({"y": np.full(8, 3)}, ValueError, "label 3 in row 0 is not a class: expected 0 to 2"),
    "a negative label": ({"y": np.array([0, 1, -1, 0, 0, 0, 0, 0])}, ValueError, "label -1 in row 2"),
    "too few labels": ({"y": np.zeros(7, np.int64)}, ValueError, r"y is \(7,\), expected \(8,\)"),
    "targets too narrow": ({"y": np.zeros((8, 2))}, ValueError, "targets have 2 columns, expected 3"),
    "targets that are flat": ({"y": np.zeros(8)}, ValueError, r"y is \(8,\), expected \(8, m\)"),
    "targets of another dtype": ({"y": np.zeros((8, 3), np.float32)}, TypeError, "y is float32, expected int64 labels"),
    "targets that are strided": ({"y": np.zeros((8, 6))[:, ::2]}, ValueError, "y must be C-contiguous"),
    "x too wide": ({"x": np.zeros((8, 5))}, ValueError, r"x is \(8, 5\), expected \(n, 4\)"),
    "x of integers": ({"x": np.zeros((8, 4), np.int64)}, TypeError, "x is int64, expected float32, float64 or uint8"),
    "too few weights": ({"weights": np.ones(7)}, ValueError, "weights"),
    "a row that is not there": (
        {"order": np.array([0, 8])},
        ValueError,
        r"order\[1\] is 8, expected the number of one of 8 rows",
    ),
    "a negative row": ({"order": np.array([-1, 0])}, ValueError, r"order\[0\] is -1"),
    "no batch size": ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
    "too few rates": ({"lr": np.ones(1)}, ValueError, r"lr"),
    "a rate that is no number": ({"lr": np.array([np.nan, 0.1])}, ValueError, "lr is nan, expected a finite number"),
    "a negative rate": ({"lr": np.array([-0.1, 0.1])}, ValueError, "lr is -0.1"),
    "outputs too narrow": ({"outputs": np.empty((8, 2))}, ValueError, "outputs"),
    "outputs of another dtype": ({"outputs": np.empty((8, 3), np.float32)}, TypeError, "outputs"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(rng, name):
    wrong, kind, text = REFUSED[name]
    engine = classifier()
    before = engine.parameters.copy()
    arguments = valid(rng) | wrong
    if "order" in wrong:
        arguments["lr"] = np.ones(1)
    with pytest.raises(kind, match=text):
        engine.epoch(**arguments)
    np.testing.assert_array_equal(engine.parameters, before)
    assert engine.step == 0
    assert engine.epoch(**valid(rng))["steps"] == 2


def test_losses_refuse_targets_of_the_other_kind(rng):
    x = rng.normal(size=(8, 4))
    with pytest.raises(ValueError, match="the loss mse takes targets of floats, not labels"):
        make([net.dense(3)], 4, net.loss("mse")).loss(x, np.zeros(8, np.int64), None)
    with pytest.raises(ValueError, match="the loss multiclass_hinge takes labels"):
        make([net.dense(3)], 4, net.loss("multiclass_hinge")).loss(x, np.zeros((8, 3)), None)
    with pytest.raises(ValueError, match="needs two outputs for each target, but the network has 3"):
        make([net.dense(3)], 4, net.loss("gaussian_nll"))
    with pytest.raises(ValueError, match="linked with softmax, which is not what the last layer ends in"):
        make([net.dense(3, "tanh")], 4, net.loss("softmax_cross_entropy", link=True))
    without = _core.NetworkFloat64(net.network([net.dense(3)], 4), [])
    with pytest.raises(ValueError, match="the network has no loss"):
        without.loss(x, np.zeros((8, 3)), None)
    no_optimizer = _core.NetworkFloat64(net.network([net.dense(3)], 4, net.loss("mse")), [])
    with pytest.raises(ValueError, match="the network has no optimizer"):
        no_optimizer.step_on(x, np.zeros((8, 3)), None, 0.1)
    with pytest.raises(ValueError, match="no layer is named 'nobody'; there are: first, last"):
        classifier().hidden(x, "nobody")


def test_a_spec_of_the_other_dtype_or_without_its_host():
    with pytest.raises(ValueError, match="the spec is of float64, this network of float32"):
        _core.NetworkFloat32(net.network([net.dense(1)], 1), [])
    with pytest.raises(ValueError, match="the spec names host 1, but there are 1"):
        _core.NetworkFloat64(net.network([net.host(1, 2)], 2), [object()])


# Data.


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("own", ["float32", "float64"])
def test_rows_of_any_kind_and_layout(rng, kind, own):
    raw = rng.integers(0, 200, (12, 4)).astype(kind)
    wide = np.zeros((24, 12), kind)
    wide[::2, ::3] = raw
    layouts = [raw, np.asfortranarray(raw), wide[::2, ::3], raw[::-1].copy()[::-1], raw[:, ::-1].copy()[:, ::-1]]
    unaligned = np.zeros(raw.nbytes + 1, np.uint8)[1:].view(kind).reshape(raw.shape)
    unaligned[...] = raw
    read_only = raw.copy()
    read_only.flags.writeable = False
    order = rng.integers(0, 12, 30)  # with repeats, and not all
    y = rng.integers(0, 3, 12)
    ends = []
    for x in [raw.astype(own), *layouts, unaligned, read_only]:
        engine = classifier(dtype=own)
        outputs = np.full((12, 3), -1, own)
        result = run(engine, x, y, order=order, size=7, lr=1e-4, outputs=outputs)
        ends.append((engine.parameters.copy(), outputs, [result["loss"]]))
        assert (outputs[np.setdiff1d(np.arange(12), order)] == -1).all()
    for end in ends[1:]:
        for a, b in zip(ends[0], end, strict=True):
            np.testing.assert_array_equal(a, b)


def test_one_row_repeated_by_a_stride_of_zero(rng):
    x = np.broadcast_to(rng.normal(size=4), (8, 4))
    a, b = classifier(), classifier()
    y = rng.integers(0, 3, 8)
    assert run(a, x, y) == run(b, x.copy(), y)
    np.testing.assert_array_equal(a.parameters, b.parameters)


def test_no_rows(rng):
    engine = classifier()
    none, labels = np.empty((0, 4)), np.empty(0, np.int64)
    assert engine.forward(none).shape == (0, 3)
    assert engine.hidden(none, "first").shape == (0, 6)
    assert engine.loss(none, labels, None) == (0.0, 0.0)
    expected = {"loss": 0.0, "head_losses": [0.0], "penalty": 0.0, "steps": 0, "diverged": None}
    assert engine.epoch(none, labels, None, labels, 4, np.empty(0)) == expected
    dx, dparameters = engine.tape(none).pullback(np.empty((0, 3)))
    assert dx.shape == (0, 4)
    assert not dparameters.any()
    with pytest.raises(ValueError, match="at least one row"):
        engine.step_on(none, labels, None, 0.1)


@pytest.mark.parametrize("weights", [False, True])
def test_an_epoch_is_its_steps_bit_for_bit(rng, weights):
    """With a last row that joins the batch before it, penalties, clipping, a frozen layer, and outputs."""
    stack = [net.dense(6, "gelu", kernel_penalty=net.penalty(0.01, 0.1)), net.batch_norm("bn"), net.dropout(0.3)]
    stack += [net.dense(6, "tanh", trainable=False), net.residual([net.dense(6, "relu")]), net.dense(3, "softmax")]
    more = {"clip_norm": 0.5, "clip_value": 0.1, "penalty_per_weight": True, "dtype": "float32"}
    loss = net.loss("softmax_cross_entropy", link=True)
    a, b = (make(stack, 4, loss, net.optimizer("adam", weight_decay=0.1), **more) for _ in range(2))
    x, y = rng.normal(size=(21, 4)).astype(np.float32), rng.integers(0, 3, 21)
    w = rng.uniform(0.5, 2, 21) if weights else None
    order, rates = rng.permutation(21), np.linspace(0.1, 0.01, 5)
    outputs = np.full((21, 3), np.nan, np.float32)
    result = a.epoch(x, y, w, order, 4, rates, outputs=outputs)
    total = np.zeros(3)
    for start, lr in zip(range(0, 20, 4), rates, strict=True):
        rows = order[start : start + 4 if start < 16 else 21]
        some = None if w is None else w[rows]
        np.testing.assert_array_equal(outputs[rows], b.forward(x[rows], True))
        value, penalty = b.step_on(x[rows], y[rows], some, lr)
        count = len(rows) if w is None else some.sum()
        total += [value * count, penalty * count, count]
    assert (result["loss"], result["penalty"]) == pytest.approx(tuple(total[:2] / total[2]), rel=1e-12)
    assert (result["steps"], a.step, b.step) == (5, 5, 5)
    for mine, theirs in (
        (a.parameters, b.parameters),
        (a.statistics, b.statistics),
        *zip(a.states, b.states, strict=True),
    ):
        np.testing.assert_array_equal(mine, theirs)


# Python's layers and losses.


class Affine:
    """y = x a + b with Python's arrays; `trouble(where)` may raise."""

    def __init__(self, trouble=lambda where: None):
        self.trouble, self.seen = trouble, []

    def forward(self, x, parameters, training):
        self.trouble("forward")
        self.seen.append(training)
        return x @ parameters[0] + parameters[1], x

    def backward(self, dy, saved, parameters, gradients):
        self.trouble("backward")
        gradients[0][...] = saved.T @ dy
        gradients[1][...] = dy.sum(axis=0)
        return dy @ parameters[0].T


def squares(pred, target, sample_weight):
    w = np.ones(len(pred)) if sample_weight is None else sample_weight
    gradient = (w[:, None] * (pred - target) / w.sum()).astype(pred.dtype)
    return float((w[:, None] * (pred - target) ** 2).sum() / (2 * w.sum())), gradient


def hosted(layer, loss=squares, kind=None, **more):
    parameters = [("a", [5, 2]), ("b", [2])]
    stack = [net.dense(5, "tanh"), net.host(0, 2, parameters=parameters, name="mine"), net.dense(3)]
    spec = net.network(stack, 4, net.loss("host", index=1), net.optimizer("adam"), **more)
    kind = kind or (_core.NetworkFloat32 if more.get("dtype") == "float32" else _core.NetworkFloat64)
    engine = kind(spec, [layer, loss])
    rng = np.random.default_rng(3)
    for name in ("a", "b"):
        view = net.segment(engine, "mine", name)
        view[...] = rng.normal(size=view.shape)
    return engine


@pytest.mark.parametrize("own", ["float32", "float64"])
def test_a_host_layer_and_a_host_loss(rng, own):
    x, y = rng.normal(size=(10, 4)).astype(own), rng.normal(size=(10, 3)).astype(own)
    w = rng.uniform(1, 2, 10)
    ours, theirs = hosted(Affine(), dtype=own), hosted(Affine(), kind=ReferenceEngine, dtype=own)
    theirs.parameters[:] = ours.parameters
    for engine in (ours, theirs):
        for _ in range(4):
            run(engine, x, y, w, size=3)
    tolerance = {"float32": 1e-4, "float64": 1e-10}[own]
    np.testing.assert_allclose(ours.parameters, theirs.parameters, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(ours.forward(x), theirs.forward(x), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(ours.hidden(x, "mine"), theirs.hidden(x, "mine"), rtol=tolerance, atol=tolerance)
    for training in (False, True):
        a, b = (e.tape(x, training).pullback(np.ones((10, 3), own)) for e in (ours, theirs))
        for mine, expected in zip(a, b, strict=True):
            np.testing.assert_allclose(mine, expected, rtol=tolerance, atol=tolerance)


def test_a_frozen_host_layer_and_a_factor(rng):
    x, y = rng.normal(size=(6, 4)), rng.normal(size=(6, 2))
    parameters = [("a", [5, 2]), ("b", [2])]
    stack = [net.dense(5, "tanh"), net.host(0, 2, parameters, "mine", trainable=False)]
    spec = net.network(stack, 4, net.loss("host", index=1, factor=0.25), net.optimizer("adam", weight_decay=0.1))
    ours, theirs = (kind(spec, [Affine(), squares]) for kind in (_core.NetworkFloat64, ReferenceEngine))
    ours.parameters[:] = theirs.parameters[:] = rng.normal(size=ours.parameters.shape)
    before = net.segment(ours, "mine", "a").copy()
    for engine in (ours, theirs):
        run(engine, x, y, size=3)
    assert ours.gradient(x, y, None) == pytest.approx(theirs.gradient(x, y, None), rel=1e-12)
    np.testing.assert_allclose(ours.gradients, theirs.gradients, rtol=1e-9, atol=1e-12)
    for name in ("a", "b"):
        assert not net.segment(ours, "mine", name, ours.gradients).any()
        assert not net.segment(ours, "mine", name, ours.tape(x).pullback(y)[1]).any()
    np.testing.assert_array_equal(net.segment(ours, "mine", "a"), before)


class Trouble(Exception):
    pass


@pytest.mark.parametrize("where", ["forward", "backward", "loss"])
def test_what_python_raises_comes_out_before_the_update(rng, where):
    calls = []

    def trouble(here):
        calls.append(here)
        if here == where and calls.count(here) == 3:
            raise Trouble(where)

    def loss(pred, target, sample_weight):
        trouble("loss")
        return squares(pred, target, sample_weight)

    x, y = rng.normal(size=(10, 4)), rng.normal(size=(10, 3))
    engine, other = hosted(Affine(trouble), loss), hosted(Affine())
    with pytest.raises(Trouble, match=where):
        run(engine, x, y, size=2)
    run(other, x[:4], y[:4], size=2)  # the two batches before
    assert engine.step == other.step == 2
    np.testing.assert_array_equal(engine.parameters, other.parameters)
    run(engine, x, y, size=2)
    assert engine.step == 7


WRONG = {
    "forward": ("forward", lambda self, x, p, training: x[:, :1], r"mine|forward must return"),
    "shape": ("forward", lambda self, x, p, training: (x, x), r"y of forward is \(4, 5\), expected \(4, 2\)"),
    "type": (
        "forward",
        lambda self, x, p, training: ("words", x),
        "y of forward is .*str.*, expected an array of floats",
    ),
    "dx": ("backward", lambda self, dy, s, p, g: dy, r"dx of backward is \(4, 2\), expected \(4, 5\)"),
    "replaced": (
        "backward",
        lambda self, dy, s, p, g: (g.__setitem__(0, np.zeros(3)), dy @ p[0].T)[1],
        "backward must fill the arrays of `gradients`, not replace them",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_host_layers_that_return_nonsense(rng, name):
    method, body, text = WRONG[name]
    engine = hosted(type("Wrong", (Affine,), {method: body})())
    before = engine.parameters.copy()
    with pytest.raises((ValueError, TypeError), match=text):
        run(engine, rng.normal(size=(4, 4)), rng.normal(size=(4, 3)))
    np.testing.assert_array_equal(engine.parameters, before)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (1.0, r"a loss must return \(loss, gradient\)"),
        ((1.0, np.zeros((4, 2))), r"gradient of the loss is \(4, 2\), expected \(4, 3\)"),
        ((1.0, None), "gradient of the loss"),
        (("much", np.zeros((4, 3))), "loss"),
    ],
)
def test_host_losses_that_return_nonsense(rng, result, text):
    engine = hosted(Affine(), lambda pred, target, sample_weight: result)
    before = engine.parameters.copy()
    with pytest.raises((ValueError, TypeError, RuntimeError), match=text):
        run(engine, rng.normal(size=(4, 4)), rng.normal(size=(4, 3)))
    np.testing.assert_array_equal(engine.parameters, before)


def test_a_host_loss_may_want_targets_wider_than_the_outputs(rng):
    """The targets of a batch are gathered whole, however wide; nothing beside their place is written."""
    seen = []

    def loss(pred, target, sample_weight):
        seen.append(target.copy())
        return float((pred**2).sum()), 2 * pred

    spec = net.network([net.dense(3)], 4, net.loss("host", index=0), net.optimizer("sgd"))
    engine = _core.NetworkFloat64(spec, [loss])
    x, y = rng.normal(size=(40, 4)), rng.normal(size=(40, 700))
    engine.epoch(x, y, None, np.arange(40), 16, np.full(3, 0.01))
    np.testing.assert_array_equal(np.concatenate(seen), y)


def test_a_batch_larger_than_the_data_is_the_whole_of_it(rng):
    spec = net.network([net.dense(1)], 4, net.loss("mse"), net.optimizer("sgd"))
    one, other = _core.NetworkFloat64(spec, []), _core.NetworkFloat64(spec, [])
    x, y = rng.normal(size=(7, 4)), rng.normal(size=(7, 1))
    for engine, size in ((one, 7), (other, 2**63 - 1)):
        assert engine.epoch(x, y, None, np.arange(7), size, np.array([0.1]))["steps"] == 1
    np.testing.assert_array_equal(one.parameters, other.parameters)


def test_what_a_host_layer_saves_is_let_go(rng):
    import gc
    import weakref

    class Saved:
        pass

    kept = []

    class Saving(Affine):
        def forward(self, x, parameters, training):
            y, saved = super().forward(x, parameters, training)
            mark = Saved()
            kept.append(weakref.ref(mark))
            return y, (saved, mark)

        def backward(self, dy, saved, parameters, gradients):
            return super().backward(dy, saved[0], parameters, gradients)

    engine = hosted(Saving())
    x, y = rng.normal(size=(10, 4)), rng.normal(size=(10, 3))
    run(engine, x, y)
    engine.forward(x)
    tape = engine.tape(x)
    tape.pullback(np.ones((10, 3)))
    del tape, engine
    gc.collect()
    assert len(kept) >= 5
    assert not any(ref() for ref in kept)


# Threads of Python.


def in_threads(*bodies):
    errors = []

    def guarded(body):
        try:
            body()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return errors


@pytest.mark.parametrize("kind", ["plain", "hosts"])
def test_two_networks_in_two_threads_are_as_one_after_the_other(rng, kind):
    x, y, labels = rng.normal(size=(500, 4)), rng.normal(size=(500, 3)), rng.integers(0, 3, 500)

    def train(seed):
        engine = classifier(seed=seed) if kind == "plain" else hosted(Affine(), seed=seed)
        for _ in range(5):
            run(engine, x, labels if kind == "plain" else y, size=20)
        return engine.parameters.copy()

    alone, together = [train(1), train(2)], {}
    assert not in_threads(*(lambda s=s: together.__setitem__(s, train(s)) for s in (1, 2)))
    for s in (1, 2):
        np.testing.assert_array_equal(together[s], alone[s - 1])


def test_a_second_training_call_is_refused_and_the_first_is_not_disturbed(rng):
    inside, go_on = threading.Event(), threading.Event()

    def waiting(where):
        if where == "backward" and not go_on.is_set():
            inside.set()
            assert go_on.wait(30)

    x, y = rng.normal(size=(10, 4)), rng.normal(size=(10, 3))
    engine, other = hosted(Affine(waiting)), hosted(Affine())
    refusals = []

    def second():
        assert inside.wait(30)
        for call in (
            lambda: run(engine, x, y),
            lambda: engine.step_on(x, y, None, 0.1),
            lambda: engine.gradient(x, y, None),
        ):
            with pytest.raises(RuntimeError, match="being trained by another call"):
                call()
            refusals.append(1)
        predictions = engine.forward(x), engine.hidden(x, "mine"), engine.loss(x, y, None)  # these may
        assert np.isfinite(predictions[0]).all()
        go_on.set()

    errors = in_threads(lambda: run(engine, x, y), second)
    go_on.set()
    assert not errors
    assert len(refusals) == 3
    run(other, x, y)
    np.testing.assert_array_equal(engine.parameters, other.parameters)


def test_many_threads_may_predict_at_once(rng):
    engine = make([net.dense(64, "gelu"), net.batch_norm(), net.dense(8)], 16, net.loss("mse"))
    x = rng.normal(size=(300, 16))
    expected = engine.forward(x)

    def predict():
        for size in (300, 7, 64, 300):
            for _ in range(10):
                np.testing.assert_array_equal(engine.forward(x[:size]), expected[:size])

    assert not in_threads(*[predict] * 6)


# Divergence.


def test_diverged_names_step_and_layer_and_leaves_the_weights(rng):
    stack = [net.dense(5, "relu", "first"), net.batch_norm("norm"), net.dropout(0.2, "drop")]
    stack += [net.residual([net.dense(5, "softplus", "inner")], "block"), net.dense(2, name="last")]
    x, y = rng.normal(size=(12, 4)), rng.normal(size=(12, 2))
    for fuse in (True, False):
        for layer in ("first", "norm", "inner", "last"):
            engine = make(stack, 4, net.loss("mse"), net.optimizer("adam"), fuse=fuse)
            run(engine, x, y)
            net.segment(engine, layer, "gamma" if layer == "norm" else "kernel").flat[0] = np.nan
            before = [a.copy() for a in (engine.parameters, engine.statistics, *engine.states)]
            result = run(engine, x, y)
            assert result["diverged"] == {"step": 3, "layer": layer}
            assert (result["steps"], engine.step) == (0, 3)
            for a, b in zip(before, (engine.parameters, engine.statistics, *engine.states), strict=True):
                np.testing.assert_array_equal(a, b)
    bad = x.copy()
    bad[9, 1] = np.inf
    engine = make(stack, 4, net.loss("mse"))
    result = run(engine, bad, y, stop_on_divergence=False)
    assert (result["diverged"], result["steps"]) == ({"step": 2, "layer": "input"}, 2)
