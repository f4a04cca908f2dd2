"""Networks with branches and heads: Block, Parallel, Columns; losses of branches; weights and masks of elements."""

from __future__ import annotations

import json

import networks as net
import numpy as np
import pytest
from random_networks import OF_ROWS

import densekit as dk
from densekit import _core
from densekit.layers import Block, Columns, Dense, Dropout, Input, Parallel, Residual

KINDS = _core.kinds()["losses"]
OF_ELEMENTS = [kind for kind in KINDS if kind not in ("host", *OF_ROWS)] + ["gaussian_nll", "laplace_nll"]


def engines(spec, hosts=()):
    return [net.engine_of(name)(spec, list(hosts)) for name in ("native", "reference")]


def with_heads(layers, inputs, heads, **fields):
    """heads: (name, weight, loss)."""
    spec = json.loads(net.network(layers, inputs, None, net.optimizer("adam"), **fields))
    spec["heads"] = [{"name": name, "weight": weight, "loss": loss} for name, weight, loss in heads]
    return json.dumps(spec)


# Each loss as the head of a branch of six units, linked with the activation that belongs to it.
BRANCHES = {
    "softmax_cross_entropy": (net.dense(6, "softmax"), {"link": True}),
    "nll": (net.dense(6, "log_softmax"), {}),
    "binary_cross_entropy": (net.dense(6, "sigmoid"), {"link": True}),
    "poisson_nll": (net.dense(6), {"log_input": True}),
    "gamma_nll": (net.dense(6, "softplus"), {}),
    "kl_divergence": (net.dense(6, "log_softmax"), {"log_input": True}),
}


def random_heads(rng, dtype):
    """A trunk, some branches of which some see columns of it, a head for each, targets and weights."""
    kinds = [str(k) for k in rng.choice([k for k in KINDS if k != "host"], rng.integers(1, 6))]
    branches, heads, y, weights = [], [], [], []
    rows = int(rng.integers(5, 60))
    for place, kind in enumerate(kinds):
        name = f"head {place}"
        last, fields = BRANCHES.get(kind, (net.dense(6), {}))
        last = {**last, "name": f"last{place}"}
        before = [[], [net.columns(0, 3, 5)], [net.dense(5, "tanh"), net.batch_norm()], [net.dropout(0.3)]]
        inside = before[rng.integers(4)]
        branches.append(net.block(*inside, last, name=name))
        target, weight = net.targets(kind, rng, rows, 6), None
        if kind in OF_ELEMENTS and rng.random() < 0.5:
            fields = {**fields, "missing": "mask"}
            target[rng.random(target.shape) < 0.3] = np.nan
        if rng.random() < 0.5:
            by_element = kind in OF_ELEMENTS and rng.random() < 0.5
            weight = rng.uniform(0, 2, target.shape if by_element else rows)
        reduction = str(rng.choice(["mean", "count", "sum"]))
        heads.append((name, float(rng.choice([1.0, 0.25, 3.0])), net.loss(kind, reduction=reduction, **fields)))
        y.append(target.astype(dtype) if target.dtype.kind == "f" else target)
        weights.append(weight)
    trunk = [net.dense(7, "gelu"), net.layer_norm()]
    return with_heads([*trunk, net.parallel(*branches)], 4, heads, dtype=dtype), rows, y, weights


