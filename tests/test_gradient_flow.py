"""Backpropagation told edge by edge, gradients layer by layer, signs neuron by neuron."""

from __future__ import annotations

import numpy as np
import pytest

import densekit as dk
from densekit.diagnostics import GradientFlow, explain_backward, gradient_flow, sign_coherence
from densekit.layers import Activation, BatchNorm, Dense, Dropout, GaussianNoise, Lambda, LayerNorm, Residual


def compiled(*layers, loss="mse", seed=0, optimizer="sgd", **options):
    return dk.Sequential(layers, seed=seed, **options).compile(optimizer, loss)


# explain_backward


def test_one_neuron_chain_by_hand():
    """x -> w1 -> sigmoid -> w2 -> y, L = (y − t)², as in the lectures."""
    x, w1, w2, t = 1.5, 0.8, -1.2, 0.3
    net = compiled(
        Dense(1, "sigmoid", use_bias=False, kernel_initializer=[[w1]], name="w1"),
        Dense(1, use_bias=False, kernel_initializer=[[w2]], name="w2"),
        dtype="float64",
    )
    s = 1 / (1 + np.exp(-w1 * x))
    y = w2 * s
    dy = 2 * (y - t)
    found = explain_backward(net, [x], [t])
    assert found.loss == pytest.approx((y - t) ** 2, rel=1e-14)
    edges = {(e.source, e.target): (e.local, e.upstream, e.product) for e in found.edges}
    expected = {
        ("w2.y[0]", "L"): (dy, 1.0, dy),
        ("w2.kernel[0, 0]", "w2.y[0]"): (s, dy, s * dy),
        ("w1.y[0]", "w2.y[0]"): (w2, dy, w2 * dy),
        ("w1.z[0]", "w1.y[0]"): (s * (1 - s), w2 * dy, s * (1 - s) * w2 * dy),
        ("w1.kernel[0, 0]", "w1.z[0]"): (x, s * (1 - s) * w2 * dy, x * s * (1 - s) * w2 * dy),
        ("x[0]", "w1.z[0]"): (w1, s * (1 - s) * w2 * dy, w1 * s * (1 - s) * w2 * dy),
    }
    assert edges.keys() == expected.keys()
    for key, numbers in expected.items():
        np.testing.assert_allclose(edges[key], numbers, rtol=1e-12)
    text = str(found)
    assert f"w1.y[0] -> w2.y[0]: {w2:.6g} x {dy:.6g} = {w2 * dy:.6g}" in text


NETS = {
    "softmax": ([Dense(4, "gelu"), Dense(3, "softmax")], "sparse_categorical_crossentropy", [1]),
    "smoothed": (
        [Dense(3), Activation("softmax", temperature=2.0)],
        dk.losses.CategoricalCrossentropy(label_smoothing=0.1),
        [[0.0, 1.0, 0.0]],
    ),
    "logits": ([Dense(3)], dk.losses.SparseCategoricalCrossentropy(from_logits=True), [2]),
    "sigmoid": ([Dense(4, "relu"), Dense(2, "sigmoid")], "binary_crossentropy", [[1.0, 0.0]]),
    "softmax and mse": ([Dense(3, "softmax")], "mse", [[0.2, 0.5, 0.3]]),
    "slopes": ([Dense(4, "leaky_relu"), Dense(4), Activation("elu", alpha=0.5), Dense(1)], "huber", [2.0]),
    "norms": ([Dense(4), BatchNorm(), Dense(3, "tanh"), LayerNorm(), Dense(1)], "mse", [0.5]),
    "names": ([BatchNorm(), Dense(3), BatchNorm(), Residual([Dense(3, "tanh")]), Dense(1)], "mse", [0.5]),
    "residual": ([Residual([Dense(3, "tanh"), Dense(3)]), Dropout(0.5), GaussianNoise(1.0), Dense(2)], "mae", [[1, 2]]),
    "host": ([Dense(2), Lambda(np.square, lambda dy, x, y: 2 * x * dy), Dense(1)], "mse", [1.0]),
}


