"""Rows of several axes in models: their answers, batches of one row, parts written in Python, copies and files."""

from __future__ import annotations

import copy
import functools
import json
import pickle

import numpy as np
import pytest
from models import SHAPE, of_layers, stack, with_axes
from numpy.testing import assert_allclose, assert_array_equal
from python_layers import PerPlace, Pool

import densekit as dk
from densekit import _core, diagnostics, losses, metrics, optimizers
from densekit.layers import (
    BatchNorm,
    Dense,
    Dropout,
    Flatten,
    Input,
    Lambda,
    Layer,
    Reshape,
    Residual,
)


@pytest.fixture
def X(rng):
    return rng.normal(size=(24, *SHAPE))


@pytest.fixture
def y(rng):
    return rng.normal(size=(24, 4, 3, 2))


PLACES = 12

# What a model is asked has the axes of its rows, and the numbers of the network without them.


def test_every_answer_is_that_of_the_places_as_rows(engine, X, y):
    given = {"optimizer": "sgd", "metrics": ["mse", "rmse", "huber"], "regularizer": dk.regularizers.L2(0.01)}
    axes, plain = with_axes(engine, **given), of_layers(Input(5), *stack(), engine=engine, **given)
    near = functools.partial(assert_allclose, rtol=1e-10, atol=1e-12)
    x_apart, y_apart = X.reshape(-1, 5), y.reshape(-1, 2)
    for _ in range(3):
        ours, theirs = axes.train_on_batch(X, y), plain.train_on_batch(x_apart, y_apart)
        near(ours, theirs)
    near(axes.predict(X, batch_size=5), plain.predict(x_apart).reshape(y.shape))
    if engine == "native":
        assert_array_equal(axes.predict(X, batch_size=5), axes.predict(X))
        assert_array_equal(axes.predict(X), axes(X))
    near(axes(X, training=True), plain(x_apart, training=True).reshape(y.shape))
    for layer in axes.layers:
        assert layer.output_shape[:-1] == SHAPE[:-1]
        apart = plain.transform(x_apart, layer.name)
        near(axes.transform(X, layer.name), apart.reshape(24, *layer.output_shape))
    near(axes.evaluate(X, y, batch_size=7), plain.evaluate(x_apart, y_apart))
    weights = np.linspace(0.5, 2, 24)
    near(axes.evaluate(X, y, weights), plain.evaluate(x_apart, y_apart, np.repeat(weights, PLACES)))
    (out, pullback), (out_apart, pullback_apart) = axes.vjp(X, training=True), plain.vjp(x_apart, training=True)
    near(out, out_apart.reshape(y.shape))
    (dx, gradients), (dx_apart, gradients_apart) = pullback(y), pullback_apart(y_apart)
    near(dx, dx_apart.reshape(X.shape))
    scores, slopes = axes.loss_and_gradients(X, y)
    scores_apart, slopes_apart = plain.loss_and_gradients(x_apart, y_apart)
    near(scores, scores_apart)
    for name, expected in gradients_apart.items():
        near(gradients[name], expected, err_msg=name)
        near(slopes[name], slopes_apart[name], err_msg=name)
    theta = axes.trainable_parameters()
    for ours, theirs in zip(
        axes.evaluate_objective(theta, X, y), plain.evaluate_objective(theta, x_apart, y_apart), strict=True
    ):
        near(ours, theirs)


def test_shapes_and_costs():
    model = of_layers(Input(SHAPE), Dense(6), Flatten(), Dense(8), Reshape((2, -1)), engine="native")
    assert (model.inputs, model.input_shape, model.outputs, model.output_shape) == (60, SHAPE, 8, (2, 4))
    assert [layer.output_shape for layer in model.layers] == [(4, 3, 6), (72,), (8,), (2, 4)]
    summary = model.summary()
    first, flatten, second, _ = summary.layers
    assert (first.forward_flops, first.parameters, second.forward_flops) == (2 * PLACES * 5 * 6, 36, 2 * 72 * 8)
    assert (first.step_flops, second.step_flops) == (2 * first.forward_flops, 3 * second.forward_flops)
    assert flatten.outputs == 72
    assert "(n, 4, 3, 6)" in repr(summary)
    assert summary.input_shape == SHAPE
    assert summary.activation_bytes == 2 * 8 * (72 + 8)  # what a change of shape puts out is what came in
    (_, dense) = of_layers(Input(SHAPE), Flatten(), Dense(8)).summary().layers
    assert dense.step_flops == 2 * dense.forward_flops  # the first layer still