@pytest.mark.parametrize("first", range(0, 60, 15))
def test_the_engines_agree_on_random_heads(first, level):
    for number in range(first, first + 15):
        rng = np.random.default_rng([7, number])
        spec, rows, y, weights = random_heads(rng, "float64")
        x = rng.normal(size=(rows, 4))
        native, twin = engines(spec)
        each = np.zeros((2, len(y)))
        found = [e.loss_and_gradients(x, y, weights, None, h) for e, h in zip((native, twin), each, strict=True)]
        assert found[0][0] == pytest.approx(found[1][0], rel=1e-10), number
        np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-8, atol=1e-10, err_msg=str(number))
        np.testing.assert_allclose(*each, rtol=1e-10)
        weight_of = [head["weight"] for head in json.loads(spec)["heads"]]
        assert found[0][0] == pytest.approx((each[0] * weight_of).sum(), rel=1e-12)
        tapes = [engine.tape(x, training=True) for engine in (native, twin)]
        np.testing.assert_allclose(tapes[0].output, tapes[1].output, rtol=1e-10, atol=1e-12)
        dy = rng.normal(size=tapes[0].output.shape)
        for a, b in zip(*(tape.pullback(dy) for tape in tapes), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)
        outputs = np.zeros((2, rows, native.outputs))
        results = [
            e.epoch(x, y, weights, np.arange(rows), 16, np.full(len(twin._batches(rows, 16, False)), 1e-3), outputs=o)
            for e, o in zip((native, twin), outputs, strict=True)
        ]
        np.testing.assert_allclose(results[0]["head_losses"], results[1]["head_losses"], rtol=1e-6)
        np.testing.assert_allclose(*outputs, rtol=1e-5, atol=1e-6)
        for name in ("parameters", "statistics"):
            np.testing.assert_allclose(getattr(native, name), getattr(twin, name), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("number", range(10))
def test_fusion_and_threads_change_no_bit(number):
    rng = np.random.default_rng([8, number])
    spec, rows, y, weights = random_heads(rng, "float32")
    x = rng.normal(size=(rows, 4)).astype(np.float32)
    found = []
    try:
        for fuse, threads in ((True, 1), (True, 2), (False, 2)):
            dk.set_num_threads(threads)
            engine = net.engine_of("native")(json.dumps({**json.loads(spec), "fuse": fuse}), [])
            for _ in range(3):
                loss, gradients, _ = engine.loss_and_gradients(x, y, weights)
                engine.apply_gradients(gradients.copy(), 0.01)
            found.append((loss, gradients, engine.parameters.copy(), engine.forward(x)))
    finally:
        dk.set_num_threads(None)
    for other in found[1:]:
        assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(found[0], other, strict=True))


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_head_alone_is_a_loss(rng, engine):
    """One branch with a head of weight 1: the bits of the network without Parallel."""
    make = net.engine_of(engine)
    layers = [net.dense(8, "tanh", "trunk"), net.dense(3, "softmax", "last")]
    loss = net.loss("softmax_cross_entropy", link=True)
    plain = make(net.network(layers, 5, loss, net.optimizer("adam")), [])
    branch = net.parallel(net.block(layers[1], name="only"), name="heads")
    alone = make(with_heads([layers[0], branch], 5, [("only", 1.0, loss)]), [])
    x, y = rng.normal(size=(20, 5)), rng.integers(0, 3, 20)
    for one in (plain, alone):
        one.epoch(x, y if one is plain else [y], None, np.arange(20), 4, np.full(5, 0.01))
    assert np.array_equal(plain.forward(x), alone.forward(x))


def test_gradients_are_differences_of_the_loss(rng):
    spec, rows, y, weights = random_heads(np.random.default_rng(3), "float64")
    native, _ = engines(spec)
    x = rng.normal(size=(rows, 4))
    _, gradient, _ = native.loss_and_gradients(x, y, weights)
    u = rng.normal(size=gradient.shape) * (gradient != 0)
    start = native.parameters.copy()

    def at(t):
        native.parameters[:] = start + t * u
        return native.loss(x, y, weights, True)[0]

    assert (at(1e-6) - at(-1e-6)) / 2e-6 == pytest.approx(gradient @ u, rel=1e-6)