@pytest.mark.parametrize("name", NETS)
def test_explained_gradients_are_those_of_the_engine(name, rng):
    layers, loss, y = NETS[name]
    net = compiled(*layers, loss=loss, dtype="float64")
    x = rng.normal(size=(1, 3))
    found = explain_backward(net, x, y)
    engine = net._ready()
    rows = dk._evaluation.rows(net, "test", x, y, None)
    value, _ = engine.gradient(rows.x, rows.y, None, False)
    assert found.loss == pytest.approx(value, rel=1e-12)
    for segment in engine.segments:
        if segment["kind"] == "parameter":
            part = engine.gradients[segment["offset"] :][: int(np.prod(segment["shape"]))].reshape(segment["shape"])
            key = f"{segment['layer']}.{segment['name']}"
            np.testing.assert_allclose(found.gradients[key], part, rtol=1e-10, atol=1e-13, err_msg=key)


@pytest.mark.parametrize("name", ["softmax", "slopes", "norms"])
def test_products_along_edges_add_up(name, rng):
    layers, loss, y = NETS[name]
    found = explain_backward(compiled(*layers, loss=loss), rng.normal(size=3), y)
    sums = {}
    for edge in found.edges:
        sums[edge.source] = sums.get(edge.source, 0.0) + edge.product
    np.testing.assert_allclose([sums[f"x[{i}]"] for i in range(3)], found.gradients["x"][0], rtol=1e-10)
    # What comes down to a number is what goes on from it.
    for edge in found.edges:
        if edge.target in sums:
            assert edge.upstream == pytest.approx(sums[edge.target], rel=1e-9, abs=1e-14)


def test_explain_backward_refuses_tables():
    with pytest.raises(ValueError, match=r"x is \(2, 1\), expected one row; of a table write X\[:1\]"):
        explain_backward(compiled(Dense(1)), [[1.0], [2.0]], [1.0, 2.0])


# gradient_flow


def deep(depth, activation, seed=0, optimizer="sgd", width=16, **options):
    hidden = [Dense(width, activation, **options) for _ in range(depth)]
    return compiled(*hidden, Dense(1), seed=seed, optimizer=optimizer)


@pytest.mark.parametrize("seed", range(3))
def test_twenty_sigmoid_layers_vanish_and_relu_with_he_does_not(seed, table):
    X, y = table
    found = gradient_flow(deep(20, "sigmoid", seed), X, y)
    assert found.verdict == "vanishing"
    assert found.ratio < 1e-6
    assert any("relu" in remedy for remedy in found.remedies)
    # The bound of the theory: each layer multiplies by at most ‖W‖₂ / 4.
    net = deep(20, "sigmoid", seed).build(5)
    engine = net._ready()
    rows = dk._evaluation.rows(net, "test", X, y, None)
    engine.gradient(np.float32(rows.x), rows.y, None, True)
    bound = np.prod([np.linalg.norm(layer.kernel, 2) / 4 for layer in net.layers[1:-1]])
    norms = [at.gradient_norm for at in found.layers]
    assert norms[0] <= bound * 1e3 * norms[-1]
    healthy = gradient_flow(deep(5, "relu", seed, "adam", width=32, kernel_initializer="he_normal"), X, y)
    assert healthy.verdict == "healthy"
    assert not healthy.remedies


@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_times_the_learning_rate_explodes(seed, table):
    X, y = table
    net = deep(3, "tanh", seed, dk.optimizers.SGD(0.05))
    net.fit(X, y, epochs=3, verbose=0)
    assert gradient_flow(net, X, y).verdict == "healthy"
    wild = deep(3, "tanh", seed, dk.optimizers.SGD(5.0))
    wild.fit(X, y, epochs=3, verbose=0, on_divergence="ignore")
    found = gradient_flow(wild, X, y)
    assert found.verdict == "exploding"
    assert any("learning rate" in remedy for remedy in found.remedies)