def test_the_first_data_say_the_shape(engine, X, y):
    model = of_layers(*stack(), engine=engine)
    model.fit(X, y, epochs=1, verbose=0)
    assert model.input_shape == SHAPE
    with pytest.raises(ValueError, match=r"build: the model takes rows of shape \(4, 3, 5\) already, got inputs=60"):
        model.build(60)


@pytest.mark.parametrize("name", ["fit", "predict", "validation", "history"])
def test_a_training_has_no_axes_of_its_own(engine, X, y, name):
    """fit with validation rows, sample weights, callbacks of batches and metrics: the same as without axes."""

    class Batches(dk.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    def trained(model, x, target, size, places):
        weights = np.repeat(np.linspace(0.5, 2, 24), places)
        options = {"sample_weight": weights, "shuffle": False, "batch_size": size, "verbose": 0}
        if name == "validation":
            options["validation_split"] = 0.25
        history = model.fit(x, target, epochs=2, callbacks=[Batches()] if name == "history" else None, **options)
        return history.history, model.predict(x)

    given = {"engine": engine, "metrics": ["mae"]}
    logs, predictions = trained(with_axes(**given), X, y, 8, 1)
    plain = of_layers(Input(5), *stack(), **given)
    apart, predictions_apart = trained(plain, X.reshape(-1, 5), y.reshape(-1, 2), 8 * PLACES, PLACES)
    assert logs.keys() == apart.keys()
    for key, values in logs.items():
        assert_allclose(values, apart[key], rtol=1e-9, err_msg=key)
    # A step of Adam for the bias before a batch norm is made of nothing but rounding, and moves no prediction.
    assert_allclose(predictions, predictions_apart.reshape(y.shape), rtol=1e-6, atol=1e-6)


def test_lbfgs(engine, X, y):
    pytest.importorskip("scipy", reason="SciPy is not installed")
    models = [of_layers(Input(shape), *stack(), engine=engine, optimizer="lbfgs") for shape in (SHAPE, 5)]
    for model, x, target in zip(models, (X, X.reshape(-1, 5)), (y, y.reshape(-1, 2)), strict=True):
        model.compile(optimizers.LBFGS(maxiter=4), "mse").fit(x, target, verbose=0)
    assert_allclose(models[0].predict(X).reshape(-1, 2), models[1].predict(X.reshape(-1, 5)), rtol=1e-6, atol=1e-8)


def test_monte_carlo(engine, X):
    model = of_layers(Input(SHAPE), Dense(6, "relu"), Dropout(0.5), Dense(2), engine=engine)
    mean, std = model.predict(X, mc_samples=8, return_std=True)
    assert mean.shape == std.shape == (24, 4, 3, 2)
    assert (std > 0).any()
    assert_allclose(model.predict(X, mc_samples=8), mean)


# Batches of one row. A batch norm needs two; where leading axes make several of one, it has them.

NORMED = {
    "along the last axis": (Dense(6), BatchNorm(), Flatten(), Dense(1)),
    "of whole rows": (Flatten(), Dense(6), BatchNorm(), Dense(1)),
    "both": (BatchNorm(), Flatten(), BatchNorm(), Dense(1)),
    "of one place": (Reshape((1, 60)), BatchNorm(), Flatten(), Dense(1)),
    "in a block": (Flatten(), Residual([BatchNorm()]), Dense(1)),
}


@pytest.mark.parametrize("name", NORMED)
def test_one_row_is_enough_where_it_has_several_places(name, engine, X):
    enough = name == "along the last axis"
    layers, target = copy.deepcopy(NORMED[name]), np.zeros(24)
    model = of_layers(Input(SHAPE), *layers, engine=engine)
    calls = [
        lambda: model.fit(X, target, batch_size=1, epochs=1, verbose=0),
        lambda: model.train_on_batch(X[:1], target[:1]),
        lambda: model(X[:1], training=True),
        lambda: model.loss_and_gradients(X[:1], target[:1]),
    ]
    for call in calls:
        if enough:
            call()
        else:
            with pytest.raises(ValueError, match=r"one row|two rows|a batch of 1 row"):
                call()
    assert model.step == (25 if enough else 0)
    # Nine rows in batches of four: the last one joins those before it, or is a batch of its own.
    model = of_layers(Input(SHAPE), *copy.deepcopy(NORMED[name]), engine=engine)
    model.fit(X[:9], target[:9], batch_size=4, epochs=1, verbose=0)
    assert model.step == (3 if enough else 2)
    assert np.isfinite(model.predict(X)).all()


def test_a_frozen_batch_norm_takes_one_row(engine, X):
    model = of_layers(Input(SHAPE), Flatten(), BatchNorm(trainable=False), Dense(1), engine=engine)
    model.fit(X, np.zeros(24), batch_size=1, epochs=1, verbose=0)
    assert model.step == 24


def test_a_batch_norm_of_one_row_has_the_statistics_of_its_places(engine, X):
    model = of_layers(Input(SHAPE), BatchNorm(scale=False, center=False), engine=engine)
    rows = X[:1].reshape(-1, 5)
    expected = (rows - rows.mean(axis=0)) / np.sqrt(rows.var(axis=0) + 1e-5)
    assert_allclose(model(X[:1], training=True).reshape(-1, 5), expected, rtol=1e-10)


# Layers, losses and metrics written in Python.


def test_a_layer_in_python_is_given_the_axes(engine, X, y):
    def layers():
        return [Input(SHAPE), Dense(6, "tanh"), PerPlace(name="own"), Residual([PerPlace()]), Dense(2)]

    model = of_layers(*layers(), engine=engine)
    assert model.layer("own").seen == (4, 3, 6)
    assert model.weights["own.weight"].shape == (4, 3, 6)
    assert model.weights["dense_1.kernel"].shape == (6, 2)
    other = of_layers(*layers(), engine="reference")
    for one in (model, other):
        one.fit(X, y, epochs=3, verbose=0)
    for name, expected in other.weights.items():
        assert_allclose(model.weights[name], expected, rtol=1e-9, atol=1e-12, err_msg=name)
    assert diagnostics.gradcheck(model, X[:5], y[:5])


def test_a_layer_in_python_may_change_the_axes(engine, X, rng):
    model = of_layers(Input(SHAPE), Dense(6, "tanh"), Pool(), BatchNorm(), Dense(2), engine=engine)
    target = rng.normal(size=(24, 3, 2))
    model.fit(X, target, epochs=2, verbose=0)
    assert model.output_shape == (3, 2)
    assert_allclose(model.transform(X, 1), model.transform(X, 0).mean(axis=1), rtol=1e-12)
    assert diagnostics.gradcheck(model, X[:5], target[:5])
    assert model._spec["layers"][1]["outputs"] == [3, 6]
    assert json.loads(_core.normalize_spec(json.dumps(model._spec)))["layers"][1]["outputs"] == [3, 6]
    # After it a plain row: what counts is the shape, for the batch norm and for what comes next.
    model = of_layers(Input((4, 6)), Pool(), BatchNorm(), Dense(2), engine=engine)
    with pytest.raises(ValueError, match=r"two rows|a batch of 1 row"):
        model(rng.normal(size=(1, 4, 6)), training=True)


def test_lambda(engine, X):
    def made():
        square = Lambda(np.square, lambda dy, x, y: 2 * x * dy)
        total = Lambda(lambda x: x.sum(axis=1), lambda dy, x, y: np.repeat(dy[:, None], 4, axis=1), outputs=(3, 5))
        return [Input(SHAPE), square, total]

    first = Lambda(lambda x: x[:, 0, :2], outputs=2)
    model = dk.Sequential([*made(), first], seed=0, dtype="float64", engine=engine)
    assert_allclose(model(X), (X**2).sum(axis=1)[:, 0, :2], rtol=1e-12)
    assert model.output_shape == (2,)
    model = dk.Sequential(made(), seed=0, dtype="float64", engine=engine)
    out, pullback = model.vjp(X)
    dx, _ = pullback(np.ones_like(out))
    assert_allclose(dx, 2 * X, rtol=1e-12)
    assert repr(model.layers[1]).endswith(", outputs=(3, 5))")


def returning(shape):
    class Wrong(Layer):
        def build(self, inputs):
            return shape

        def forward(self, x, parameters, training):
            return x.reshape(len(x), -1), None

        def backward(self, dy, saved, parameters, gradients):
            return dy

    return Wrong(name="wrong")


@pytest.mark.parametrize(
    ("shape", "kind", "text"),
    [
        ((0, 5), ValueError, "wrong: what build returns must be a whole number from 1"),
        ((2, 2.5), TypeError, "wrong: what build returns must be a whole number, got 2.5"),
        ((1,) * 9, ValueError, "wrong: what build returns must have 1 to 8 axes"),
        ((), TypeError, r"wrong: build must return the width of the output, got \(\)"),
        (None, TypeError, "wrong: build must return the width of the output, got None"),
    ],
)
def test_what_build_may_not_return(shape, kind, text):
    with pytest.raises(kind, match=text):
        dk.Sequential([Input(SHAPE), returning(shape)])


def test_shapes_of_a_layer_in_python_are_checked(engine, X):
    model = dk.Sequential([Input(SHAPE), returning(SHAPE)], seed=0, engine=engine)
    with pytest.raises(ValueError, match=r"wrong.forward: y is \(24, 60\), expected \(24, 4, 3, 5\)"):
        model(X)
    model = dk.Sequential([Input(SHAPE), returning(60)], seed=0, engine=engine)
    out, pullback = model.vjp(X)
    assert out.shape == (24, 60)
    with pytest.raises(ValueError, match=r"wrong.backward: dx is \(24, 60\), expected \(24, 4, 3, 5\)"):
        pullback(out)


def test_a_loss_in_python_is_given_the_axes(engine, X, y):
    def weighted(pred, target, sample_weight=None):
        assert pred.shape == target.shape == (len(pred), 4, 3, 2)
        w = np.ones(len(pred)) if sample_weight is None else sample_weight
        gap = (pred - target) * (w / w.sum() / 24)[:, None, None, None]
        return float((gap * (pred - target)).sum()), 2 * gap

    weights = np.linspace(0.5, 2, 24)
    ours, theirs = with_axes(engine, loss=weighted), with_axes(engine)
    for model in (ours, theirs):
        model.fit(X, y, epochs=2, sample_weight=weights, verbose=0)
    assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-7, atol=1e-7)
    assert_allclose(ours.evaluate(X, y, weights), theirs.evaluate(X, y, weights), rtol=1e-7)
    broken = with_axes(engine, loss=lambda pred, target: (0.0, pred.reshape(len(pred), -1)))
    with pytest.raises(ValueError, match=r"a gradient \(24, 4, 3, 2\) like pred, got shapes \(\) and \(24, 24\)"):
        broken.fit(X, y, verbose=0)


