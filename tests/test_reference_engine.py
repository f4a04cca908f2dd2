"""The reference engine's passes: gradients, layers, losses, randomness, initial values, segments."""

from __future__ import annotations

import re
from pathlib import Path

import networks as net
import numpy as np
import pytest

import densekit.functional as F
from densekit._reference_engine import ReferenceEngine, layers
from densekit.reference.dropout import _philox

ACTIVATIONS = re.findall(
    r"^ACTIVATION\((\w+)",
    (Path(__file__).parents[1] / "cpp/include/densekit/activations.def").read_text(),
    re.MULTILINE,
)


class Scale:
    """A host layer: y = (x a) b, element by element and by a matrix."""

    def forward(self, x, parameters, training):
        a, b = parameters
        return (x * a) @ b, x

    def backward(self, dy, saved, parameters, gradients):
        a, b = parameters
        up = dy @ b.T
        gradients[0] += (up * saved).sum(axis=0)
        gradients[1] += (saved * a).T @ dy
        return up * a


def make(stack, inputs, loss=None, hosts=(), **more):
    return ReferenceEngine(net.network(stack, inputs, loss, **more), list(hosts))


def stir(engine, rng):
    """Parameters away from their start: gamma and beta from 1 and 0, those of hosts from 0; statistics likewise."""
    for s in engine.segments:
        values = net.segment(engine, s["layer"], s["name"])
        values += rng.uniform(0.1, 0.6, values.shape) * (
            rng.choice([-1, 1], values.shape) if s["kind"][0] == "p" else 1
        )


def directional(f, at, direction, h=1e-5):
    """d f(at + h direction) / dh, error O(h^4)."""
    before = at.copy()
    values = []
    for k in (-2, -1, 1, 2):
        at[...] = before + k * h * direction
        values.append(f())
    at[...] = before
    a, b, c, d = values
    return (a - 8 * b + 8 * c - d) / (12 * h)


def check_gradients(engine, x, y, weights, rng, training=True, allowed=1e-7):
    """The objective's gradient, segment by segment, and the tape's with respect to x, against differences."""
    for _ in range(2):  # the second time over what the first has left
        engine.gradient(x, y, weights, training)
    gradients = engine.gradients.copy()

    def objective():
        return sum(engine.loss(x, y, weights, training))

    for s in engine.segments:
        if s["kind"] == "parameter" and s["trainable"]:
            w, g = net.segment(engine, s["layer"], s["name"]), net.segment(engine, s["layer"], s["name"], gradients)
            scale = np.abs(g).max()
            for direction in (rng.normal(size=w.shape), (np.arange(w.size) == rng.integers(w.size)).reshape(w.shape)):
                numeric = directional(objective, w, direction)
                assert abs(numeric - (g * direction).sum()) <= allowed * max(scale, 1e-3), f"{s['layer']} {s['name']}"
    check_pullback(engine, x, rng, training, allowed)


def check_pullback(engine, x, rng, training=True, allowed=1e-7):
    tape = engine.tape(x, training)
    np.testing.assert_array_equal(tape.output, engine.forward(x, training))
    dy = rng.normal(size=tape.output.shape)
    dx, dparameters = tape.pullback(dy)
    x = x.copy()
    trained = np.zeros_like(dparameters)
    for s in engine.segments:
        if s["kind"] == "parameter" and s["trainable"]:
            net.segment(engine, s["layer"], s["name"], trained)[...] = 1
    for at, gradient in ((x, dx), (engine.parameters, dparameters)):
        direction = rng.normal(size=at.shape) * (trained if at is engine.parameters else 1)
        numeric = directional(lambda: (dy * engine.forward(x, training)).sum(), at, direction)
        assert abs(numeric - (gradient * direction).sum()) <= allowed * np.abs(gradient).max(initial=1e-3)
    np.testing.assert_array_equal(tape.pullback(dy)[0], dx)  # again: nothing was used up


