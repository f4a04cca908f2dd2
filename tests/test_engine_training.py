"""Training by either engine: optimizers and their conventions, one update, epochs."""

from __future__ import annotations

import inspect
import math
import sys

import networks as net
import numpy as np
import pytest

from densekit import reference
from densekit._reference_engine import ReferenceEngine

Engine = ReferenceEngine  # what the tests train with, one after the other


@pytest.fixture(autouse=True)
def _both_engines(engine, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "Engine", net.engine_of(engine))


def make(stack, inputs, loss, optimizer, hosts=(), **more):
    return Engine(net.network(stack, inputs, loss, optimizer, **more), list(hosts))


def driven(optimizer, gradients, rates, units=6, **more):
    """The kernel (1, units) and bias after each update of an engine whose gradients are these, whatever it does."""
    given = iter(gradients)

    def loss(pred, target, sample_weight):
        return 1.0, next(given)[None]

    options = {k: more.pop(k) for k in ("kernel_penalty", "trainable") if k in more}
    engine = make([net.dense(units, name="it", **options)], 1, net.loss("host"), optimizer, [loss], **more)
    kernel, bias = net.segment(engine, "it", "kernel"), net.segment(engine, "it", "bias")
    start = kernel.copy(), bias.copy()
    x = y = np.ones((1, 1))
    path = []
    for _, lr in zip(gradients, rates, strict=True):
        engine.step_on(x, y, None, lr)
        path.append((kernel.copy()[0], bias.copy()))
    return start, path, engine


STEPS = 50
RATES = 0.05 * 0.97 ** np.arange(STEPS)  # a schedule, because conventions of momentum differ under it alone


def noisy_gradients(rng, units=6):
    return rng.normal(size=(STEPS, units)) * 10.0 ** rng.integers(-3, 2, units)


# The update formulas of the other libraries: w and the states of one parameter.


def momentum_inside(w, g, lr, t, v=0.0, mu=0.9):
    v = mu * v - lr * g
    return w + v, {"v": v}


def nesterov_keras(w, g, lr, t, v=0.0, mu=0.9):
    v = mu * v - lr * g
    return w + mu * v - lr * g, {"v": v}


def nesterov_dlfs(w, g, lr, t, v=0.0, mu=0.9):
    v = v * mu
    v = v - lr * g
    w = w + mu * mu * v
    return w - (1 + mu) * lr * g, {"v": v}


def adam_hat(w, g, lr, t, m=0.0, v=0.0, b1=0.9, b2=0.999, eps=1e-4):
    m, v = m + (1 - b1) * (g - m), v + (1 - b2) * (g * g - v)
    return w - lr * math.sqrt(1 - b2**t) / (1 - b1**t) * m / (np.sqrt(v) + eps), {"m": m, "v": v}


def rmsprop_keras(w, g, lr, t, s=0.0, rho=0.9, eps=1e-4):
    s = rho * s + (1 - rho) * g * g
    return w - lr * g / np.sqrt(s + eps), {"s": s}


def adagrad_keras(w, g, lr, t, s=0.1, eps=1e-4):
    s = s + g * g
    return w - lr * g / np.sqrt(s + eps), {"s": s}


CONVENTIONS = [
    ("keras", "momentum", {}, momentum_inside),
    ("keras", "nesterov", {}, nesterov_keras),
    ("keras", "adam", {"eps": 1e-4}, adam_hat),
    ("keras", "rmsprop", {"rho": 0.9, "eps": 1e-4}, rmsprop_keras),
    ("keras", "adagrad", {"eps": 1e-4, "initial": 0.1}, adagrad_keras),
    ("sklearn", "momentum", {}, momentum_inside),
    ("sklearn", "nesterov", {}, nesterov_keras),
    ("sklearn", "adam", {"eps": 1e-4}, adam_hat),
    ("dlfs", "momentum", {}, momentum_inside),
    ("dlfs", "nesterov", {}, nesterov_dlfs),
    ("dlfs", "adam", {"eps": 1e-4}, adam_hat),
]


