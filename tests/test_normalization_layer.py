"""Normalization: statistics of the data, found once, kept in files, never trained; Keras's formula; errors before."""

from __future__ import annotations

import json

import networks as net
import numpy as np
import pytest

import densekit as dk
from densekit import _adapt, _core
from densekit.layers import (
    Activation,
    BatchNorm,
    Dense,
    Dropout,
    Input,
    Lambda,
    Normalization,
    Rescaling,
    Residual,
)

ENGINES = pytest.mark.parametrize("engine", ["native", "reference"])


@pytest.fixture
def X(rng):
    return rng.normal(size=(50, 3)) * [1.0, 20.0, 0.1] + [5.0, -3.0, 0.0]


def keras(x, mean, variance, eps=1e-7):
    """keras.layers.Normalization, Keras 3: (x - mean) / maximum(sqrt(variance), epsilon)"""
    return (x - np.asarray(mean)) / np.maximum(np.sqrt(variance), eps)


@ENGINES
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_adapted_by_the_model(engine, dtype, X):
    layer = Normalization()
    model = dk.Sequential([layer, Dense(2)], seed=0, dtype=dtype, engine=engine)
    assert not layer.adapted
    assert model.adapt(X) is model
    assert layer.adapted
    np.testing.assert_allclose(layer.mean, X.mean(axis=0), rtol=1e-6 if dtype == "float32" else 1e-14)
    np.testing.assert_allclose(layer.variance, X.var(axis=0), rtol=1e-6 if dtype == "float32" else 1e-13)
    close = {"rtol": 2e-6, "atol": 2e-6} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-13}
    np.testing.assert_allclose(model.transform(X, layer), keras(X, layer.mean, layer.variance), **close)
    model.adapt(X[:20])
    np.testing.assert_allclose(layer.mean, X[:20].mean(axis=0), rtol=1e-6)


@ENGINES
@pytest.mark.parametrize("mean", [[1.0, -2.0, 0.5], 2.0])
def test_given_statistics(engine, mean, X):
    layer = Normalization(mean, [4.0, 0.25, 0.0], eps=0.5)
    model = dk.Sequential([layer], seed=0, dtype="float64", engine=engine)
    np.testing.assert_allclose(model.predict(X), keras(X, mean, [4.0, 0.25, 0.0], 0.5), rtol=1e-14)
    assert layer.adapted
    assert layer.variance.tolist() == [4.0, 0.25, 0.0]


@ENGINES
def test_a_constant_column_becomes_zero(engine, rng):
    for value in (0.1, 1e30, -7.0):
        X = np.column_stack([np.full(999, value), rng.normal(size=999)])
        model = dk.Sequential([Normalization()], seed=0, engine=engine).adapt(X)
        assert (model.predict(X)[:, 0] == 0).all()
        assert model.layers[0].variance[0] == 0


@ENGINES
def test_a_layer_adapts_before_there_is_a_model(engine, X):
    layer = Normalization()
    assert layer.adapt(X) is layer
    assert layer.adapted
    model = dk.Sequential([layer, Dense(1)], seed=0, dtype="float64", engine=engine)
    np.testing.assert_allclose(model.transform(X, 0), keras(X, X.mean(axis=0), X.var(axis=0)), rtol=1e-10, atol=1e-12)
    layer.adapt(X[:10])  # and when it is in one
    np.testing.assert_allclose(layer.mean, X[:10].mean(axis=0), rtol=1e-13)
    assert repr(layer).startswith("Normalization([")
    again = dk.Sequential.from_config(json.loads(json.dumps(model.config())))
    np.testing.assert_array_equal(again.build(3).layers[0].mean, layer.mean)


@ENGINES
def test_the_first_fit_adapts_and_no_other_does(engine, X):
    layer = Normalization()
    model = dk.Sequential([layer, Dense(1)], seed=0, dtype="float64", engine=engine).compile("sgd", "mse")
    y = X[:, :1]
    model.fit(X, y, validation_split=0.2, sample_weight=np.arange(50.0), epochs=1, verbose=0)
    np.testing.assert_allclose(layer.mean, X[:40].mean(axis=0), rtol=1e-13)  # of the training rows, each once
    before = layer.mean.copy(), layer.variance.copy()
    model.fit(X + 100, y, epochs=2, verbose=0)
    model.train_on_batch(X + 100, y)
    model(X + 100, training=True)
    model.commit()
    model.compile("adam", "mse").fit(X, y, verbose=0)
    np.testing.assert_array_equal(layer.mean, before[0])
    np.testing.assert_array_equal(layer.variance, before[1])


@ENGINES
def test_lbfgs_adapts_too_and_leaves_it(engine, X):
    model = dk.Sequential([Normalization(), Dense(1)], seed=0, dtype="float64", engine=engine)
    model.compile(dk.optimizers.LBFGS(), "mse").fit(X, X @ [1.0, 2.0, 3.0], batch_size="full", verbose=0)
    np.testing.assert_allclose(model.layers[0].mean, X.mean(axis=0), rtol=1e-13)
    assert model.evaluate(X, X @ [1.0, 2.0, 3.0])["loss"] < 1e-8