def test_metrics_are_given_the_axes(engine, X, y):
    seen = []

    def own(true, pred):
        seen.append((true.shape, pred.shape))
        return float(np.abs(true - pred).max())

    model = with_axes(engine, metrics=["mae", "r2", own])
    model.fit(X, y, epochs=1, validation_data=(X[:5], y[:5]), verbose=0)
    scores = model.evaluate(X, y)
    out = model.predict(X)
    assert scores["mae"] == pytest.approx(np.abs(out - y).mean())
    assert scores["own"] == pytest.approx(np.abs(out - y).max())
    assert set(seen) == {((n, 4, 3, 2),) * 2 for n in (24, 5)}


@pytest.mark.parametrize("name", ["binary_accuracy", "binary_crossentropy", "mse", "mae", "rmse", "r2", "huber"])
def test_metrics_of_elements_have_no_axes(name, rng):
    true, pred = rng.integers(0, 2, (9, 4, 3)).astype(float), rng.uniform(0.1, 0.9, (9, 4, 3))
    metric, weights = metrics.get(name), rng.uniform(0.5, 2, 9)
    for options in ({}, {"sample_weight": weights}):
        assert metric(true, pred, **options) == pytest.approx(
            metric(true.reshape(9, 12), pred.reshape(9, 12), **options), rel=1e-12
        )