# Weights and masks of elements.


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("reduction", ["mean", "count", "sum"])
@pytest.mark.parametrize("kind", sorted(set(OF_ELEMENTS)))
def test_a_masked_element_is_one_that_weighs_nothing(rng, kind, reduction, engine):
    """And a row without a masked element is as before; NaN in the scores of what weighs nothing changes nothing."""
    make = net.engine_of(engine)
    loss = net.loss(kind, reduction=reduction, missing="mask")
    plain = net.loss(kind, reduction="mean" if reduction == "count" else reduction)
    x, y = rng.normal(size=(12, 5)), net.targets(kind, rng, 12, 6)
    last = BRANCHES.get(kind, (net.dense(6), {}))[0]
    if kind == "binary_cross_entropy":
        last = net.dense(6)
    if kind == "poisson_nll":
        last = net.dense(6, "softplus")
    holes = rng.random(y.shape) < 0.4
    missing = np.where(holes, np.nan, y)
    masked = make(net.network([last], 5, loss, net.optimizer("sgd")), [])
    weighed = make(net.network([last], 5, plain, net.optimizer("sgd")), [])
    a = masked.loss_and_gradients(x, missing, None)
    b = weighed.loss_and_gradients(x, y, np.where(holes, 0.0, 1.0))
    assert a[0] == pytest.approx(b[0], rel=1e-12)
    np.testing.assert_allclose(a[1], b[1], rtol=1e-12, atol=1e-14)
    # Nothing missing: the loss of rows.
    whole = [made.loss_and_gradients(x, y, None) for made in (masked, weighed)]
    assert whole[0][0] == pytest.approx(whole[1][0], rel=1e-12)
    np.testing.assert_allclose(whole[0][1], whole[1][1], rtol=1e-10, atol=1e-14)
    everything = masked.loss_and_gradients(x, np.full_like(y, np.nan), None)
    assert everything[0] == 0
    assert not everything[1].any()


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_weights_of_elements_by_hand(engine):
    identity = {"kind": "constant", "value": 1.0}
    layer = net.dense(2, kernel_initializer=identity, bias_initializer=net.ZEROS)
    made = net.engine_of(engine)(net.network([layer], 1, net.loss("mse"), net.optimizer("sgd")), [])
    x, y = np.array([[1.0], [2.0]]), np.array([[0.0, 1.0], [0.0, 5.0]])
    weights = np.array([[1.0, 2.0], [3.0, 0.0]])
    # (1 · 1 + 2 · 0 + 3 · 4) / (1 + 2 + 3)
    assert made.loss(x, y, weights)[0] == pytest.approx(13 / 6, rel=1e-15)
    _, gradients, _ = made.loss_and_gradients(x, y, weights)
    kernel = net.segment(made, layer["name"], "kernel", gradients)
    np.testing.assert_allclose(kernel, [[(2 * 1 * 1 + 3 * 2 * 2 * 2) / 6, 0.0]])


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_what_is_refused(rng, engine):
    make = net.engine_of(engine)
    x = rng.normal(size=(6, 4))
    labels = make(net.network([net.dense(3)], 4, net.loss("softmax_cross_entropy"), net.optimizer("sgd")), [])
    with pytest.raises(ValueError, match="is one of rows: it takes a weight for each row"):
        labels.loss(x, np.full((6, 3), 1 / 3), np.ones((6, 3)))
    two = make(
        with_heads([net.parallel(net.dense(1, name="a"), net.dense(2, name="b"))], 4,
                   [("a", 1.0, net.loss("mse")), ("b", 1.0, net.loss("mse"))]), [],
    )  # fmt: skip
    if engine == "native":
        with pytest.raises(ValueError, match="targets of 1 heads, but the network has 2"):
            two.loss(x, np.zeros((6, 1)), None)
        with pytest.raises(ValueError, match="targets have 1 columns, expected 2"):
            two.loss(x, [np.zeros((6, 1)), np.zeros((6, 1))], None)
        with pytest.raises(ValueError, match="not as many weights"):
            two.loss(x, [np.zeros((6, 1)), np.zeros((6, 2))], [None])
        with pytest.raises(TypeError, match="weights must be a list, too"):
            two.loss(x, [np.zeros((6, 1)), np.zeros((6, 2))], np.ones(6))


@pytest.mark.parametrize(("change", "message"), [
    (lambda s: s["heads"].pop(), r"heads has 1 entries, but the last layer has 2 branches"),
    (lambda s: s["heads"][0].update(name="x"), r'heads\[0\].name is "x", expected "a", as that branch is called'),
    (lambda s: s["heads"][1].update(name="a"), r'heads\[1\].name is "a", as another head'),
    (lambda s: s["heads"][0].update(weight=-1.0), r"heads\[0\].weight must be a finite number of at least 0"),
    (lambda s: s.update(loss=net.loss("mse")), "heads go in place of loss"),
    (lambda s: s.update(penalty_per_weight=True), "goes with one loss"),
    (lambda s: s.update(layers=[net.dense(3)]), "the last layer must be of kind parallel"),
    (lambda s: s["heads"][0].update(loss=net.loss("nll", missing="none") | {"missing": "mask"}),
     r"heads\[0\].loss.missing is \"mask\", which goes with losses of elements"),
    (lambda s: s["heads"][0].update(colour="red"), r"heads\[0\].colour is not a field that belongs here"),
])  # fmt: skip
def test_specs_that_make_no_sense(change, message):
    heads = [("a", 1.0, net.loss("mse")), ("b", 2.0, net.loss("huber"))]
    spec = json.loads(with_heads([net.parallel(net.dense(1, name="a"), net.dense(2, name="b"))], 4, heads))
    assert json.loads(_core.normalize_spec(json.dumps(spec))) == spec
    change(spec)
    with pytest.raises(ValueError, match=message):
        _core.normalize_spec(json.dumps(spec))


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_link_belongs_to_the_branch(engine):
    loss = net.loss("softmax_cross_entropy", link=True)
    for last, fits in ((net.dense(3, "softmax"), True), (net.dense(3, "tanh"), False)):
        branches = net.parallel(net.block(net.block(last), name="a"), net.dense(2, "softmax", "b"))
        spec = with_heads([branches], 4, [("a", 1.0, loss), ("b", 1.0, net.loss("mse"))])
        if fits:
            net.engine_of(engine)(spec, [])
            continue
        with pytest.raises(ValueError, match="linked with"):
            net.engine_of(engine)(spec, [])