@pytest.mark.parametrize(
    ("compat", "kind", "options", "formula"), CONVENTIONS, ids=lambda v: v if isinstance(v, str) else ""
)
def test_conventions_follow_their_formulas(rng, compat, kind, options, formula):
    gradients = noisy_gradients(rng)
    (kernel, bias), path, _ = driven(net.optimizer(kind, compat=compat, **options), gradients, RATES)
    _, up, _ = driven(net.optimizer(kind, compat=compat, maximize=True, **options), -gradients, RATES)
    np.testing.assert_array_equal(up, path)
    _, torch_path, _ = driven(net.optimizer(kind, **options), gradients, RATES)
    for w, part in ((kernel[0], 0), (bias, 1)):
        state = {}
        for t, (g, lr) in enumerate(zip(gradients, RATES, strict=True), 1):
            w, state = formula(w, g, lr, t, **state)
            np.testing.assert_allclose(path[t - 1][part], w, rtol=1e-11, atol=1e-14)
        assert np.abs(torch_path[-1][part] - w).max() > 1e-6  # the convention makes a difference


@pytest.mark.parametrize("kind", ["momentum", "nesterov", "adam"])
def test_sklearn_itself(rng, kind):
    optimizers = pytest.importorskip("sklearn.neural_network._stochastic_optimizers", reason="scikit-learn is missing")
    gradients = noisy_gradients(rng)
    rates = np.full(STEPS, 0.05)
    (kernel, bias), path, _ = driven(net.optimizer(kind, compat="sklearn"), gradients, rates)
    theirs = [kernel, bias]
    if kind == "adam":
        optimizer = optimizers.AdamOptimizer(theirs, 0.05)
    else:
        optimizer = optimizers.SGDOptimizer(theirs, 0.05, momentum=0.9, nesterov=kind == "nesterov")
    for g, (w, b) in zip(gradients, path, strict=True):
        optimizer.update_params(theirs, [g[None], g])
        np.testing.assert_allclose(w, theirs[0][0], rtol=1e-11)
        np.testing.assert_allclose(b, theirs[1], rtol=1e-11)


@pytest.mark.parametrize("kind", net.OPTIMIZER_FIELDS)
@pytest.mark.parametrize("maximize", [False, True])
def test_optimizers_are_those_of_the_reference(rng, kind, maximize):
    gradients = noisy_gradients(rng)
    spec = net.optimizer(kind, maximize=maximize, weight_decay=0.3)
    (kernel, bias), path, engine = driven(spec, gradients, RATES)
    function = getattr(reference, kind)
    known = inspect.signature(function).parameters
    options = {k: v for k, v in net.OPTIMIZER_FIELDS[kind].items() if k in known}
    states = [[np.full(6, net.OPTIMIZER_FIELDS[kind].get("initial", 0.0)) for _ in engine.states] for _ in range(2)]
    for t, (g, lr) in enumerate(zip(gradients, RATES, strict=True), 1):
        counted = {"step": t} if "step" in known else {}
        for w, decay, s in ((kernel[0], 0.3, states[0]), (bias, 0.0, states[1])):  # no decay of biases
            function(w, g, *s, lr=lr, weight_decay=decay, maximize=maximize, **counted, **options)
        np.testing.assert_allclose(path[t - 1][0], kernel[0], rtol=1e-12, atol=1e-15)  # w passes zero
        np.testing.assert_allclose(path[t - 1][1], bias, rtol=1e-12, atol=1e-15)
    assert engine.step == STEPS


# One update.


