"""Rows of several axes in the diagnostics, and in what trains copies of a model."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from models import SHAPE, of_layers, with_axes
from numpy.testing import assert_allclose, assert_array_equal
from python_layers import PerPlace

import densekit as dk
from densekit import diagnostics, manifold, plots
from densekit.layers import (
    Activation,
    BatchNorm,
    Dense,
    Flatten,
    Input,
    Lambda,
    LayerNorm,
    Reshape,
    Residual,
)


@pytest.fixture
def X(rng):
    return rng.normal(size=(24, *SHAPE))


@pytest.fixture
def y(rng):
    return rng.normal(size=(24, 4, 3, 2))


EXPLAINED = {
    "along the last axis": ([Dense(3, "gelu"), Dense(2)], (4, 3, 2)),
    "softmax": ([Dense(3), Activation("softmax"), Dense(2, "tanh")], (4, 3, 2)),
    "norms": ([BatchNorm(), Dense(3, "tanh"), LayerNorm(), Residual([Dense(3)])], (4, 3, 3)),
    "flatten": ([Dense(2, "tanh"), Flatten(), Dense(3)], (3,)),
    "reshape": ([Reshape((6, 10)), Dense(2, "sigmoid"), Reshape(12), Dense(2)], (2,)),
    "in python": ([PerPlace(), Lambda(np.square, lambda dy, x, y: 2 * x * dy), Dense(1)], (4, 3, 1)),
}


@pytest.mark.parametrize("name", EXPLAINED)
def test_a_row_is_explained(name, X, rng):
    """The gradients are the engine's, the products along the edges add up, and elements are named by their places."""
    layers, shape = copy.deepcopy(EXPLAINED[name])
    loss = (lambda p, t: (float(((p - t) ** 2).sum()), 2 * (p - t))) if name == "in python" else "mse"
    model = of_layers(Input(SHAPE), *layers, loss=loss)
    target = rng.normal(size=(1, *shape))
    found = diagnostics.explain_backward(model, X[0], target[0])
    rows = dk._evaluation.rows(model, "test", X[:1], target, None)
    engine = model._ready()
    value, _ = engine.gradient(rows.x, rows.y, None, False)
    assert found.loss == pytest.approx(value, rel=1e-12)
    expected = dk._evaluation.by_name(engine, engine.gradients)
    for key, part in expected.items():
        assert_allclose(found.gradients[key], part, rtol=1e-10, atol=1e-13, err_msg=key)
    assert found.gradients["x"].shape == (1, *SHAPE)
    sums = {}
    for edge in found.edges:
        sums[edge.source] = sums.get(edge.source, 0.0) + edge.product
    for place in np.ndindex(SHAPE):
        at = f"x[{', '.join(map(str, place))}]"
        assert found.values[at] == X[0][place]
        assert sums.get(at, 0.0) == pytest.approx(found.gradients["x"][0][place], rel=1e-9, abs=1e-13)
    for edge in found.edges:
        if edge.target in sums:
            assert edge.upstream == pytest.approx(sums[edge.target], rel=1e-9, abs=1e-13)
    with pytest.raises(ValueError, match=r"x is \(24, 4, 3, 5\), expected one row"):
        diagnostics.explain_backward(model, X, target)


def test_signs_and_flow_are_those_of_the_places(X, y):
    """A unit is one of the last axis."""

    def layers():
        return [Dense(7, "relu", name="a"), Dense(4, "tanh", name="b"), Dense(2, name="c")]

    axes, plain = of_layers(Input(SHAPE), *layers()), of_layers(Input(5), *layers())
    for model in (axes, plain):
        model.layer("a").bias[2] = -100.0  # a dead unit
    x, target = X.reshape(-1, 5), y.reshape(-1, 2)
    ours, theirs = (diagnostics.sign_coherence(m, *d) for m, d in ((axes, (X, y)), (plain, (x, target))))
    for name, one in theirs.items():
        assert ours[name].per_sample == pytest.approx(one.per_sample, rel=1e-12)
        assert ours[name].batch == pytest.approx(one.batch, rel=1e-12)
    ours, theirs = (diagnostics.gradient_flow(m, *d) for m, d in ((axes, (X, y)), (plain, (x, target))))
    assert ours.layers[0].dead == pytest.approx(1 / 7)
    for one, other in zip(ours.layers, theirs.layers, strict=True):
        assert one.gradient_norm == pytest.approx(other.gradient_norm, rel=1e-9)
        assert (one.dead, one.saturated) == pytest.approx((other.dead, other.saturated), nan_ok=True)


