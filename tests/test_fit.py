"""Training: laws that hold for any model, the history, validation, schedules, callbacks, divergence, interruption."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from models import assert_same, noisy, plain

import densekit as dk
from densekit._fit import row_order
from densekit.callbacks import Callback, EarlyStopping, LambdaCallback
from densekit.datasets import load_digits
from densekit.layers import BatchNorm, Dense

# Laws.


def test_fit_is_a_sequence_of_train_on_batch(engine, table):
    X, y = table
    whole, steps = noisy(engine), noisy(engine).build(5)
    history = whole.fit(X, y, batch_size=10, epochs=3, verbose=0).history
    for epoch in range(3):
        order = row_order(1, epoch, 48)
        losses = [steps.train_on_batch(X[order[a : a + 10]], y[order[a : a + 10]]) for a in range(0, 48, 10)]
        mean = np.average([x["loss"] for x in losses], weights=[10, 10, 10, 10, 8])
        assert mean == pytest.approx(history["loss"][epoch], rel=1e-12)
    assert_same(whole, steps)
    assert whole.step == steps.step == 15


def test_callbacks_of_batches_change_no_bit(engine, table):
    X, y = table
    quick, watched, seen = noisy(engine, metrics=["mae"]), noisy(engine, metrics=["mae"]), []
    callback = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append((batch, logs)))
    a = quick.fit(X, y, batch_size=10, epochs=2, verbose=0).history
    b = watched.fit(X, y, batch_size=10, epochs=2, verbose=0, callbacks=[callback]).history
    assert_same(quick, watched)
    assert a["mae"] == b["mae"]
    np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-14)
    assert [batch for batch, _ in seen] == [0, 1, 2, 3, 4] * 2
    assert seen[0][1].keys() == {"loss", "data_loss", "penalty", "lr"}


def test_full_batch_is_gradient_descent_step_for_step(engine, rng):
    X, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    model = dk.Sequential([Dense(1)], seed=0, dtype="float64", engine=engine).compile(dk.optimizers.SGD(0.1), "mse")
    model.build(4)
    w, b = model.layers[0].kernel.copy(), model.layers[0].bias.copy()
    for _ in range(10):
        d = X @ w + b - y[:, None]
        w, b = w - 0.1 * 2 * X.T @ d / 30, b - 0.1 * 2 * d.mean(axis=0)
    model.fit(X, y, batch_size="full", epochs=10, verbose=0)
    np.testing.assert_allclose(model.layers[0].kernel, w, rtol=1e-12)
    np.testing.assert_allclose(model.layers[0].bias, b, rtol=1e-12)


def test_order_of_rows_does_not_matter_for_a_full_batch(engine, table, rng):
    X, y = table
    p = rng.permutation(48)
    a, b = plain(engine), plain(engine)
    a.fit(X, y, batch_size="full", epochs=5, verbose=0)
    b.fit(X[p], y[p], batch_size="full", epochs=5, verbose=0)
    assert_same(a, b, 1e-10)


def test_a_row_of_weight_two_is_two_rows(engine, table):
    X, y = table
    counts = 1 + np.arange(48) % 2
    a, b = plain(engine), plain(engine)
    a.fit(X, y, sample_weight=counts, batch_size="full", epochs=5, verbose=0)
    b.fit(np.repeat(X, counts, axis=0), np.repeat(y, counts), batch_size="full", epochs=5, verbose=0)
    assert_same(a, b, 1e-10)


def test_the_gradient_of_a_batch_is_the_mean_of_those_of_its_halves(engine, table):
    X, y = table
    model = plain(engine).build(5)
    theta = model.trainable_parameters()
    whole = model.evaluate_objective(theta, X, y)
    halves = [model.evaluate_objective(theta, X[part], y[part]) for part in (slice(24), slice(24, None))]
    assert whole[0] == pytest.approx((halves[0][0] + halves[1][0]) / 2, rel=1e-12)
    np.testing.assert_allclose(whole[1], (halves[0][1] + halves[1][1]) / 2, rtol=1e-9, atol=1e-14)


def test_class_weights_are_sample_weights(engine, rng):
    X, y = rng.normal(size=(40, 3)), rng.integers(0, 3, 40)

    def trained(**weights):
        model = dk.Sequential([Dense(3, "softmax")], seed=0, dtype="float64", engine=engine)
        model.compile("adam", "sparse_categorical_crossentropy").fit(X, y, epochs=3, verbose=0, **weights)
        return model

    table = {0: 1.0, 1: 2.5, 2: 0.5}
    assert_same(trained(class_weight=table), trained(sample_weight=np.array([1.0, 2.5, 0.5])[y]))
    counts = np.bincount(y)
    assert_same(trained(class_weight="balanced"), trained(sample_weight=(40 / (3 * counts))[y]))


def test_resumed_training_equals_the_uninterrupted_one(engine, table):
    X, y = table
    optimizer = dk.optimizers.Adam(dk.schedules.Cosine(0.01))
    arguments = {"batch_size": 7, "verbose": 0, "validation_split": 0.1}
    whole = noisy(engine, optimizer)
    history = whole.fit(X, y, epochs=6, **arguments).history
    part = noisy(engine, optimizer)
    # A schedule over the whole training needs to know its length from the beginning: stop early instead.
    stop = LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(part, "stop_training", epoch == 2))
    first = part.fit(X, y, epochs=6, callbacks=stop, **arguments).history
    resumed = pickle.loads(pickle.dumps(part))
    second = resumed.fit(X, y, epochs=6, initial_epoch=3, **arguments)
    assert second.epoch == [3, 4, 5]
    assert_same(whole, resumed)
    assert {key: first[key] + second.history[key] for key in history} == history


def test_weights_alone_resume_with_initial_epoch(engine, table):
    X, y = table
    whole, part = plain(engine, "sgd"), plain(engine, "sgd")
    whole.fit(X, y, epochs=4, verbose=0)
    part.fit(X, y, epochs=2, verbose=0)
    fresh = plain(engine, "sgd").build(5)
    fresh.set_weights(part.get_weights())
    fresh.fit(X, y, epochs=4, initial_epoch=2, verbose=0)
    assert_same(whole, fresh)


def test_each_epoch_has_an_order_of_its_own_in_later_fits_too(engine, table):
    X, y = table
    once, twice = plain(engine), plain(engine)
    once.fit(X, y, epochs=4, verbose=0)
    for _ in range(4):
        twice.fit(X, y, verbose=0)
    assert_same(once, twice)
    orders = [row_order(1, epoch, 48).tolist() for epoch in range(4)]
    assert len({tuple(order) for order in orders}) == 4
    assert all(sorted(order) == list(range(48)) for order in orders)
    assert row_order(1, 3, 48).tolist() == orders[3] != row_order(2, 3, 48).tolist()


def test_without_shuffling_rows_come_as_they_are(engine, table):
    X, y = table
    a, b = plain(engine), plain(engine).build(5)
    a.fit(X, y, batch_size=10, shuffle=False, drop_last=True, verbose=0)
    for first in range(0, 40, 10):
        b.train_on_batch(X[first : first + 10], y[first : first + 10])
    assert_same(a, b)


# History and validation.


def test_history(engine, table):
    X, y = table
    model = plain(engine, regularizer=dk.regularizers.L2(0.1), metrics=["mae", "r2"])
    history = model.fit(X, y, epochs=3, validation_data=(X[:9], y[:9]), verbose=0)
    assert history is model.history
    assert history.epoch == [0, 1, 2]
    h = history.history
    assert list(h) == [
        *("loss", "data_loss", "penalty", "lr", "mae", "r2"),
        *("val_loss", "val_data_loss", "val_penalty", "val_mae", "val_r2"),
    ]
    assert all(len(values) == 3 and all(type(v) is float for v in values) for values in h.values())
    np.testing.assert_allclose(np.add(h["data_loss"], h["penalty"]), h["loss"], rtol=1e-14)
    assert model.evaluate(X[:9], y[:9]) == {k.removeprefix("val_"): h[k][-1] for k in h if k.startswith("val_")}
    assert "val_data_loss" not in plain(engine).fit(X, y, validation_split=0.2, verbose=0).history


def test_metrics_of_training_are_those_of_what_the_network_put_out(engine, table):
    X, y = table
    model = plain(engine, dk.optimizers.SGD(0.0), metrics=["mae"])
    h = model.fit(X, y, batch_size=10, epochs=1, verbose=0).history
    assert h["mae"][0] == pytest.approx(np.abs(model.predict(X)[:, 0] - y).mean(), rel=1e-12)
    h = model.fit(X, y, batch_size=10, epochs=1, shuffle=False, drop_last=True, verbose=0).history
    assert h["mae"][0] == pytest.approx(np.abs(model.predict(X[:40])[:, 0] - y[:40]).mean(), rel=1e-12)


def test_validation_split_takes_the_last_rows_before_shuffling(engine, table):
    X, y = table
    w = np.linspace(1, 2, 48)
    split, given = plain(engine), plain(engine)
    a = split.fit(X, y, sample_weight=w, validation_split=0.3, epochs=2, verbose=0)
    # 33 = floor(48 · 0.7), as in Keras
    b = given.fit(X[:33], y[:33], sample_weight=w[:33], validation_data=(X[33:], y[33:], w[33:]), epochs=2, verbose=0)
    assert a.history == b.history
    assert_same(split, given)


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ({"validation_split": 1e-30}, ValueError, "leaves 48 to train on and 0 to validate"),
        ({"validation_split": 0.999}, ValueError, "leaves 0 to train on and 48 to validate"),
        ({"validation_split": 1.0}, ValueError, r"validation_split must be a finite number in \[0, 1\), got 1.0"),
        ({"validation_split": 0.1, "validation_data": (0, 0)}, ValueError, "not both"),
        ({"validation_data": np.zeros((3, 5))}, TypeError, r"validation_data must be \(X, y\) or"),
        (
            {"validation_data": (np.zeros((3, 4)), [0, 0, 0])},
            ValueError,
            r"fit: validation_data: X is \(3, 4\) but the model takes 5",
        ),
        ({"batch_size": 0}, ValueError, "batch_size must be a whole number from 1 .*, got 0"),
        ({"batch_size": "all"}, ValueError, "batch_size must be a whole number or 'full', got 'all'"),
        (
            {"batch_size": 100, "drop_last": True},
            ValueError,
            "drop_last leaves no batch: X has 48 rows, batch_size is 100",
        ),
        ({"epochs": -1}, ValueError, "epochs must be a whole number from 0"),
        ({"epochs": 2.5}, TypeError, "epochs must be a whole number, got 2.5"),
        ({"shuffle": 1}, TypeError, "shuffle must be True or False, got 1"),
        ({"on_divergence": "stop"}, ValueError, "'raise', 'warn', 'ignore', got 'stop'"),
        ({"verbose": 3}, ValueError, "verbose must be 0"),
        ({"callbacks": [print]}, TypeError, "LambdaCallback"),
    ],
)
def test_refused_arguments(table, arguments, kind, text):
    model = plain("reference")
    with pytest.raises(kind, match=text):
        model.fit(*table, **{"verbose": 0, **arguments})
    assert model.step == 0


def test_no_epochs_is_no_training(engine, table):
    model = plain(engine)
    assert model.fit(*table, epochs=0, verbose=0).history == {}
    assert model.built


def test_last_batch_of_one_row_joins_with_batch_norm(engine, table):
    X, y = table
    model = noisy(engine)
    seen = []
    watch = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    model.fit(X[:41], y[:41], batch_size=10, verbose=0, callbacks=watch)
    assert seen == [0, 1, 2, 3]
    for call, arguments in ((model.fit, {"batch_size": 1, "verbose": 0}), (model.train_on_batch, {})):
        with pytest.raises(ValueError, match="a batch of one row has no variance for the batch norm"):
            call(X[:1], y[:1], **arguments)
    model.layers[1].trainable = False
    model.train_on_batch(X[:1], y[:1])
    other = plain(engine)
    other.fit(X[:41], y[:41], batch_size=10, verbose=0)
    assert (model.step, other.step) == (5, 5)


def test_verbose(engine, table, capsys):
    plain(engine).fit(*table, epochs=2, verbose=0)
    assert capsys.readouterr().out == ""
    plain(engine).fit(*table, epochs=2, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("epoch 1/2")
    assert "loss" in lines[0]


# Learning rates.


def test_schedules_by_step_and_by_epoch(engine, table):
    X, y = table
    steps = dk.schedules.Exponential(0.1, 0.9, unit="step")
    h = plain(engine, dk.optimizers.SGD(steps)).fit(X, y, batch_size=12, epochs=3, verbose=0).history
    np.testing.assert_allclose(h["lr"], 0.1 * 0.9 ** np.array([3, 7, 11]))  # of the last update
    epochs = dk.schedules.Step(0.1, 2, unit="epoch")
    h = plain(engine, dk.optimizers.SGD(epochs)).fit(X, y, batch_size=12, epochs=4, verbose=0).history
    np.testing.assert_allclose(h["lr"], [0.1, 0.1, 0.01, 0.01])


def test_plateau_listens_and_each_model_has_its_own(engine, table):
    X, y = table
    optimizer = dk.optimizers.SGD(dk.schedules.Plateau(1e-9, monitor="loss", patience=0, factor=0.5, eps=0))
    a, b = plain(engine, optimizer), plain(engine, optimizer)
    h = a.fit(X, y, epochs=4, verbose=0).history
    assert h["lr"] == [1e-9, 1e-9, 5e-10, 2.5e-10]
    assert b.fit(X, y, verbose=0).history["lr"] == [1e-9]
    resumed = pickle.loads(pickle.dumps(a))
    assert resumed.fit(X, y, epochs=5, initial_epoch=4, verbose=0).history["lr"] == [1.25e-10]
    assert a.clone().fit(X, y, verbose=0).history["lr"] == [1e-9]


def test_set_lr_keeps_the_state(engine, table):
    X, y = table
    model, seen = plain(engine), []

    class Halve(Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.model.step)
            self.model.set_lr(self.model.optimizer.lr / 2)

    h = model.fit(X, y, epochs=3, verbose=0, callbacks=Halve()).history
    assert h["lr"] == [1e-3, 5e-4, 2.5e-4]
    assert seen == [2, 4, 6]


def test_train_on_batch_follows_the_schedule(engine, table):
    X, y = table
    model = plain(engine, dk.optimizers.SGD(dk.schedules.Step(0.0, 1, unit="step"))).build(5)
    before = model.get_weights()
    model.train_on_batch(X, y)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    a, b = plain(engine, "sgd"), plain(engine, "sgd").build(5)
    schedule = dk.schedules.Exponential(0.1, 0.5, unit="step")
    a.compile(dk.optimizers.SGD(schedule), "mse").fit(X, y, batch_size=24, shuffle=False, verbose=0)
    b.compile(dk.optimizers.SGD(schedule), "mse")
    b.train_on_batch(X[:24], y[:24])
    b.train_on_batch(X[24:], y[24:])
    assert_same(a, b)


# Callbacks.


def test_callbacks_hear_everything_in_order(engine, table):
    heard = []

    class Loud(Callback):
        def on_train_begin(self, logs=None):
            heard.append("begin")

        def on_epoch_begin(self, epoch, logs=None):
            heard.append(f"epoch {epoch}")

        def on_epoch_end(self, epoch, logs=None):
            heard.append(f"{epoch} done")
            assert self.params["epochs"] == 2
            assert self.params["steps"] == 2

        def on_train_end(self, logs=None):
            heard.append("end")

    plain(engine).fit(*table, epochs=2, callbacks=[Loud()], verbose=0)
    assert heard == ["begin", "epoch 0", "0 done", "epoch 1", "1 done", "end"]


def test_early_stopping_goes_back_to_the_best(engine, table):
    X, y = table
    model = plain(engine, dk.optimizers.SGD(0.3))
    stopping = EarlyStopping(patience=3)
    history = model.fit(X[:24], y[:24], validation_data=(X[24:], y[24:]), epochs=500, callbacks=stopping, verbose=0)
    losses = history.history["val_loss"]
    assert len(losses) < 500
    assert model.evaluate(X[24:], y[24:])["loss"] == pytest.approx(min(losses), rel=1e-12)


def test_stopping_in_the_middle_of_an_epoch(engine, table):
    model = plain(engine)
    stop = LambdaCallback(on_train_batch_end=lambda batch, logs: setattr(model, "stop_training", batch == 2))
    model.fit(*table, batch_size=8, epochs=9, callbacks=stop, verbose=0)
    assert model.step == 3
    assert model.history.epoch == [0]


def test_a_callback_may_freeze_a_layer(engine, table):
    model = plain(engine).build(5)
    kept = []

    class Freeze(Callback):
        def on_epoch_end(self, epoch, logs=None):
            model.layers[0].trainable = False
            kept.append(model.layers[0].kernel.copy())

    model.fit(*table, epochs=3, callbacks=Freeze(), verbose=0)
    np.testing.assert_array_equal(kept[0], kept[2])
    np.testing.assert_array_equal(kept[0], model.layers[0].kernel)


# Objectives.


def test_penalties_and_clipping_reach_the_engine(engine, table):
    X, y = table
    model = plain(engine, dk.optimizers.SGD(1.0), clip_norm=1e-3).build(5)
    before = model.trainable_parameters()
    model.train_on_batch(X, y)
    assert np.linalg.norm(model.trainable_parameters() - before) == pytest.approx(1e-3, rel=1e-9)
    model = plain(engine, dk.optimizers.SGD(1.0), clip_value=1e-4).build(5)
    before = model.trainable_parameters()
    model.train_on_batch(X, y)
    assert np.abs(model.trainable_parameters() - before).max() <= 1e-4 * (1 + 1e-9)
    sparse = plain(engine, dk.optimizers.SGD(0.1), regularizer=dk.regularizers.L1(0.5))
    sparse.fit(X, y, epochs=50, verbose=0)
    assert (sparse.layers[0].kernel == 0).any()
    assert (sparse.layers[0].bias != 0).all()
    own = dk.Sequential(
        [Dense(2, kernel_regularizer=dk.regularizers.L2(3.0)), Dense(1)], seed=0, dtype="float64", engine=engine
    )
    own.compile("sgd", "mse", regularizer=dk.regularizers.L2(0.1)).build(5)
    penalty = 1.5 * (own.layers[0].kernel ** 2).sum() + 0.05 * (own.layers[1].kernel ** 2).sum()
    assert own.evaluate(X, y)["penalty"] == pytest.approx(penalty, rel=1e-12)


def test_logits_and_probabilities_train_alike(engine):
    (X, y), (Xt, yt) = load_digits()

    def trained(activation, loss):
        model = dk.Sequential([Dense(16, "relu"), Dense(10, activation)], seed=0, dtype="float64", engine=engine)
        model.compile("adam", loss, metrics=["accuracy"]).fit(X, y, epochs=3, verbose=0)
        return model

    linked, logits = trained("softmax", "sparse_categorical_crossentropy"), trained(None, "cross_entropy")
    assert_same(linked, logits)
    assert linked.evaluate(Xt, yt) == logits.evaluate(Xt, yt)
    np.testing.assert_allclose(linked.predict(Xt[:5]).sum(axis=1), 1, rtol=1e-12)


def test_xor_needs_a_hidden_layer(engine):
    X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    hidden = dk.Sequential([Dense(8, "tanh"), Dense(1, "sigmoid")], seed=0, engine=engine)
    linear = dk.Sequential([Dense(1, "sigmoid")], seed=0, engine=engine)
    for model in (hidden, linear):
        model.compile(dk.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
        model.fit(X, y, epochs=300, verbose=0)
    assert hidden.evaluate(X, y)["accuracy"] == 1
    assert linear.evaluate(X, y)["accuracy"] < 1


def test_float32_and_float64_agree(engine):
    (X, y), _ = load_digits()
    losses = []
    for dtype in ("float32", "float64"):
        model = dk.Sequential(
            [Dense(32, "relu"), BatchNorm(), Dense(10, "softmax")], seed=0, dtype=dtype, engine=engine
        )
        h = model.compile("adam", "sparse_categorical_crossentropy").fit(X, y, epochs=2, verbose=0).history
        losses.append(h["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-3)


def test_copies_share_no_schedule(engine, table):
    optimizer = dk.optimizers.SGD(dk.schedules.Plateau(0.1))
    model = plain(engine, optimizer)
    assert model.optimizer == optimizer
    assert model.optimizer.lr is not optimizer.lr
    assert copy.deepcopy(model).optimizer.lr is not model.optimizer.lr
