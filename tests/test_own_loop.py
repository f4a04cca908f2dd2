"""Training without fit: a loop over the batches of fit has its bits, whatever network and training are made of."""

from __future__ import annotations

import json
import warnings

import networks as net
import numpy as np
import pytest
from models import assert_same
from own_loops import (
    ADAM,
    PASSES,
    SGD,
    THROUGH_VJP,
    TRAININGS,
    a_pass,
    again,
    assert_same_bits,
    of_training,
    own_fit,
    some_data,
    waiting_model,
)
from random_networks import Case

import densekit as dk
from densekit import functional as F
from densekit import losses, optimizers, regularizers
from densekit._fit import row_order
from densekit.layers import BatchNorm, Dense, Dropout, GaussianNoise

# Engines: a hundred random networks, half of them with the kinds and the row shapes that came last.


@pytest.mark.parametrize("first", [*range(0, 50, 10), *range(300, 350, 10)])
def test_random_networks_have_the_bits_of_an_epoch(engine, first):
    for number in range(first, first + 10):
        case = Case(number, "float32" if number % 2 else "float64")
        one, other = (net.engine_of(engine)(case.spec, []) for _ in range(2))
        spec, rng = json.loads(case.spec), np.random.default_rng(number)
        size = max(case.batch_size, -(-case.rows // 3))
        count = case.rows // size
        order, rates = rng.permutation(case.rows), rng.uniform(0.5, 1, count) * 1e-3 / case.rows
        result = one.epoch(case.x, case.y, case.weights, order, size, rates, drop_last=True)
        assert result["diverged"] is None
        losses_, penalties = [], []
        for step in range(count):
            rows = order[step * size : (step + 1) * size]
            w = None if case.weights is None else case.weights[rows]
            loss, g, diverged = other.loss_and_gradients(case.x[rows], case.y[rows], w)
            assert diverged is None
            total = float(size if w is None else w.sum())
            weight = total if spec["penalty_per_weight"] else None
            penalties.append(other.apply_gradients(g, rates[step], weight))
            losses_.append(loss)
        for name in ("parameters", "statistics"):
            a, b = getattr(one, name), getattr(other, name)
            np.testing.assert_array_equal(a.view(np.uint8), b.view(np.uint8), err_msg=f"network {number}: {name}")
        for a, b in zip(one.states, other.states, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=f"network {number}")
        assert one.step == other.step == count
        if case.weights is None:
            assert np.mean(losses_) == pytest.approx(result["loss"], rel=1e-12)
            assert np.mean(penalties) == pytest.approx(result["penalty"], rel=1e-12)


# Models.


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("name", TRAININGS)
def test_a_loop_has_the_bits_of_fit(engine, dtype, name, weighted):
    X, y, w = some_data(name, dtype)
    one, other = of_training(name, engine, dtype), of_training(name, engine, dtype)
    w = w if weighted else None
    one.fit(X, y, sample_weight=w, batch_size=8, epochs=3, verbose=0)  # the last row joins its predecessor, or is alone
    own_fit(other, X, y, w, batch_size=8, epochs=3)
    assert_same_bits(one, other, name)
    assert one.epoch == other.epoch == 3
    np.testing.assert_array_equal(one.predict(X), other.predict(X))


@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("name", THROUGH_VJP)
def test_a_loop_through_vjp_has_the_bits_of_fit(engine, dtype, name, weighted):
    X, y, w = some_data(name, dtype)
    one, other = of_training(name, engine, dtype), of_training(name, engine, dtype)
    w = w if weighted else None
    one.fit(X, y, sample_weight=w, batch_size=8, epochs=3, verbose=0)
    own_fit(other, X, y, w, batch_size=8, epochs=3, way="vjp")
    if engine == "reference":  # whose loss is not functional's: another order of sums. Adam makes steps of round-off
        assert_same(one, other, rtol=5e-3 if dtype == np.float32 else 1e-9)
        return
    assert_same_bits(one, other, name)


@pytest.mark.parametrize("name", ["batch norm", "dropout and noise", "schedule of epochs", "labels", "softmax"])
def test_loops_fits_and_single_batches_follow_one_another(engine, name):
    """Two epochs of fit, one by hand, one by train_on_batch, after a save: the bits of four epochs of fit."""
    X, y, _ = some_data(name)
    one, other = of_training(name, engine), of_training(name, engine)
    one.fit(X, y, batch_size=11, epochs=4, verbose=0)
    other.fit(X, y, batch_size=11, epochs=2, verbose=0)
    other = other.clone(weights=True)
    own_fit(other, X, y, batch_size=11, epochs=1)
    order = row_order(other.seed, other.epoch, len(X))
    for rows in np.split(order, 3):
        other.train_on_batch(X[rows], y[rows])
    assert_same_bits(one, other, name)


def test_scores_and_gradients(engine):
    """The loss of the data and the metrics of what training put out; gradients are of the loss alone."""
    X, y, w = some_data("softmax")
    model = of_training("softmax", engine).compile(
        "sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], regularizer="l2", clip_norm=1e-3
    )
    seen = model.clone(weights=True)(X, training=True)
    scores, gradients = model.loss_and_gradients(X, y, w)
    assert scores["loss"] == pytest.approx(-(w * np.log(seen[np.arange(33), y])).sum() / w.sum(), rel=1e-12)
    assert scores["accuracy"] == np.mean(seen.argmax(axis=1) == y)
    assert isinstance(scores, dk.Scores)
    assert dict(scores) == {"loss": scores[0], "accuracy": scores[1], "data_loss": scores[0], "penalty": 0.0}
    assert list(gradients) == [f"{s['layer']}.{s['name']}" for s in model._ready().segments if s["kind"] == "parameter"]
    for name, gradient in gradients.items():
        assert gradient.shape == model.weights[name].shape
        assert gradient.dtype == model.dtype
        at = np.unravel_index(gradient.argmax(), gradient.shape)
        values = []
        for h in (1e-5, -1e-5):
            moved = model.clone(weights=True)
            moved.weights[name][at] += h
            values.append(moved.loss_and_gradients(X, y, w)[0]["loss"])
        assert gradient[at] == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-6)
    before = {name: gradient.copy() for name, gradient in gradients.items()}
    model.apply_gradients(gradients)
    for name, gradient in gradients.items():
        np.testing.assert_array_equal(gradient, before[name])  # the caller's


# Own updates, and the numbers that dropout draws.


def test_views_updated_by_hand(engine):
    """functional.adam and commit: other kernels of the same formula, the same masks and statistics."""
    layers = [Dense(16, "relu"), BatchNorm(), Dropout(0.3), GaussianNoise(0.1), Dense(3)]
    X, y, _ = some_data("batch norm")
    fitted, model = (
        dk.Sequential([again(layer) for layer in layers], seed=2, dtype="float64", engine=engine).compile(
            ADAM(0.01), "mse"
        )
        for _ in range(2)
    )
    fitted.fit(X, y, batch_size=len(X), epochs=20, shuffle=False, verbose=0)
    model.build(6)
    names = [f"{s['layer']}.{s['name']}" for s in model._ready().segments if s["kind"] == "parameter"]
    states = {name: (np.zeros_like(model.weights[name]), np.zeros_like(model.weights[name])) for name in names}
    for step in range(20):
        z, pullback = model.vjp(X, training=True)
        _, gradients = pullback(F.mse(z, y)[1])
        for name in names:
            F.adam(model.weights[name], gradients[name], *states[name], step=step + 1, lr=0.01)
        model.commit()
    for name, value in fitted.weights.items():
        np.testing.assert_allclose(model.weights[name], value, rtol=1e-9, atol=1e-12, err_msg=name)


def test_the_program_of_the_fault_learns(engine):
    """Own updates on data far from zero: what inference does is what training did."""
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(512, 4)) * 5 + 20).astype("float32")
    y = (X[:, 0] > 20).astype("int64")
    for by_hand in (False, True):
        model = dk.Sequential([BatchNorm(), Dense(16, "relu"), BatchNorm(), Dense(2)], seed=0, engine=engine)
        model.compile(ADAM(0.01), losses.CrossEntropy()).build(4)
        W = model.weights
        states = {name: (np.zeros_like(w), np.zeros_like(w)) for name, w in W.items()}
        for step in range(300):
            if not by_hand:
                _, gradients = model.loss_and_gradients(X, y)
                model.apply_gradients(gradients)
                continue
            z, pullback = model.vjp(X, training=True)
            _, gradients = pullback(F.softmax_cross_entropy(z, y)[1])
            for name, gradient in gradients.items():
                F.adam(W[name], gradient, *states[name], step=step + 1, lr=1e-2)
            model.commit()
        trained = (model(X, training=True).argmax(axis=1) == y).mean()
        assert trained > 0.98
        assert (model.predict(X).argmax(axis=1) == y).mean() > trained - 0.01
        np.testing.assert_allclose(W["batch_norm.mean"], X.mean(axis=0), rtol=1e-3)