def test_numbers_are_those_of_the_definitions(table):
    X, y = table
    net = compiled(Dense(4, "sigmoid"), Dense(3, "relu"), Dense(1), optimizer=dk.optimizers.SGD(0.1), dtype="float64")
    net.build(5)
    net.layers[0].kernel *= 40  # saturates
    net.layers[1].bias = [-100.0, 1.0, 1.0]  # one dead unit
    found = gradient_flow(net, X, y)
    theta = net.trainable_parameters()
    _, g = net.clone(weights=True).evaluate_objective(theta, X, y)
    first = g[:20]
    assert found.layers[0].gradient_norm == pytest.approx(np.linalg.norm(first), rel=1e-12)
    assert found.layers[0].gradient_rms == pytest.approx(np.sqrt((first**2).mean()), rel=1e-12)
    ratio = 0.1 * np.linalg.norm(first) / np.linalg.norm(theta[:20])
    assert found.layers[0].update_ratio == pytest.approx(ratio, rel=1e-9)
    s = net.transform(X, 0)
    assert found.layers[0].saturated == pytest.approx((s * (1 - s) < 0.05 / 4).mean())
    assert found.layers[0].saturated > 0.5
    assert found.layers[1].dead == pytest.approx((net.transform(X, 1) == 0).all(axis=0).mean())
    assert found.layers[1].dead >= 1 / 3
    assert np.isnan(found.layers[1].saturated)
    assert np.isnan([found.layers[2].saturated, found.layers[2].dead]).all()
    np.testing.assert_array_equal(net.trainable_parameters(), theta)  # as it was
    assert net.step == 0


def test_activations_apart_are_seen_and_nan_is_watched(table):
    X, y = table
    net = compiled(Dense(8), BatchNorm(), Activation("relu"), Dropout(0.2), Dense(1))
    assert np.isfinite(gradient_flow(net, X, y).layers[0].dead)
    net.layers[0].kernel[0, 0] = np.nan
    found = gradient_flow(net, X, y)
    assert not found.finite
    assert found.verdict == "exploding"
    assert "NaN" in found.reasons[0]


def test_callback_records_every_epoch(table):
    X, y = table
    watch = GradientFlow(X, y)
    net = deep(3, "tanh", optimizer="adam")
    net.fit(X, y, epochs=4, callbacks=[watch], verbose=0)
    plain = deep(3, "tanh", optimizer="adam")
    plain.fit(X, y, epochs=4, verbose=0)
    for name, value in plain.weights.items():  # watching changes nothing
        np.testing.assert_array_equal(value, net.weights[name])
    assert watch.epoch == [0, 1, 2, 3]
    assert watch.layers == ["dense", "dense_1", "dense_2", "dense_3"]
    assert watch.norms.shape == watch.rms.shape == (4, 4)
    found = gradient_flow(net, X, y)
    np.testing.assert_allclose(watch.norms[-1], [at.gradient_norm for at in found.layers], rtol=1e-6)


# sign_coherence


def test_sigmoid_inputs_are_coherent_and_tanh_inputs_are_not(rng):
    X, y = rng.normal(size=(200, 10)), rng.normal(size=200)
    for activation, low, high in (("sigmoid", 1.0, 1.0), ("tanh", 0.05, 0.2)):
        found = sign_coherence(compiled(Dense(64, activation), Dense(4), Dense(1)), X, y)
        assert low <= found["dense_1"].per_sample <= high
        assert found["dense"].per_sample == pytest.approx(found["dense"].chance, rel=0.1)
    sigmoid = sign_coherence(compiled(Dense(64, "sigmoid"), Dense(4), Dense(1)), X, y)["dense_1"]
    assert 0 < sigmoid.batch <= 1


def test_sign_coherence_is_that_of_real_gradients(rng):
    X, y = rng.normal(size=(12, 3)), rng.normal(size=12)
    net = compiled(Residual([Dense(3, "silu"), Dense(3, "tanh")]), Dense(2, "tanh"), Dense(1), dtype="float64")
    found = sign_coherence(net, X, y)
    engine = net._ready()
    measured = {name: [] for name in found}
    for i in range(len(X)):
        rows = dk._evaluation.rows(net, "test", X[i : i + 1], y[i : i + 1], None)
        engine.gradient(rows.x, rows.y, None, False)
        for s in engine.segments:
            if s["name"] == "kernel":
                g = engine.gradients[s["offset"] :][: int(np.prod(s["shape"]))].reshape(s["shape"])
                measured[s["layer"]].append(np.abs(np.sign(g).sum(axis=0)) / s["shape"][0])
    for name, values in measured.items():
        assert found[name].per_sample == pytest.approx(np.mean(values), rel=1e-12)