def test_two_heads_on_the_same_scores(rng):
    """Each loss writes a gradient of its own: their sum is that of one loss of weight 1."""
    branches = net.parallel(net.block(name="a"), net.block(name="b"))
    layers = [net.dense(3, "tanh", "trunk"), branches]
    half = with_heads(layers, 4, [("a", 0.25, net.loss("mse")), ("b", 0.75, net.loss("mse"))])
    whole = net.network(layers[:1], 4, net.loss("mse"), net.optimizer("adam"))
    x, y = rng.normal(size=(9, 4)), rng.normal(size=(9, 3))
    for name in ("native", "reference"):
        two, one = net.engine_of(name)(half, []), net.engine_of(name)(whole, [])
        found, expected = two.loss_and_gradients(x, [y, y], None), one.loss_and_gradients(x, y, None)
        assert found[0] == pytest.approx(expected[0], rel=1e-14)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-12, atol=1e-15)


def test_a_branch_without_parameters_needs_no_way_back(rng):
    """Nothing is asked of a Python layer whose gradient nobody wants."""
    asked = []

    class Watched(dk.layers.Layer):
        def forward(self, x, parameters, training):
            return x, None

        def backward(self, dy, saved, parameters, gradients):
            asked.append(len(dy))
            return dy

    layers = [Parallel([[Watched()], [Dense(4, "relu")]]), Dense(1)]
    model = dk.Sequential(layers, seed=0).compile("sgd", "mse")
    model.fit(rng.normal(size=(20, 3)), rng.normal(size=20), verbose=0)
    assert asked == []
    _, pullback = model.vjp(np.ones((2, 3)))
    pullback(np.ones((2, 1)))
    assert asked == [2]


# Python.


def test_wide_and_deep(rng):
    """Linear in some columns beside a deep branch, trained, saved, cloned, in both engines."""
    X = rng.normal(size=(200, 6))
    y = X[:, 0] * 3 + np.sin(X[:, 1])
    made = []
    for engine in ("native", "reference"):
        layers = [
            Parallel({"wide": Columns([0, -1]), "deep": [Dense(16, "relu"), Dropout(0.1), Dense(4, "relu")]}),
            Dense(1),
        ]
        model = dk.Sequential(layers, seed=1, engine=engine).compile(dk.optimizers.Adam(0.02), "mse")
        model.fit(X, y, epochs=15, verbose=0)
        made.append(model)
    np.testing.assert_allclose(made[0].predict(X), made[1].predict(X), rtol=1e-3, atol=1e-4)
    assert made[0].evaluate(X, y)["loss"] < 0.5
    copy = dk.Sequential.from_config(json.loads(json.dumps(made[0].config())))
    copy.build(6).set_weights(made[0].get_weights())
    assert np.array_equal(copy.predict(X), made[0].predict(X))
    assert made[0].transform(X, "wide").shape == (200, 2)
    assert np.array_equal(made[0].transform(X, "wide"), X[:, [0, 5]].astype(np.float32))
    assert "wide (columns)" in repr(made[0].summary())