@pytest.mark.parametrize("per_weight", [False, True])
def test_penalties(rng, per_weight):
    stack = [
        net.dense(4, "tanh", "a", kernel_penalty=net.penalty(0.2, 0.3, False), bias_penalty=net.penalty(l2=0.5)),
        net.dense(2, name="b", kernel_penalty=net.penalty(0.4, 0.1)),
        net.dense(2, name="c", kernel_penalty=net.penalty(9, 9, False), trainable=False),
    ]
    engine = make(stack, 3, net.loss("mse"), net.optimizer("sgd"), penalty_per_weight=per_weight)
    plain = make(
        [{**layer, "kernel_penalty": net.penalty(), "bias_penalty": net.penalty()} for layer in stack],
        3,
        net.loss("mse"),
        net.optimizer("sgd"),
    )
    plain.parameters[...] = engine.parameters
    x, y, w = rng.normal(size=(6, 3)), rng.normal(size=(6, 2)), rng.uniform(1, 3, 6)
    a, bias, b = (net.segment(engine, *name).copy() for name in (("a", "kernel"), ("a", "bias"), ("b", "kernel")))
    share = 1 / w.sum() if per_weight else 1.0
    expected = 0.2 * abs(a).sum() + 0.15 * (a**2).sum() + 0.25 * (bias**2).sum() + 0.4 * abs(b).sum()
    expected = share * (expected + 0.05 * (b**2).sum())
    assert engine.loss(x, y, w) == pytest.approx((plain.loss(x, y, w)[0], expected), rel=1e-12)

    plain.gradient(x, y, w)
    assert engine.gradient(x, y, w)[1] == pytest.approx(expected, rel=1e-12)
    added = [(("a", "kernel"), 0.3 * a + 0.2 * np.sign(a)), (("a", "bias"), 0.5 * bias), (("b", "kernel"), 0.1 * b)]
    for name, extra in added:
        data = net.segment(engine, *name, plain.gradients)
        np.testing.assert_allclose(net.segment(engine, *name, engine.gradients), data + share * extra, rtol=1e-12)

    # The proximal step comes after the step along the gradient, and gives exact zeros.
    g = net.segment(engine, "b", "kernel", engine.gradients).copy()
    engine.step_on(x, y, w, 0.5)
    moved = b - 0.5 * g
    expected = np.sign(moved) * np.maximum(abs(moved) - 0.5 * 0.4 * share, 0)
    np.testing.assert_allclose(net.segment(engine, "b", "kernel"), expected, rtol=1e-12)
    assert per_weight or (expected == 0).any()
    np.testing.assert_array_equal(net.segment(engine, "c", "kernel"), net.segment(plain, "c", "kernel"))


def test_penalties_without_any_weight(rng):
    stack = [net.dense(2, kernel_penalty=net.penalty(l2=1.0))]
    engine = make(stack, 3, net.loss("mse"), net.optimizer("sgd"), penalty_per_weight=True)
    before = engine.parameters.copy()
    assert engine.step_on(np.ones((2, 3)), np.ones((2, 2)), np.zeros(2), 0.1) == (0.0, 0.0)
    np.testing.assert_array_equal(engine.parameters, before)