@ENGINES
def test_training_equals_that_on_scaled_columns(engine, X, rng):
    """The layer in front and the z-score beforehand: the same weights and predictions."""
    y = rng.normal(size=(50, 1))
    scaled = keras(X, X.mean(axis=0), X.var(axis=0))
    layers = [Dense(4, "tanh"), Dense(1)]
    plain = dk.Sequential(layers, seed=3, dtype="float64", engine=engine).compile("adam", "mse")
    inside = dk.Sequential([Normalization(), Dense(4, "tanh"), Dense(1)], seed=3, dtype="float64", engine=engine)
    inside.compile("adam", "mse")
    plain.fit(scaled, y, epochs=5, verbose=0)
    inside.fit(X, y, epochs=5, verbose=0)
    np.testing.assert_allclose(inside.predict(X), plain.predict(scaled), rtol=1e-9)


@ENGINES
def test_before_there_are_statistics_everything_says_what_to_do(engine, X):
    model = dk.Sequential([Normalization(), Dense(1)], seed=0, engine=engine).compile("sgd", "mse")
    y = X[:, 0]
    for call in (
        lambda: model.predict(X),
        lambda: model(X),
        lambda: model.evaluate(X, y),
        lambda: model.train_on_batch(X, y),
        lambda: model.loss_and_gradients(X, y),
        lambda: model.vjp(X),
        lambda: model.transform(X, 0),
    ):
        with pytest.raises(ValueError, match="layer 'normalization' has no mean and variance yet: adapt it to data"):
            call()
    assert model.step == 0
    model.fit(X, y, verbose=0)
    assert model.predict(X).shape == (50, 1)


@ENGINES
def test_behind_fixed_layers_it_sees_what_they_make(engine, X):
    first, second = Normalization(), Normalization()
    layers = [Rescaling(0.5, 1.0), first, Activation("tanh"), Lambda(np.square), second, Dense(1)]
    model = dk.Sequential(layers, seed=0, dtype="float64", engine=engine).adapt(X)
    at = X * 0.5 + 1
    np.testing.assert_allclose(first.mean, at.mean(axis=0), rtol=1e-13)
    at = np.tanh(keras(at, at.mean(axis=0), at.var(axis=0))) ** 2
    np.testing.assert_allclose(second.mean, at.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(second.variance, at.var(axis=0), rtol=1e-12)
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Dense(3), Normalization()], "normalization comes after dense, whose outputs change in training"),
        ([Dropout(0.5), Normalization()], "normalization comes after dropout, whose"),
        ([BatchNorm(), Normalization()], "normalization comes after batch_norm, whose"),
        ([Residual([Normalization()])], "normalization is inside a block, whose input is not that of the model"),
    ],
)
def test_where_its_input_is_not_known(layers, message, X):
    model = dk.Sequential([Input(3), *layers, Dense(1)], seed=0).compile("sgd", "mse")
    for call in (lambda: model.adapt(X), lambda: model.fit(X, X[:, 0], verbose=0)):
        with pytest.raises(ValueError, match=rf"(adapt|fit): {message}.*give normalization mean= and variance="):
            call()
    model.layer("normalization").adapt(X)
    model.fit(X, X[:, 0], verbose=0)


def test_saved_copied_cloned(tmp_path, X):
    model = dk.Sequential([Normalization(), Dense(1)], seed=0).compile("adam", "mse")
    model.save(tmp_path / "new.npz")
    assert not dk.load(tmp_path / "new.npz").layers[0].adapted
    model.fit(X, X[:, 0], epochs=2, verbose=0)
    model.save(tmp_path / "model.npz")
    for other in (dk.load(tmp_path / "model.npz"), model.clone(weights=True)):
        np.testing.assert_array_equal(other.predict(X), model.predict(X))
        other.fit(X + 9, X[:, 0], verbose=0)
        np.testing.assert_array_equal(other.layers[0].mean, model.layers[0].mean)
    fresh = model.clone()  # untrained: what data have shown is forgotten, what was given is not
    assert not fresh.layers[0].adapted
    given = dk.Sequential([Normalization().adapt(X), Dense(1)], seed=0).clone()
    np.testing.assert_allclose(given.build(3).layers[0].mean, X.mean(axis=0), rtol=1e-6)
    spec = json.loads(_core.normalize_spec(json.dumps(model._spec)))
    assert spec["layers"][0] == {"kind": "normalization", "name": "normalization", "trainable": True, "eps": 1e-7}


@pytest.mark.parametrize("size", [1, 2, 4097])
def test_chunks_change_only_the_last_digits(monkeypatch, rng, size):
    X = rng.normal(size=(4100, 2)) * [1e-3, 1.0] + [1e6, 0.0]
    whole = _adapt.column_moments(X)
    np.testing.assert_allclose(whole, [X.mean(axis=0), X.var(axis=0)], rtol=1e-9)
    monkeypatch.setattr(_adapt, "ROWS_AT_ONCE", size)
    parts = _adapt.column_moments(X)
    np.testing.assert_allclose(parts[0], whole[0], rtol=1e-14, atol=1e-14)  # 4,100 roundings of some 1e-16
    np.testing.assert_allclose(parts[1], whole[1], rtol=1e-12)