@pytest.mark.parametrize("name", ["accuracy", "f1", "roc_auc", "top_3", "cross_entropy"])
def test_metrics_of_rows_refuse_axes(name, rng):
    true, pred = rng.integers(0, 2, (9, 4, 3)).astype(float), rng.uniform(0.1, 0.9, (9, 4, 3))
    with pytest.raises(ValueError, match=r"\(9, 4, 3\)"):
        metrics.get(name)(true, pred)


# Copies and files.


def network_with_everything(engine):
    inside = Residual([Flatten(), Dense(60, "tanh"), Reshape(SHAPE)])
    layers = [Input(SHAPE), inside, Dense(6, "gelu"), Dropout(0.1), BatchNorm(), Reshape((2, -1)), Flatten(), Dense(3)]
    return of_layers(*layers, engine=engine, loss=losses.CrossEntropy(from_logits=True))


def test_copies_and_files_have_the_shapes(engine, X, tmp_path):
    model, labels = network_with_everything(engine), np.arange(24) % 3
    model.fit(X, labels, epochs=2, verbose=0)
    path = tmp_path / "model.npz"
    model.save(path)
    copies = {
        "load": dk.load(path, engine=engine),
        "clone": model.clone(weights=True),
        "deepcopy": copy.deepcopy(model),
        "pickle": pickle.loads(pickle.dumps(model)),
    }
    config = json.loads(json.dumps(model.config()))
    made = dk.Sequential.from_config(config, engine=engine)
    assert made.config() == model.config()
    assert made._ready().parameters.shape == model._ready().parameters.shape
    assert model.clone().input_shape == SHAPE
    model.fit(X, labels, epochs=1, verbose=0)
    for name, other in copies.items():
        assert (other.input_shape, other.output_shape) == (SHAPE, (3,)), name
        assert [layer.output_shape for layer in other.layers] == [layer.output_shape for layer in model.layers], name
        other.fit(X, labels, epochs=1, verbose=0)
        assert_array_equal(other.predict(X), model.predict(X), err_msg=name)


def test_the_spec_is_that_of_the_native_engine():
    model = network_with_everything("native")
    model.build(SHAPE)
    spec = json.loads(json.dumps(model._spec))
    assert spec["inputs"] == [4, 3, 5]
    assert json.loads(_core.normalize_spec(json.dumps(spec))) == spec
    assert of_layers(Input((7,)), Dense(1)).build(7)._spec["inputs"] == 7  # as files have always said it


def test_unbuilt_models_keep_their_shape(tmp_path):
    model = dk.Sequential([Dense(2, inputs=(3, 4)), Flatten()], seed=0)
    model.save(tmp_path / "model.npz")
    loaded = dk.load(tmp_path / "model.npz")
    assert (loaded.input_shape, loaded.output_shape) == ((3, 4), (6,))
    assert repr(loaded) == "Sequential([Dense(2, inputs=(3, 4)), Flatten()], seed=0)"