@pytest.mark.parametrize("kind", PASSES)
@pytest.mark.parametrize("layer", [Dropout(0.5), GaussianNoise(0.5)], ids=["dropout", "noise"])
def test_masks_change_with_the_update_and_a_repeated_one_is_told(engine, kind, layer):
    X, y, _ = some_data("batch norm")

    def make():
        layers = [again(layer), Dense(3)]
        model = dk.Sequential(layers, seed=0, engine=engine).compile("sgd", "mse")
        model.build(6)
        return model

    model = make()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            first = model(X, training=True)
            model.commit()
            assert (model(X, training=True) != first).any()
            gradients = {name: np.zeros_like(w) for name, w in model.weights.items()}
            model.apply_gradients(gradients)
        make()(X, training=True)
    model = make()
    a_pass(kind, model, X, y)
    with pytest.warns(UserWarning, match="dropout and noise drew the same numbers") as found:
        a_pass(kind, model, X, y)
    assert found[0].filename.endswith("own_loops.py")  # which made the call
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # once
        a_pass(kind, model, X, y)


def test_where_nothing_is_drawn_nothing_is_told(engine):
    X, y, _ = some_data("batch norm")
    model = dk.Sequential([Dropout(0), GaussianNoise(0), BatchNorm(), Dense(3)], seed=0, engine=engine).compile(
        "sgd", "mse"
    )
    for kind in PASSES * 2:
        a_pass(kind, model, X, y)
    model = dk.Sequential([Dropout(0.5), Dense(3)], seed=0, engine=engine).compile("sgd", "mse")
    for _ in range(3):
        model(X, training=True)
        model.train_on_batch(X, y)
        model(X, training=True)
        model.compile("sgd", "mse")