def test_the_sum_of_squares_would_lose_what_this_keeps():
    """A spread of 1e-3 about 1e9: E[x²] − E[x]² has no digit of it in float64."""
    X = 1e9 + np.array([[0.0], [1e-3], [2e-3]] * 5000)
    assert _adapt.column_moments(X)[1][0] == pytest.approx(X.var(), rel=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, bool, np.float16])
def test_any_real_numbers(dtype):
    X = np.arange(12).reshape(6, 2).astype(dtype)
    mean, variance = _adapt.column_moments(_adapt.known_rows("adapt", X, None))
    wide = X.astype(np.float64)
    np.testing.assert_allclose(mean, wide.mean(axis=0), rtol=1e-15)
    np.testing.assert_allclose(variance, wide.var(axis=0), rtol=1e-14)


def test_nan_and_infinity_name_their_column(X):
    pandas = pytest.importorskip("pandas")
    X[7, 1] = np.nan
    frame = pandas.DataFrame(X, columns=["age", "income", "rooms"])
    model = dk.Sequential([Normalization(), Dense(1)], seed=0)
    for call in (model.adapt, Normalization().adapt):
        with pytest.raises(ValueError, match=r"adapt: X\[7, 1\] \(column 'income'\) is nan; fill such values"):
            call(frame)
        with pytest.raises(ValueError, match=r"adapt: X\[7, 1\] is nan"):
            call(X)
    X[7, 1] = np.inf
    with pytest.raises(ValueError, match=r"adapt: X\[7, 1\].* is inf"):
        model.adapt(X)
    assert not model.layers[0].adapted


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Normalization(mean=[1.0]), ValueError, "variance is None; give both"),
        (lambda: Normalization([1.0], [-1.0]), ValueError, "Normalization: variance must be"),
        (lambda: Normalization(1.0, np.nan), ValueError, "Normalization: variance must be"),
        (lambda: Normalization([np.inf], [1.0]), ValueError, "Normalization: mean must be"),
        (lambda: Normalization([[1.0]], [1.0]), ValueError, r"mean is \(1, 1\), expected \(n,\)"),
        (lambda: Normalization([1.0, 2.0], 1.0, inputs=3, name="n"), None, ""),
        (lambda: Normalization(eps=0), ValueError, "Normalization: eps must be"),
        (lambda: Normalization(epsilon=1), TypeError, "Normalization: epsilon is not a parameter; write eps="),
        (lambda: Normalization().adapt(np.ones(3)), ValueError, r"X is \(3,\), expected \(rows, columns\)"),
        (lambda: Normalization().adapt(np.ones((0, 3))), ValueError, "it has no rows"),
        (lambda: Normalization().adapt("x"), TypeError, "Normalization.adapt: X"),
        (lambda: dk.Sequential([Dense(1)], seed=0).adapt(np.ones((2, 2))), ValueError, "no layer of Normalization"),
    ],
)
def test_refusals(call, error, message):
    if error is None:
        with pytest.raises(ValueError, match=r"n: mean is \(2,\), but 3 columns come in"):
            dk.Sequential([call()], seed=0)
        return
    with pytest.raises(error, match=message):
        call()


def test_another_width_is_refused(X):
    model = dk.Sequential([Normalization(), Dense(1)], seed=0).adapt(X)
    with pytest.raises(ValueError, match="but 3 columns come to normalization"):
        model.layers[0].adapt(X[:, :2])
    with pytest.raises(ValueError, match="the model takes 3 columns"):
        model.adapt(X[:, :2])


def test_statistics_do_not_follow_batches():
    """set_statistics and pending passes leave them; a frozen layer is no other."""
    for trainable in (True, False):
        layers = [net.of_kind("normalization", "n", trainable=trainable), net.batch_norm("b"), net.dense(1)]
        spec = net.network(layers, 2, net.loss("mse"), net.optimizer("sgd"))
        for name in ("native", "reference"):
            engine = net.engine_of(name)(spec, [])
            x = np.arange(12.0).reshape(6, 2)
            engine.set_statistics(x)
            engine.forward(x, True, True)
            engine.commit()
            engine.step_on(x, x[:, :1].copy(), None, 0.1)
            for statistic in ("mean", "variance"):
                assert (net.segment(engine, "n", statistic) == 0.75).all()
            assert (net.segment(engine, "b", "mean") != 0).all()


@ENGINES
def test_the_gradient_goes_through_it(engine, X):
    """As the first layer nobody asks for it; a pullback does."""
    model = dk.Sequential(
        [Normalization([1.0, 2, 3], [4.0, 0.25, 0.0], eps=0.5)], seed=0, dtype="float64", engine=engine
    )
    _, pullback = model.vjp(X)
    dx, _ = pullback(np.ones_like(X))
    np.testing.assert_allclose(dx, np.broadcast_to([0.5, 2.0, 2.0], X.shape), rtol=1e-15)