def test_clipping_takes_the_norm_first(rng):
    gradient = np.array([3.0, -4.0, 0.0, 0.1])
    both = np.concatenate([gradient, gradient])
    for norm, value in ((2.0, None), (None, 1.5), (5.0, 1.5), (100.0, None), (2.0, 0.5)):
        (kernel, bias), path, _ = driven(net.optimizer("sgd"), [gradient], [1.0], 4, clip_norm=norm, clip_value=value)
        clipped = both * (min(1, norm / np.linalg.norm(both)) if norm else 1)
        clipped = np.clip(clipped, -value, value) if value else clipped
        np.testing.assert_allclose(kernel[0] - path[0][0], clipped[:4], rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(bias - path[0][1], clipped[4:], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("kind", net.OPTIMIZER_FIELDS)
def test_what_is_frozen_and_the_gaps_never_change(rng, kind):
    options = {"kernel_penalty": net.penalty(0.1, 0.1)}
    stack = [
        net.dense(3, name="a", trainable=False, **options),
        net.batch_norm("bn", trainable=False),
        net.residual([net.dense(3, name="inner", **options), net.batch_norm("bn2")], trainable=False),
        net.dense(2, name="b"),
    ]
    engine = make(stack, 4, net.loss("mse"), net.optimizer(kind, weight_decay=0.1), clip_norm=0.1)
    before, statistics = engine.parameters.copy(), engine.statistics.copy()
    states = [state.copy() for state in engine.states]
    x, y = rng.normal(size=(5, 4)), rng.normal(size=(5, 2))
    np.testing.assert_array_equal(engine.forward(x, True), engine.forward(x))
    for _ in range(3):
        assert engine.step_on(x, y, None, 0.1)[1] == 0  # frozen weights are not penalised
    trained = np.zeros(engine.parameters.shape, bool)
    for name in ("kernel", "bias"):
        net.segment(engine, "b", name, trained)[...] = True
    assert (engine.parameters != before)[trained].all()
    np.testing.assert_array_equal(engine.parameters[~trained], before[~trained])
    np.testing.assert_array_equal(engine.statistics, statistics)
    assert not engine.gradients[~trained].any()
    assert not engine.tape(x).pullback(y)[1][~trained].any()
    for state, first in zip(engine.states, states, strict=True):
        np.testing.assert_array_equal(state[~trained], first[~trained])


def test_frozen_layers_do_not_count_in_the_norm(rng):
    x, y = rng.normal(size=(5, 4)), rng.normal(size=(5, 2))
    last = net.dense(2, name="last")
    for frozen in (net.dense(4, trainable=False), net.layer_norm(trainable=False)):
        engine = make([frozen, last], 4, net.loss("mse"), net.optimizer("sgd"), clip_norm=0.01)
        before = engine.parameters.copy()
        engine.step_on(x, y, None, 1.0)
        assert np.linalg.norm(engine.parameters - before) == pytest.approx(0.01, rel=1e-12)


@pytest.mark.parametrize("unbiased", [False, True])
def test_statistics_are_committed_with_the_update(rng, unbiased):
    stack = [net.residual([net.batch_norm("bn", unbiased=unbiased, stats_decay=0.7, initial_variance=0.0)])]
    engine = make(stack, 3, net.loss("mse"), net.optimizer("sgd"))
    mean, variance = np.zeros(3), np.zeros(3)
    for _ in range(3):
        x = 5 + rng.normal(size=(4, 3))
        engine.forward(x, True)
        engine.gradient(x, x, None)
        engine.loss(x, x, None, True)
        np.testing.assert_allclose(net.segment(engine, "bn", "mean"), mean, rtol=1e-12)  # none of them commits
        engine.step_on(x, x, None, 0.1)
        mean, variance = 0.7 * mean + 0.3 * x.mean(0), 0.7 * variance + 0.3 * x.var(0, ddof=int(unbiased))
        np.testing.assert_allclose(net.segment(engine, "bn", "mean"), mean, rtol=1e-12)
        np.testing.assert_allclose(net.segment(engine, "bn", "variance"), variance, rtol=1e-12)


# Epochs.


def seen_batches(n, batch_size, stack=(), **options):
    seen = []

    def loss(pred, target, sample_weight):
        seen.append(list(target))
        return 1.0, np.zeros_like(pred)

    engine = make([*stack, net.dense(1)], 2, net.loss("host"), net.optimizer("sgd"), [loss])
    order = np.arange(n)[::-1].copy()
    x = np.random.default_rng(0).normal(size=(n, 2))
    steps = options.pop("steps")
    result = engine.epoch(x, np.arange(n), None, order, batch_size, np.full(steps, 0.1), **options)
    assert result["steps"] == engine.step == len(seen) == steps
    assert [row for batch in seen for row in batch] == list(order[: sum(map(len, seen))])
    return [len(batch) for batch in seen]


def test_how_an_epoch_is_cut():
    norm = [net.residual([net.batch_norm()])]
    assert seen_batches(7, 3, steps=3) == [3, 3, 1]
    assert seen_batches(7, 3, norm, steps=2) == [3, 4]
    assert seen_batches(7, 3, norm, steps=2, drop_last=True) == [3, 3]
    assert seen_batches(8, 3, norm, steps=3) == [3, 3, 2]
    assert seen_batches(6, 3, norm, steps=2) == [3, 3]
    assert seen_batches(5, 8, norm, steps=1) == [5]
    assert seen_batches(5, 8, steps=0, drop_last=True) == []
    with pytest.raises(ValueError, match=r"1 row has no variance|at least two rows, got 1"):
        seen_batches(1, 4, norm, steps=1)
    with pytest.raises(ValueError, match=r"lr has 2 values, the epoch has 3 batches|lr is \(2,\), expected \(3\)"):
        seen_batches(7, 3, steps=2)


@pytest.mark.parametrize("reduction", ["mean", "count", "sum"])
def test_an_epoch_is_its_steps(rng, reduction):
    stack = [net.dense(6, "relu"), net.batch_norm(), net.dropout(0.3)]
    stack.append(net.dense(3, "softmax", kernel_penalty=net.penalty(0.01, 0.1)))
    loss = net.loss("softmax_cross_entropy", link=True, reduction=reduction)
    a, b = (make(stack, 4, loss, net.optimizer("adam"), penalty_per_weight=True) for _ in range(2))
    raw = rng.integers(0, 255, (23, 8)).astype(np.uint8)
    x, y, w = raw[:, ::2], rng.integers(0, 3, 23), rng.uniform(0.5, 2, 23)
    order, rates = rng.permutation(23), np.linspace(0.1, 0.01, 6)
    outputs = np.full((23, 3), np.nan)
    result = a.epoch(x, y, w, order, 4, rates, outputs=outputs)

    total = penalties = counted = 0.0
    for start, lr in zip(range(0, 23, 4), rates, strict=True):
        rows = order[start : start + 4]
        batch = x[rows].astype(np.float64)
        np.testing.assert_array_equal(outputs[rows], b.forward(batch, True))
        value, penalty = b.step_on(batch, y[rows], w[rows], lr)
        count = w[rows].sum() if reduction == "mean" else len(rows)
        total, penalties, counted = total + value * count, penalties + penalty * count, counted + count
    assert result["steps"] == a.step == 6
    assert result["diverged"] is None
    assert (result["loss"], result["penalty"]) == pytest.approx((total / counted, penalties / counted), rel=1e-12)
    np.testing.assert_array_equal(a.parameters, b.parameters)
    np.testing.assert_array_equal(a.statistics, b.statistics)
    with pytest.raises(ValueError, match=r"order\[23\] is 23, expected the number of one of 23 rows"):
        a.epoch(x, y, w, np.arange(24), 4, rates)


def test_the_same_seed_gives_the_same_bits(rng):
    stack = [net.gaussian_noise(0.1), net.dense(6, "relu"), net.dropout(0.3), net.dense(2)]
    x, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 2))
    ends = []
    for seed in (1, 1, 2):
        engine = make(stack, 3, net.loss("mse"), net.optimizer("adam"), seed=seed)
        for _ in range(2):
            engine.epoch(x, y, None, np.arange(20), 6, np.full(4, 0.01))
        ends.append(engine.parameters)
    np.testing.assert_array_equal(ends[0], ends[1])
    assert (ends[0] != ends[2]).any()

    # Going on from a copy of everything equals not having stopped.
    whole, first, rest = (make(stack, 3, net.loss("mse"), net.optimizer("adam")) for _ in range(3))
    for engine in (whole, whole, first):
        engine.epoch(x, y, None, np.arange(20), 6, np.full(4, 0.01))
    rest.parameters[...], rest.step = first.parameters, first.step
    for mine, theirs in zip(rest.states, first.states, strict=True):
        mine[...] = theirs
    rest.epoch(x, y, None, np.arange(20), 6, np.full(4, 0.01))
    np.testing.assert_array_equal(rest.parameters, whole.parameters)