# Updates.


def test_gradients_of_frozen_layers_are_left_out(engine):
    X, y, _ = some_data("batch norm")
    model = of_training("frozen", engine)
    _, gradients = model.loss_and_gradients(X, y)
    frozen = [
        name for name in gradients if name.startswith("dense.") or name in ("batch_norm.gamma", "batch_norm.beta")
    ]
    assert len(frozen) == 4
    twin, before = model.clone(weights=True), {name: w.copy() for name, w in model.weights.items()}
    for name in frozen:
        assert not gradients[name].any()
        gradients[name] = np.full_like(gradients[name], 1e9)  # would change the norm
    model.apply_gradients(gradients)
    twin.apply_gradients({name: g for name, g in gradients.items() if name not in frozen})
    assert_same_bits(model, twin)
    for name in (*frozen, "batch_norm.mean", "batch_norm.variance"):
        np.testing.assert_array_equal(model.weights[name], before[name])


def test_gradients_may_be_anything_like_arrays(engine):
    model = dk.Sequential([Dense(2, inputs=3)], seed=0, engine=engine).compile(SGD(1.0), "mse")
    for kernel, bias in (
        ([[1, 2], [3, 4], [5, 6]], (7, 8)),
        (np.asfortranarray(np.arange(1.0, 7).reshape(3, 2)), np.array([7, 0, 8, 0], np.int8)[::2]),
    ):
        before = model.get_weights()
        given = {"dense.bias": bias, "dense.kernel": kernel}
        model.apply_gradients(given)
        np.testing.assert_array_equal(model.weights["dense.kernel"], before[0] - np.float32(kernel))
        np.testing.assert_array_equal(model.weights["dense.bias"], before[1] - np.float32(bias))