STACKS = {
    "dense": [net.dense(5, "tanh"), net.dense(4, bias=False), net.dense(3)],
    "batch_norm": [net.dense(5), net.batch_norm(), net.activation("tanh"), net.dense(3)],
    "batch_norm bare": [net.dense(5), net.batch_norm(scale=False, center=False, eps=0.1), net.dense(3)],
    "batch_norm scale": [net.dense(5), net.batch_norm(center=False), net.batch_norm(scale=False), net.dense(3)],
    "batch_norm frozen": [net.dense(5), net.batch_norm(trainable=False), net.dense(3)],
    "layer_norm": [net.dense(5), net.layer_norm(), net.dense(3)],
    "layer_norm bare": [net.dense(5), net.layer_norm(scale=False), net.layer_norm(center=False, eps=0.1), net.dense(3)],
    "dropout": [net.dropout(0.3), net.dense(5, "silu"), net.dropout(0.5, mode="classic"), net.dense(3)],
    "gaussian_noise": [net.gaussian_noise(0.5), net.dense(3, "tanh")],
    "residual": [
        net.dense(5),
        net.residual([net.layer_norm(), net.dense(7, "silu"), net.residual([net.dense(7, "tanh")]), net.dense(5)]),
        net.residual([]),
        net.dense(3),
    ],
    "host": [net.dense(5), net.host(0, 4, [("a", (5,)), ("b", (5, 4))]), net.dense(3)],
    "empty": [],
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_gradients_of_each_layer(rng, stack, training):
    inputs = 4 if stack else 3
    engine = make(stack, inputs, net.loss("mse"), [Scale()])
    stir(engine, rng)
    x, y, w = rng.normal(size=(7, inputs)), rng.normal(size=(7, 3)), rng.uniform(0.5, 2, 7)
    check_gradients(engine, x, y, w, rng, training)


@pytest.mark.parametrize("name", [*ACTIVATIONS, "softmax", "log_softmax"])
def test_gradients_of_each_activation(rng, name):
    parameter = {"leaky_relu": 0.2, "elu": 0.7, "softmax": 1.5, "log_softmax": 0.6}.get(name, 0.0)
    stack = [net.dense(6, name, parameter=parameter), net.activation(name, parameter=parameter), net.dense(3)]
    engine = make(stack, 4, net.loss("mse"))
    x, y = rng.normal(size=(9, 4)), rng.normal(size=(9, 3))
    check_gradients(engine, 2 * x, y, None, rng)


def last_of(kind):
    """Layers whose output the loss of that kind can take."""
    through = {"nll": "log_softmax", "kl_divergence": "softmax"}
    return [net.dense(5, "tanh"), net.dense(4, through.get(kind, "identity"))]


VARIANTS = [
    *((kind, {}) for kind in net.LOSS_FIELDS if kind != "host"),
    ("softmax_cross_entropy", {"label_smoothing": 0.2}),
    ("softmax_cross_entropy", {"ignore_index": 2}),
    ("nll", {"ignore_index": 1}),
    ("binary_cross_entropy", {"label_smoothing": 0.1}),
    ("poisson_nll", {"full": True}),
    ("gamma_nll", {"full": True}),
    ("gaussian_nll", {"full": True}),
    ("laplace_nll", {"full": True}),
    ("multiclass_hinge", {"margin": 0.3}),
    ("huber", {"delta": 0.4}),
    ("kl_divergence", {"log_input": True}),
]


@pytest.mark.parametrize("reduction", ["mean", "count", "sum"])
@pytest.mark.parametrize(("kind", "options"), VARIANTS, ids=lambda v: str(v))
def test_gradients_and_values_of_each_loss(rng, kind, options, reduction):
    stack = last_of(kind)
    if options.get("log_input") and kind == "kl_divergence":
        stack[-1] = net.dense(4, "log_softmax")
    engine = make(stack, 4, net.loss(kind, reduction=reduction, factor=0.7, **options))
    x, y, w = rng.normal(size=(8, 4)), net.targets(kind, rng, 8, 4), rng.uniform(0.5, 2, 8)
    w[3] = 0
    check_gradients(engine, x, y, w, rng)

    # The value, from the functional form: row by row, without its reduction.
    name = {"multiclass_hinge": "hinge", "rmse": "mse"}.get(kind, kind)
    options = {k: v for k, v in net.loss(kind, **options).items() if k in net.LOSS_FIELDS[kind]}
    rows, _ = getattr(F, name)(engine.forward(x), y, reduction="none", **options)
    rows = rows.reshape(8, -1).mean(axis=1)
    ignored = options.get("ignore_index")
    counted = w if ignored is None else np.where(y == ignored, 0, w)
    count = 8 if ignored is None else (y != ignored).sum()
    total = (counted * rows).sum() / {"mean": counted.sum(), "count": count, "sum": 1}[reduction]
    expected = 0.7 * (np.sqrt(total) if kind == "rmse" else total)
    assert engine.loss(x, y, w)[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("targets", ["labels", "soft"])
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_a_linked_softmax_is_the_same_as_one_apart(rng, targets, temperature):
    x = rng.normal(size=(6, 3))
    y = rng.integers(0, 4, 6) if targets == "labels" else rng.dirichlet(np.ones(4), 6)
    for last in (
        [net.dense(4, "softmax", "last", parameter=temperature)],
        [net.dense(4), net.activation("softmax", "last", parameter=temperature)],
    ):
        linked = make(last, 3, net.loss("softmax_cross_entropy", link=True))
        apart = make([net.dense(4, "log_softmax", parameter=temperature)], 3, net.loss("nll"))
        apart.parameters[...] = linked.parameters
        check_gradients(linked, x, y, None, rng)
        assert linked.gradient(x, y, None)[0] == pytest.approx(apart.gradient(x, y, None)[0], rel=1e-12)
        np.testing.assert_allclose(linked.gradients, apart.gradients, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(linked.forward(x), np.exp(apart.forward(x)), rtol=1e-12)
        np.testing.assert_array_equal(linked.hidden(x, "last"), linked.forward(x))


def test_a_linked_sigmoid_takes_logits(rng):
    x, y = rng.normal(size=(6, 3)), rng.uniform(size=(6, 2))
    linked = make([net.dense(2, "sigmoid")], 3, net.loss("binary_cross_entropy", link=True, from_logits=False))
    apart = make([net.dense(2, "sigmoid")], 3, net.loss("binary_cross_entropy", from_logits=False))
    check_gradients(linked, x, y, None, rng)
    assert linked.loss(x, y, None)[0] == pytest.approx(apart.loss(x, y, None)[0], rel=1e-12)
    linked.parameters *= 1e4
    assert np.isfinite(linked.loss(x, y, None)[0])


@pytest.mark.parametrize("reduction", ["mean", "count", "sum"])
def test_rows_of_weight_zero_may_hold_anything(rng, reduction):
    engine = make([net.dense(2)], 3, net.loss("mse", reduction=reduction))
    x, y, w = rng.normal(size=(4, 3)), rng.normal(size=(4, 2)), np.array([1.0, 0, 2, 0])
    y[1], y[3] = np.nan, np.inf
    value, _ = engine.gradient(x, y, w)
    assert np.isfinite(value)
    assert np.isfinite(engine.gradients).all()
    assert engine.gradient(x, y, np.zeros(4)) == (0.0, 0.0)
    assert not engine.gradients.any()


def test_a_host_loss(rng):
    def half_square(pred, target, sample_weight):
        assert sample_weight is w
        return ((pred - target) ** 2).sum() / 2, pred - target

    engine = make([net.dense(2)], 3, net.loss("host", factor=3.0), [half_square])
    x, y, w = rng.normal(size=(4, 3)), rng.normal(size=(4, 2)), np.ones(4)
    check_gradients(engine, x, y, w, rng)


# Planted errors: the checks above must notice them.


def plant(monkeypatch, cls, method, change):
    right = getattr(cls, method)
    monkeypatch.setattr(cls, method, lambda self, *args: change(self, right, *args))


@pytest.mark.parametrize(
    ("stack", "cls", "method", "change"),
    [
        ("dense", layers.Dense, "backward", lambda s, right, *a: right(s, *a) * (1 + 1e-5)),
        ("residual", layers.Residual, "backward", lambda s, right, dy, *a: right(s, dy, *a) - 1e-5 * dy),
        ("dropout", layers.Dropout, "backward", lambda s, right, dy, saved, g: dy),
        ("batch_norm", layers.BatchNorm, "backward", lambda s, right, dy, v, g: right(s, dy, (*v[:2], None), g)),
        ("layer_norm", layers.Normalization, "affine_backward", lambda s, right, dy, z, g: right(s, dy, z, g) * 1.01),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_a_wrong_backward_pass_is_noticed(rng, monkeypatch, stack, cls, method, change):
    engine = make(STACKS[stack], 4, net.loss("mse"))
    stir(engine, rng)
    plant(monkeypatch, cls, method, change)
    with pytest.raises(AssertionError):
        check_gradients(engine, rng.normal(size=(7, 4)), rng.normal(size=(7, 3)), None, rng)


# Layers.


@pytest.mark.parametrize("mode", ["inverted", "classic"])
@pytest.mark.parametrize("rate", [0.0, 0.25, 0.7, 1.0])
def test_dropout_has_the_bits_of_functional(rng, dtype, mode, rate):
    # Layers number 2 and 3: blocks are counted before what is in them.
    stack = [net.activation("identity"), net.residual([net.dropout(rate, "d", mode=mode)])]
    stack += [net.dropout(rate, "e", mode=mode)]
    engine = make(stack, 13, seed=2**63 + 5, dtype=np.dtype(dtype).name)
    engine.step = 2**33 + 1
    x = rng.normal(size=(5, 13)).astype(dtype)
    for training in (True, False):
        place = {"mode": mode, "training": training, "seed": 2**63 + 5, "step": 2**33 + 1}
        dropped = F.dropout(x, rate, layer=2, **place)
        np.testing.assert_array_equal(engine.hidden(x, "d", training), dropped)
        np.testing.assert_array_equal(engine.hidden(x, "e", training), F.dropout(x + dropped, rate, layer=3, **place))


def box_muller(counters, key):
    """Four normal numbers for each counter, one at a time."""
    z = []
    for block in _philox(np.array(counters, np.uint64), key):
        for first, second in (block[:2], block[2:]):
            r = np.sqrt(-2 * np.log((float(first) + 0.5) / 2**32))
            z += [r * np.cos(2 * np.pi * float(second) / 2**32), r * np.sin(2 * np.pi * float(second) / 2**32)]
    return np.array(z)


def test_gaussian_noise_is_box_muller_of_philox(dtype):
    stack = [net.gaussian_noise(0.5, "noise")]
    engine = make(stack, 6, seed=11, dtype=np.dtype(dtype).name)
    engine.step = 3
    x = np.ones((2, 6), dtype)
    expected = 1 + 0.5 * box_muller([[k, 0, 3, 0] for k in range(3)], (11, 0)).reshape(2, 6)
    np.testing.assert_allclose(engine.forward(x, True), expected, rtol=4 * np.finfo(dtype).eps)
    np.testing.assert_array_equal(engine.forward(x), x)


def test_gaussian_noise_has_its_moments():
    engine = make([net.gaussian_noise(2.0)], 500)
    z = engine.forward(np.zeros((400, 500)), True) / 2
    n = z.size
    assert abs(z.mean()) < 4 / np.sqrt(n)
    assert abs(z.var() - 1) < 4 * np.sqrt(2 / n)
    assert abs((z**4).mean() - 3) < 4 * np.sqrt(96 / n)
    assert abs((z[:, :-1] * z[:, 1:]).mean()) < 4 / np.sqrt(n)


def test_hidden_is_what_a_layer_puts_out(rng):
    block = net.residual([net.dense(4, "tanh", "inner")], "block")
    engine = make([net.dense(4, "relu", "first"), block, net.dense(2, name="last")], 3)
    x = rng.normal(size=(5, 3))
    first = np.maximum(x @ net.segment(engine, "first", "kernel") + net.segment(engine, "first", "bias"), 0)
    inner = np.tanh(first @ net.segment(engine, "inner", "kernel") + net.segment(engine, "inner", "bias"))
    np.testing.assert_allclose(engine.hidden(x, "first"), first, rtol=1e-13)
    np.testing.assert_allclose(engine.hidden(x, "inner"), inner, rtol=1e-13)
    np.testing.assert_allclose(engine.hidden(x, "block"), first + inner, rtol=1e-13)
    np.testing.assert_array_equal(engine.hidden(x, "last"), engine.forward(x))
    with pytest.raises(ValueError, match="no layer is called 'lost'; the layers are first, block, inner, last"):
        engine.hidden(x, "lost")


def test_normalization_agrees_with_functional(rng):
    x = 100 + rng.normal(size=(6, 4))
    engine = make([net.batch_norm("bn", eps=1e-3), net.layer_norm("ln", eps=1e-2)], 4)
    stir(engine, rng)
    gamma, beta = (net.segment(engine, "bn", n) for n in ("gamma", "beta"))
    mean, variance = (net.segment(engine, "bn", n) for n in ("mean", "variance"))
    of_batch = F.batch_norm(x, gamma, beta, eps=1e-3)
    running = F.batch_norm(x, gamma, beta, mean, variance, training=False, eps=1e-3)
    np.testing.assert_allclose(engine.hidden(x, "bn", True), of_batch, rtol=1e-11)
    np.testing.assert_allclose(engine.hidden(x, "bn"), running, rtol=1e-11)
    gamma, beta = (net.segment(engine, "ln", n) for n in ("gamma", "beta"))
    np.testing.assert_allclose(engine.forward(x), F.layer_norm(running, gamma, beta, eps=1e-2), rtol=1e-11)
    with pytest.raises(ValueError, match="bn: a batch of 1 row has no variance"):
        engine.forward(x[:1], True)


@pytest.mark.parametrize("name", [*ACTIVATIONS, "softmax", "log_softmax"])
def test_everything_stays_in_the_dtype(rng, dtype, name):
    stack = [net.dense(5, name), net.batch_norm(), net.layer_norm(), net.dropout(0.5), net.gaussian_noise(1.0)]
    stack += [net.residual([net.dense(5)]), net.dense(3, "softmax")]
    spec = {"dtype": np.dtype(dtype).name, "optimizer": net.optimizer("adam"), "clip_norm": 1.0}
    engine = make(stack, 4, net.loss("softmax_cross_entropy", link=True), **spec)
    x, y = rng.normal(size=(6, 4)).astype(dtype), rng.integers(0, 3, 6)
    tape = engine.tape(x, True)
    arrays = [tape.output, *tape.pullback(tape.output), engine.hidden(x, engine.segments[0]["layer"], True)]
    z, saved = engine._forward(x, True)
    arrays += [z, saved[0][2], *saved[1][:2], *saved[2], engine._heads(z, [y], [None])[1]]
    arrays += [engine.parameters, engine.gradients, engine.statistics, *engine.states]
    assert {a.dtype for a in arrays} == {np.dtype(dtype)}
    assert type(engine.step_on(x, y, None, 0.1)[0]) is float


# Segments and initial values.


def test_segments_lie_one_after_another():
    stack = [
        net.dense(3, name="a"),
        net.residual([net.batch_norm("n"), net.dense(3, name="b", bias=False, trainable=False)], "r"),
        net.residual([net.layer_norm("l", center=False)], "s", trainable=False),
        net.host(0, 2, [("v", (3,)), ("w", (2, 9))], "h"),
    ]
    engine = make(stack, 5, hosts=[Scale()])
    parameters = [(s["layer"], s["name"], s["shape"], s["offset"], s["trainable"]) for s in engine.segments[:8]]
    assert parameters == [
        ("a", "kernel", (5, 3), 0, True),
        ("a", "bias", (3,), 16, True),
        ("n", "gamma", (3,), 32, True),
        ("n", "beta", (3,), 48, True),
        ("b", "kernel", (3, 3), 64, False),
        ("l", "gamma", (3,), 80, False),
        ("h", "v", (3,), 96, True),
        ("h", "w", (2, 9), 112, True),
    ]
    statistics = [(s["layer"], s["name"], s["offset"], s["kind"]) for s in engine.segments[8:]]
    assert statistics == [("n", "mean", 0, "statistic"), ("n", "variance", 16, "statistic")]
    assert engine.parameters.shape == engine.gradients.shape == (144,)
    assert engine.statistics.shape == (32,)
    assert (engine.inputs, engine.outputs, engine.step) == (5, 2, 0)
    assert not engine.parameters[15:16].any()


def initial(initializer, shape=(300, 200), seed=7, which="kernel"):
    inputs, units = shape
    options = {"kernel_initializer": initializer, "bias_initializer": initializer}
    engine = make([net.dense(units, name="it", **options)], inputs, seed=seed)
    return net.segment(engine, "it", which)


def scaled(scale, mode, distribution):
    return {"kind": "variance_scaling", "scale": scale, "mode": mode, "distribution": distribution}


@pytest.mark.parametrize(
    ("initializer", "mean", "std", "limit"),
    [
        ({"kind": "uniform", "low": -1.0, "high": 3.0}, 1, 4 / np.sqrt(12), 3),
        ({"kind": "normal", "mean": 0.5, "std": 2.0}, 0.5, 2, None),
        ({"kind": "truncated_normal", "mean": 1.0, "std": 0.5}, 1, 0.5 * 0.87962566103423978, 2.0),
        (scaled(2.0, "fan_in", "normal"), 0, np.sqrt(2 / 300), None),
        (scaled(2.0, "fan_out", "truncated_normal"), 0, np.sqrt(2 / 200), 2 * np.sqrt(2 / 200) / 0.8796),
        (scaled(1.0, "fan_avg", "uniform"), 0, np.sqrt(1 / 250), np.sqrt(3 / 250)),
    ],
    ids=lambda v: "-".join(map(str, v.values())) if isinstance(v, dict) else "",
)
def test_initial_values_have_their_moments(initializer, mean, std, limit):
    w = initial(initializer)
    assert abs(w.mean() - mean) < 4 * std / np.sqrt(w.size)
    assert abs(w.std() / std - 1) < 4 / np.sqrt(w.size)  # more than four sigma for every distribution here
    assert limit is None or np.abs(w).max() <= limit
    assert limit is None or np.abs(w).max() > 0.99 * limit
    bias = initial(initializer, which="bias")  # the same variance: the fans are the kernel's
    assert abs(bias.std() / std - 1) < 4 / np.sqrt(2 * bias.size)
    assert not np.isin(bias, w).any()  # another segment, other numbers


def test_initial_values_are_those_of_the_page(dtype):
    low = 0xFFFFFFFF
    counters = [[k, 1, low, low] for k in range(2)]  # segment 1 is the bias
    words = _philox(np.array(counters, np.uint64), (9, 3)).ravel()[:6]
    options = {"bias_initializer": {"kind": "uniform", "low": 2.0, "high": 6.0}}
    engine = make([net.dense(6, name="it", **options)], 2, seed=9 + (3 << 32), dtype=np.dtype(dtype).name)
    expected = (2 + 4 * (words.astype(float) + 0.5) / 2**32).astype(dtype)
    np.testing.assert_array_equal(net.segment(engine, "it", "bias"), expected)


def test_a_truncated_normal_number_is_drawn_again_in_its_place():
    normal, truncated = ({"kind": kind, "mean": 0.0, "std": 1.0} for kind in ("normal", "truncated_normal"))
    a, b = initial(normal), initial(truncated)
    outside = np.abs(a) > 2
    assert 0.03 < outside.mean() < 0.06
    np.testing.assert_array_equal(a[~outside], b[~outside])
    assert (np.abs(b) <= 2).all()
    at = np.flatnonzero(outside)[:40]
    again = np.array([box_muller([[e // 4, 2**20, 2**32 - 1, 2**32 - 1]], (7, 0))[e % 4] for e in at])
    kept = np.abs(again) <= 2  # the others are drawn a third time
    np.testing.assert_allclose(b.ravel()[at][kept], again[kept], rtol=1e-13)


@pytest.mark.parametrize("shape", [(30, 20), (20, 30), (25, 25)])
def test_orthogonal(shape):
    w = initial({"kind": "orthogonal", "gain": 3.0}, shape) / 3
    product = w.T @ w if shape[0] >= shape[1] else w @ w.T
    np.testing.assert_allclose(product, np.eye(min(shape)), atol=1e-13)
    # In order: each row (or column) is along what the normal matrix has beyond those before it.
    normal = initial({"kind": "normal", "mean": 0.0, "std": 1.0}, shape)
    along = w.T @ normal if shape[0] >= shape[1] else w @ normal.T
    assert (np.diag(along) > 0).all()
    np.testing.assert_allclose(np.tril(along, -1), 0, atol=1e-12)


def test_constants_and_given_values():
    assert (initial({"kind": "constant", "value": 0.25}) == 0.25).all()
    assert (initial({"kind": "ones"}) == 1).all()
    assert not initial({"kind": "given"}).any()
    assert not initial({"kind": "zeros"}).any()


def test_the_seed_decides():
    assert (initial(net.GLOROT) == initial(net.GLOROT)).all()
    assert (initial(net.GLOROT) != initial(net.GLOROT, seed=8)).all()


# Refusals.


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda e: e.forward(np.zeros((2, 3))), r"x is \(2, 3\), expected \(n, 4\)"),
        (
            lambda e: e.loss(np.zeros((2, 4)), np.array([0, 3]), None),
            "label 3 in row 1 is not a class: expected 0 to 2",
        ),
        (lambda e: e.loss(np.zeros((2, 4)), np.zeros((2, 2)), None), r"y is \(2, 2\), expected \(2, 3\)"),
        (lambda e: e.loss(np.zeros((2, 4)), np.zeros(2, int), np.ones(3)), "there are 2 rows but 3 weights"),
        (lambda e: e.tape(np.zeros((2, 4))).pullback(np.zeros((2, 4))), r"dy is \(2, 4\)"),
        (lambda e: e.step_on(np.zeros((2, 4)), np.zeros(2, int), None, 0.1), "no optimizer"),
    ],
)
def test_refusals(call, message):
    engine = make([net.dense(3)], 4, net.loss("softmax_cross_entropy"))
    with pytest.raises(ValueError, match=message):
        call(engine)


def test_specs_that_make_no_sense():
    with pytest.raises(ValueError, match="must keep the width"):
        make([net.residual([net.dense(3)])], 4)
    with pytest.raises(ValueError, match="'conv' is not known"):
        make([{**net.dropout(0.5), "kind": "conv"}], 4)
    with pytest.raises(ValueError, match="cannot be linked with the activation 'tanh'"):
        make([net.dense(3, "tanh")], 4, net.loss("softmax_cross_entropy", link=True))
    with pytest.raises(TypeError, match="x is float32, expected float64"):
        make([net.dense(3)], 4).forward(np.zeros((2, 4), np.float32))