def test_save_and_load(rng, tmp_path):
    X, y = rng.normal(size=(50, 6)), rng.normal(size=50)
    layers = [Residual([Parallel([Dense(2), Block([Dense(3, "tanh"), Block()]), Columns([4])])]), Dense(1)]
    model = dk.Sequential(layers, seed=0).compile("adam", "mse")
    model.fit(X, y, verbose=0)
    model.save(tmp_path / "model.npz")
    loaded = dk.load(tmp_path / "model.npz")
    assert np.array_equal(loaded.predict(X), model.predict(X))
    assert repr(loaded) == repr(model)
    for one in (model, loaded):
        one.fit(X, y, epochs=2, verbose=0)
    assert np.array_equal(loaded.predict(X), model.predict(X))


def test_frozen_branches_stay(rng):
    X, y = rng.normal(size=(50, 6)), rng.normal(size=50)
    model = dk.Sequential([Parallel([Block([Dense(3)], trainable=False), Dense(2)]), Dense(1)], seed=0)
    model.compile("adam", "mse").fit(X[:1], y[:1], verbose=0)
    before = model.weights["dense.kernel"].copy(), model.weights["dense_1.kernel"].copy()
    model.fit(X, y, verbose=0)
    assert np.array_equal(before[0], model.weights["dense.kernel"])
    assert not np.array_equal(before[1], model.weights["dense_1.kernel"])


def test_branches_of_rows_with_axes(rng):
    X, y = rng.normal(size=(30, 4, 3)), rng.normal(size=(30, 4, 5))
    for engine in ("native", "reference"):
        layers = [Input((4, 3)), Parallel([Dense(2, "tanh"), Columns([2, 0]), [Dense(1)]])]
        model = dk.Sequential(layers, seed=0, engine=engine).compile("adam", "mse")
        model.fit(X, y, verbose=0)
        assert model.predict(X).shape == (30, 4, 5)
        assert np.array_equal(model.predict(X)[..., 2:4], X[..., [2, 0]].astype(np.float32))


@pytest.mark.parametrize(("make", "error", "message"), [
    (lambda: Parallel([]), ValueError, "there must be one at least"),
    (lambda: Parallel({"a": Dense(1, name="b")}), ValueError, "the branch 'a' is a layer called 'b'"),
    (lambda: Parallel(["relu"]), TypeError, "Parallel: 'relu' is no layer"),
    (lambda: Columns([]), ValueError, "columns is empty"),
    (lambda: Columns(["age"]), TypeError, "columns must be a whole number"),
    (lambda: dk.Sequential([Columns([3], inputs=3)]), ValueError, "there is no column 3: 3 columns come in"),
    (lambda: dk.Sequential([Columns([1, -2], inputs=3)]), ValueError, "one of them twice"),
    (lambda: dk.Sequential([Input((2, 3)), Parallel([Dense(1), dk.layers.Flatten()])]), ValueError,
     "all axes but the last must agree"),
])  # fmt: skip
def test_errors_say_what_to_write(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_what_looks_into_a_model_looks_into_branches(rng):
    """Diagnostics, the range test and Monte Carlo, on a network with branches that begins with a Normalization."""
    X, y = rng.normal(size=(60, 6)), rng.normal(size=60)
    deep = [Dense(8, "tanh", name="in"), Dropout(0.1), Dense(3, name="out")]
    layers = [dk.layers.Normalization(), Parallel({"wide": Columns([0, 1]), "deep": deep}), Dense(1, name="last")]
    model = dk.Sequential(layers, seed=0).compile("sgd", "mse")
    assert len(dk.lr_finder(model, X, y, steps=30).lrs) > 5
    assert not layers[0].adapted
    model.fit(X, y, verbose=0)
    signs = dk.diagnostics.sign_coherence(model, X)
    sources = {"in": "normalization", "out": "dropout", "last": "parallel"}
    for name, source in sources.items():
        before = np.sign(model.transform(X, source))
        assert signs[name].per_sample == pytest.approx(np.abs(before.sum(axis=1)).mean() / before.shape[1])
    flow = dk.diagnostics.gradient_flow(model, X, y, rows=30)
    assert [one.name for one in flow.layers] == ["in", "out", "last"]
    assert dk.diagnostics.gradcheck(model, X[:20], y[:20]).passed
    assert str(dk.diagnostics.diagnose(model, X, y, X, y))
    assert model.predict(X, mc_samples=3).shape == (60, 1)
    for convert in (dk.convert.to_torch, dk.convert.to_sklearn):
        with pytest.raises(ValueError, match="Normalization"):
            convert(model)
