"""What batch norms see in training passes outside fit waits for the update: which passes, and what may come between."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from own_loops import (
    PASSES,
    SGD,
    a_pass,
    again,
    assert_same_bits,
    assert_statistics,
    some_data,
    statistics,
    waiting_model,
)

import densekit as dk
from densekit import optimizers
from densekit.layers import BatchNorm, Dense, Dropout, GaussianNoise, Layer, Residual


@pytest.mark.parametrize("kind", PASSES)
def test_every_training_pass_waits_for_the_update(engine, dtype, kind):
    """Each commits in its order; nothing that reads the statistics sees it before the update."""
    X, y, _ = some_data("batch norm", dtype)
    model = waiting_model(engine, dtype=dtype)
    start, seen = statistics(model), model.predict(X)
    parts = [X[:10], X[10:30], X[5:9]]
    for part in parts:
        a_pass(kind, model, part, y[: len(part)])
        assert_statistics(model, start)
        np.testing.assert_array_equal(model.predict(X), seen)
    model.commit()
    for name, data_ in (
        ("mean", [p.mean(axis=0, dtype=float) for p in parts]),
        ("variance", [p.var(axis=0, dtype=float) for p in parts]),
    ):
        expected = start[f"first.{name}"].astype(float)
        for of_part in data_:
            expected = 0.9 * expected + 0.1 * of_part
        np.testing.assert_allclose(
            model.weights[f"first.{name}"], expected, rtol=1e-6 if dtype == np.float32 else 1e-12
        )
    assert_statistics(model, start, same=False)
    assert model.step == 1
    committed = statistics(model)
    model.commit()  # nothing waits any more
    assert_statistics(model, committed)
    assert model.step == 2


@pytest.mark.parametrize("kind", PASSES)
def test_inference_passes_leave_nothing(engine, kind):
    X, y, _ = some_data("batch norm")
    model = waiting_model(engine)
    start = statistics(model)
    model(X)
    model.predict(X)
    model.transform(X)
    model.evaluate(X, y)
    model.vjp(X)
    model.commit()
    assert_statistics(model, start)


def test_what_looks_at_a_model_leaves_nothing(engine, rng):
    """Diagnostics run passes in training mode, and callbacks of fit, too."""
    diagnostics = dk.diagnostics
    X, y = rng.normal(size=(40, 6)), rng.normal(size=(40, 3))
    model = waiting_model(engine)
    start = statistics(model)
    diagnostics.gradient_flow(model, X, y)
    diagnostics.gradcheck(model, X, y)
    diagnostics.stationary_point(model, X, y, training=True)
    diagnostics.explain_backward(model, X[:1], y[:1])
    diagnostics.diagnose(model, X, y)
    dk.lr_finder(model, X, y, steps=60)
    assert model._ready().pending is None
    assert model.step == 0
    assert_statistics(model, start)

    class Looks(dk.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            a_pass(PASSES[epoch % 4], self.model, X[:9], y[:9])

    fitted = waiting_model(engine)
    for one, callbacks in ((model, None), (fitted, [Looks(), diagnostics.GradientFlow(X, y)])):
        one.fit(X, y, epochs=5, verbose=0, callbacks=callbacks)
    assert_same_bits(model, fitted)


def test_fit_and_train_on_batch_drop_what_waits(engine):
    X, y, _ = some_data("batch norm")
    for train in (lambda m: m.fit(X, y, verbose=0), lambda m: m.train_on_batch(X, y)):
        one, other = waiting_model(engine), waiting_model(engine)
        other(X, training=True)
        train(one)
        train(other)
        assert_same_bits(one, other)
        one.commit()
        other.commit()
        assert_same_bits(one, other)


def test_a_pass_that_fails_leaves_nothing(engine, dtype):
    X, y, _ = some_data("batch norm", dtype)

    class Stubborn(Layer):
        raises = ""

        def forward(self, x, parameters, training):
            if self.raises == "forward":
                raise RuntimeError("not today")
            return x, None

        def backward(self, dy, saved, parameters, gradients):
            if self.raises == "backward":
                raise RuntimeError("not today")
            return dy

    stubborn = Stubborn()
    model = dk.Sequential([BatchNorm(), Dense(4), stubborn, Dense(3)], seed=1, dtype=dtype, engine=engine)
    model.compile("sgd", "mse").build(6)
    model(X, training=True)  # waits
    waits = model._ready().pending
    for where in ("forward", "backward"):
        stubborn.raises = where
        with pytest.raises(RuntimeError, match="not today"):
            model.loss_and_gradients(X * 2, y)
    stubborn.raises = "forward"
    for call in (lambda: model(X * 2, training=True), lambda: model.vjp(X * 2, training=True)):
        with pytest.raises(RuntimeError, match="not today"):
            call()
    stubborn.raises = ""
    model.weights["dense_1.kernel"][...] = np.finfo(dtype).max
    with pytest.raises(
        dk.model.TrainingDiverged, match=r"loss_and_gradients: the loss is not finite at update 0: .*'dense_1'"
    ):
        model.loss_and_gradients(X * 2, y)
    with pytest.raises(ValueError, match=r"two rows|2 rows"):
        model.loss_and_gradients(X[:1], y[:1])
    np.testing.assert_array_equal(model._ready().pending, waits)
    assert model.step == 0


def test_what_is_written_meanwhile_stays(engine):
    """As in PyTorch, where a pass moves the statistics at once: who writes later has the last word."""
    X, _, _ = some_data("batch norm")
    moved = waiting_model(engine)
    moved(X, training=True)
    moved.commit()
    moved = statistics(moved)

    model = waiting_model(engine)
    model(X, training=True)
    model.layers[0].mean[2] = 7.0
    model.commit()
    mean = moved["first.mean"].copy()
    mean[2] = 7.0
    assert_statistics(model, moved | {"first.mean": mean})

    model = waiting_model(engine)
    model(X, training=True)
    model.set_weights({"first.mean": np.zeros(6)})  # what they are, and so they stay
    model.commit()
    assert_statistics(model, moved | {"first.mean": np.zeros(6)})

    model = waiting_model(engine)
    model(X + 100, training=True)
    model.set_weights(model.get_weights())  # forgets the pass
    model(X, training=True)
    model.commit()
    assert_statistics(model, moved)

    model = waiting_model(engine)
    model(X + 100, training=True)
    model.layers[0].mean[...] = 5.0  # before the next pass
    model(X, training=True)
    model.commit()
    np.testing.assert_allclose(model.layers[0].mean, 4.5 + 0.1 * X.mean(axis=0), rtol=1e-12)


@pytest.mark.parametrize(
    "between",
    [
        lambda m: m.clone(weights=True),
        lambda m: pickle.loads(pickle.dumps(m)),
        lambda m: m.set_lr(0.01),
        lambda m: m.compile(SGD(0.01), "mae"),
        lambda m: m.predict(np.ones((3, 6))),
        lambda m: m.evaluate(np.ones((3, 6)), np.ones((3, 3))),
        lambda m: setattr(m.layers[1], "trainable", False),
    ],
    ids=["clone", "pickle", "set_lr", "compile", "predict", "evaluate", "freeze"],
)
def test_what_waits_goes_along(engine, between):
    X, y, _ = some_data("batch norm")
    expected = waiting_model(engine)
    expected.compile(SGD(0.01), "mse")
    _, gradients = expected.loss_and_gradients(X, y)
    expected.apply_gradients(gradients)

    model = waiting_model(engine)
    model.compile(SGD(0.01), "mse")
    _, gradients = model.loss_and_gradients(X, y)
    result = between(model)
    model = result if isinstance(result, dk.Sequential) else model
    model.apply_gradients(gradients)
    frozen = not model.layers[1].trainable
    for name, value in expected.weights.items():
        if not (frozen and name.startswith("dense.")):
            np.testing.assert_array_equal(value, model.weights[name], err_msg=name)


def test_an_added_layer_and_a_frozen_batch_norm(engine):
    X, _, _ = some_data("batch norm")
    model = waiting_model(engine)
    start = statistics(model)
    model(X, training=True)
    moved = model._ready().pending.copy()
    model.layers[0].trainable = False
    model.add(BatchNorm())
    model.commit()
    assert np.array_equal(model.weights["first.mean"], start["first.mean"])
    assert np.array_equal(model.weights["last.mean"], moved[-32:-28])
    assert not model.weights["batch_norm.mean"].any()


def test_a_saved_model_waits_for_nothing(engine, tmp_path):
    X, _, _ = some_data("batch norm")
    model = waiting_model(engine)
    start = statistics(model)
    model(X, training=True)
    model.save(tmp_path / "model.npz")
    loaded = dk.load(tmp_path / "model.npz", engine=engine)
    loaded.commit()
    assert_statistics(loaded, start)
    model.commit()
    assert_statistics(model, start, same=False)


def test_threads(engine):
    """Passes end in some order, and each counts; gradients are of one thread at a time."""
    X, _, _ = some_data("batch norm")
    model, expected = waiting_model(engine), waiting_model(engine)
    for _ in range(24):
        expected(X, training=True)
    expected.commit()
    if engine == "reference":
        pytest.skip("the reference engine keeps no lock")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: model(X, training=True), range(24)))
    model.commit()
    assert_statistics(model, statistics(expected))


# L-BFGS.


@pytest.mark.parametrize("running_var", ["biased", "unbiased"])
def test_lbfgs_predicts_as_it_trained(engine, dtype, running_var):
    pytest.importorskip("scipy", reason="SciPy is not installed")
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(200, 4)) * 5 + 20).astype(dtype)
    y = (X[:, 0] > 20).astype(np.int64)
    inside = Residual([BatchNorm(running_var=running_var), Dense(16, "tanh")])
    model = dk.Sequential(
        [BatchNorm(), Dense(16, "tanh"), inside, Dense(2, "softmax")], seed=0, dtype=dtype, engine=engine
    )
    model.compile(optimizers.LBFGS(60), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(X, y, epochs=1, verbose=0, validation_data=(X, y)).history
    assert history["loss"][-1] < 0.05
    assert model._ready().pending is None
    trained = model(X, training=True)
    tolerance = {"biased": 1e-10 if dtype == np.float64 else 1e-3, "unbiased": 0.05}[running_var]
    np.testing.assert_allclose(model.predict(X), trained, atol=tolerance)
    np.testing.assert_allclose(model.weights["batch_norm.mean"], X.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(model.weights["batch_norm.variance"], X.var(axis=0), rtol=1e-5)
    of_block = model.transform(X, layer=1)
    n = len(X)
    factor = n / (n - 1) if running_var == "unbiased" else 1
    np.testing.assert_allclose(inside.layers[0].variance, of_block.var(axis=0) * factor, rtol=1e-3, atol=1e-6)
    # So do the iterations: metrics and validation see the statistics of their weights.
    np.testing.assert_allclose(history["val_loss"], history["loss"], rtol=0.05, atol=1e-3)


def test_lbfgs_keeps_frozen_batch_norms(engine):
    pytest.importorskip("scipy", reason="SciPy is not installed")
    X, y, _ = some_data("batch norm")
    model = dk.Sequential([BatchNorm(trainable=False), Dense(3)], seed=0, engine=engine).compile("lbfgs", "mse")
    model.fit(X, y, verbose=0)
    assert not model.weights["batch_norm.mean"].any()
    assert (model.weights["batch_norm.variance"] == 1).all()


@pytest.mark.parametrize("layer", [Dropout(0.5), GaussianNoise(0.1), Residual([Dense(6), Dropout(0.1)])], ids=repr)
def test_lbfgs_refuses_what_draws(engine, layer):
    pytest.importorskip("scipy", reason="SciPy is not installed")
    X, y, _ = some_data("batch norm")
    made = again(layer)
    model = dk.Sequential([made, Dense(3)], seed=0, engine=engine).compile("lbfgs", "mse")
    model.build(6)
    before = model.get_weights()
    with pytest.raises(
        ValueError, match=r"fit: L-BFGS needs an objective that stays the same, but (Dropout|GaussianNoise)\("
    ):
        model.fit(X, y, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    dk.Sequential([Dropout(0), GaussianNoise(0), Dense(3)], seed=0, engine=engine).compile("lbfgs", "mse").fit(
        X, y, verbose=0
    )