def good(model):
    return {name: np.zeros_like(w) for name, w in model.weights.items() if not name.endswith(("mean", "variance"))}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda g: list(g.values()), TypeError, "gradients must be a dictionary by name, .* got list"),
        (lambda g: None, TypeError, "gradients must be a dictionary by name, .* got NoneType"),
        (lambda g: {}, ValueError, "gradients has nothing for first.gamma, first.beta, dense.kernel"),
        (
            lambda g: {k: v for k, v in g.items() if k != "dense.bias"},
            ValueError,
            "gradients has nothing for dense.bias$",
        ),
        (lambda g: g | {"dense.kernal": 0}, ValueError, r"got 'dense.kernal' \(did you mean 'dense.kernel'\?\)"),
        (lambda g: g | {"first.mean": np.zeros(6)}, ValueError, "got 'first.mean'"),
        (lambda g: g | {3: 0}, (TypeError, ValueError), "got 3"),
        (
            lambda g: g | {"dense.bias": np.zeros(3)},
            ValueError,
            r"the gradient of dense.bias is \(3,\), expected \(4,\)",
        ),
        (lambda g: g | {"dense.bias": 0.0}, ValueError, r"the gradient of dense.bias is \(\), expected \(4,\)"),
        (lambda g: g | {"dense.bias": np.zeros(4, complex)}, TypeError, "the gradient of dense.bias is complex128"),
        (lambda g: g | {"dense.bias": ["a"] * 4}, TypeError, "the gradient of dense.bias holds strings such as .a."),
        (lambda g: g | {"dense.bias": None}, TypeError, "the gradient of dense.bias is None"),
        (lambda g: g | {"dense.bias": [0, np.nan, 0, 0]}, ValueError, "the gradient of dense.bias is not finite"),
        (lambda g: g | {"dense.bias": [np.inf, 0, -np.inf, 0]}, ValueError, "the gradient of dense.bias is not finite"),
    ],
)
def test_gradients_that_do_not_fit(engine, change, error, message):
    X, _, _ = some_data("batch norm")
    model = waiting_model(engine)
    model(X, training=True)
    before, waits = model.get_weights(), model._ready().pending
    with pytest.raises(error, match=f"apply_gradients: .*{message}"):
        model.apply_gradients(change(good(model)))
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(model._ready().pending, waits)
    assert model.step == 0


def test_float64_gradients_too_large_for_float32(engine):
    model = waiting_model(engine, dtype="float32")
    with pytest.raises(ValueError, match=r"the gradient of dense\.bias is not finite"):
        model.apply_gradients(good(model) | {"dense.bias": np.full(4, 1e300)})


def test_refusals(engine):
    X, y, _ = some_data("batch norm")
    model = dk.Sequential([Dense(3)], seed=0, engine=engine)
    with pytest.raises(RuntimeError, match="loss_and_gradients: compile the model first"):
        model.loss_and_gradients(X, y)
    with pytest.raises(RuntimeError, match="the width of the data is not known"):
        model.commit()
    model.build(6)
    with pytest.raises(RuntimeError, match="apply_gradients: compile the model first"):
        model.apply_gradients(good(model))
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="apply_gradients: weight is for penalties that are divided by weights"):
        model.apply_gradients(good(model), weight=6)
    with pytest.raises(ValueError, match=r"X has 33 rows but y is \(32, 3\)"):
        model.loss_and_gradients(X, y[:32])
    with pytest.raises(ValueError, match="loss_and_gradients: X"):
        model.loss_and_gradients(np.full((2, 6), np.nan), y[:2])
    with pytest.raises(ValueError, match="it has no rows"):
        model.loss_and_gradients(X[:0], y[:0])
    model.compile("sgd", "mse", regularizer=regularizers.L2(0.1, compat="sklearn"))
    with pytest.raises(ValueError, match=r"divided by the weights of the batch; give weight="):
        model.apply_gradients(good(model))
    for weight in (-1.0, np.nan, "6", True):
        with pytest.raises((TypeError, ValueError), match="apply_gradients: weight must be"):
            model.apply_gradients(good(model), weight=weight)
    model.apply_gradients(good(model), weight=0)  # no penalty
    model.compile(optimizers.LBFGS(), "mse")
    with pytest.raises(TypeError, match="apply_gradients: L-BFGS has no update of its own"):
        model.apply_gradients(good(model))

    class Trains(dk.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            for call in (lambda: self.model.apply_gradients(good(self.model)), self.model.commit):
                with pytest.raises(RuntimeError, match="this model is being trained by another call"):
                    call()

    model.compile("sgd", "mse").fit(X, y, verbose=0, callbacks=[Trains()])
    assert model.step == 2