def test_divergence_has_a_name(rng):
    stack = [
        net.dense(4, "relu", "first"),
        net.residual([net.dense(4, "softplus", "inner"), net.dense(4, name="second")], "block"),
        net.dense(2, name="last"),
    ]
    x, y = rng.normal(size=(12, 3)), rng.normal(size=(12, 2))

    def diverging(change, x=x, y=y, **options):
        engine = make(stack, 3, net.loss("mse"), net.optimizer("sgd"))
        engine.step = 5
        change(engine)
        before = engine.parameters.copy()
        result = engine.epoch(x, y, None, np.arange(12), 4, np.full(3, 1e-3), **options)
        return engine, before, result

    def plant(layer):
        return lambda engine: net.segment(engine, layer, "kernel").__setitem__((0, 1), np.nan)

    for layer in ("first", "inner", "second", "last"):
        engine, before, result = diverging(plant(layer))
        assert result["diverged"] == {"step": 5, "layer": layer}
        assert result["steps"] == 0
        assert engine.step == 5
        assert not math.isfinite(result["loss"])
        np.testing.assert_array_equal(engine.parameters, before)

    huge = y.copy()
    huge[5] = 1e200  # the second batch
    engine, before, result = diverging(lambda engine: None, y=huge)
    assert result == {**result, "steps": 1, "diverged": {"step": 6, "layer": "loss"}}
    assert (engine.parameters != before).any()
    engine, _, result = diverging(lambda engine: None, y=huge, stop_on_divergence=False)
    assert result == {**result, "steps": 2, "diverged": {"step": 6, "layer": "loss"}}
    assert np.isfinite(engine.parameters).all()
    bad = x.copy()
    bad[0, 0] = np.inf
    assert diverging(lambda engine: None, x=bad)[2]["diverged"] == {"step": 5, "layer": "input"}
    # A step by itself is left out likewise.
    before = engine.parameters.copy()
    assert not math.isfinite(engine.step_on(x, huge, None, 0.1)[0])
    np.testing.assert_array_equal(engine.parameters, before)