def test_diagnose_names_places_and_counts_the_rows_of_a_batch_norm(rng):
    X = rng.normal(size=(80, *SHAPE))
    X[:, 2, 0, 3] *= 1000
    labels = (X[:, 1, 1, 1] > 0) * 1
    X_val, loss = rng.normal(size=(40, *SHAPE)), "sparse_categorical_crossentropy"
    model = of_layers(Dense(4, "tanh"), BatchNorm(), Flatten(), Dense(2, "softmax"), loss=loss)
    model.fit(X, labels, batch_size=4, epochs=2, verbose=0)
    report = diagnostics.diagnose(model, X, labels, X_val, (X_val[:, 1, 1, 1] > 0) * 1, batch_size=4)
    assert "unscaled_input" in report
    assert report["unscaled_input"].message == "place (2, 0, 3) of a row is large"
    assert "batch_norm_small_batch" not in report  # 48 rows to the batch norm
    whole = of_layers(Flatten(), Dense(4, "tanh"), BatchNorm(), Dense(2, "softmax"), loss=loss)
    whole.fit(X, labels, batch_size=4, epochs=2, verbose=0)
    assert "batch_norm_small_batch" in diagnostics.diagnose(whole, X, labels, batch_size=4)


def test_diagnose_of_answers_at_every_place(rng):
    """Yes-or-no answers, in axes and in columns of which exactly one is yes."""
    X = rng.normal(size=(60, 3, 5))
    for target in ((X[..., :1] > 0) * 1.0, np.eye(3)[rng.integers(0, 3, 60)][..., None]):
        model = of_layers(Dense(1, "sigmoid"), loss="binary_crossentropy")
        model.fit(X, target, verbose=0)
        report = diagnostics.diagnose(model, X, target)
        right = ((model.predict(X) > 0.5) == target).mean()
        assert report.numbers["training accuracy"] == pytest.approx(right)


def test_what_trains_copies_takes_axes(engine, X, y):
    def make(seed):
        return with_axes(engine)

    curve = diagnostics.learning_curve(make, X, y, X[:5], y[:5], sizes=(6, 24), repeats=1, epochs=1)
    assert curve.validation.shape == (2, 1)
    assert diagnostics.validation_curve(make, [1, 2], X, y, X[:5], y[:5], epochs=1).training.shape == (2, 1)
    found = diagnostics.bias_variance(make, X, y, X[:5], y[:5], repeats=2, epochs=1)
    assert found.predictions.shape == (2, 5, 4, 3, 2)
    assert found.error == pytest.approx(found.bias_squared + found.variance)
    assert diagnostics.restarts(make, 2, X, y, epochs=1).values.shape == (2,)
    assert len(dk.lr_finder(with_axes(engine), X, y, steps=20, batch_size=8, window=3).losses) > 3
    assert diagnostics.gradcheck(with_axes(engine), X[:6], y[:6])
    point = diagnostics.stationary_point(with_axes(engine), X[:6], y[:6], steps=3)
    assert point.verdict == "not stationary"
    watch = diagnostics.GradientFlow(X, y)
    with_axes(engine).fit(X, y, epochs=2, callbacks=[watch], verbose=0)
    assert watch.norms.shape == (2, 3)


def test_hidden_spaces(engine, X):
    model = with_axes(engine)
    spaces = manifold.hidden_spaces(model, X)
    assert [space.shape[1:] for space in spaces.values()] == [(4, 3, 6)] * 4 + [(4, 3, 2)]
    for layer in model.layers:
        assert_array_equal(spaces[layer.name], model.transform(X, layer))


def test_hidden_spaces_are_drawn_as_plain_rows(X):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed").use("agg")
    display = plots.HiddenSpacesDisplay.from_model(with_axes(), X)
    assert [space.shape for space in display.spaces.values()] == [(24, 72)] * 4 + [(24, 24)]