def test_what_a_host_raises_ends_the_call_before_the_update(rng):
    class Stubborn:
        def forward(self, x, parameters, training):
            return x, None

        def backward(self, dy, saved, parameters, gradients):
            raise KeyError("no way back")

    engine = make([net.dense(2), net.host(0, 2)], 3, net.loss("mse"), net.optimizer("sgd"), [Stubborn()])
    before = engine.parameters.copy()
    with pytest.raises(KeyError, match="no way back"):
        engine.step_on(rng.normal(size=(4, 3)), rng.normal(size=(4, 2)), None, 0.1)
    np.testing.assert_array_equal(engine.parameters, before)
    assert engine.step == 0


def test_float32_is_near_float64(rng):
    stack = [net.dense(16, "gelu"), net.batch_norm(), net.dropout(0.2), net.residual([net.dense(16, "silu")])]
    stack += [net.layer_norm(), net.dense(3, "softmax")]
    x, y = rng.normal(size=(32, 5)).astype(np.float32), rng.integers(0, 3, 32)
    loss = net.loss("softmax_cross_entropy", link=True)
    wide, narrow = (make(stack, 5, loss, net.optimizer("adam"), dtype=t) for t in ("float64", "float32"))
    wide.parameters[...] = narrow.parameters
    wide.gradient(x.astype(np.float64), y, None)
    narrow.gradient(x, y, None)
    eps = np.finfo(np.float32).eps
    assert np.abs(wide.gradients - narrow.gradients).max() < 16 * eps * np.abs(wide.gradients).max()
