"""Training that goes wrong: divergence, interruption."""

from __future__ import annotations

import pickle
import signal
import threading

import numpy as np
import pytest
from models import assert_same, noisy, plain

import densekit as dk
from densekit.callbacks import Callback, LambdaCallback
from densekit.layers import Dense


def test_divergence_names_layer_and_step(engine, table):
    X, y = table
    model = plain(engine, dk.optimizers.SGD(1e200))
    with pytest.raises(dk.TrainingDiverged, match=r"fit: the loss is not finite at update \d+: .*clip_norm") as caught:
        model.fit(X, y, epochs=50, batch_size=48, verbose=0)
    error = caught.value
    assert isinstance(error, ArithmeticError)
    assert error.step == model.step > 0
    assert error.layer in ("dense", "dense_1", "loss")
    assert error.history is model.history
    assert len(error.history.epoch) == error.step  # one update an epoch
    assert all(np.isfinite(w).all() for w in model.get_weights())
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.layer, again.step) == (str(error), error.layer, error.step)
    with pytest.raises(dk.TrainingDiverged, match="train_on_batch: the loss is not finite"):
        model.train_on_batch(X, y)


def test_the_layer_that_overflows_is_named(engine, table):
    X, y = table
    model = dk.Sequential([Dense(4), Dense(4), Dense(1)], seed=0, engine=engine).compile("sgd", "mse").build(5)
    model.layers[1].kernel[...] = 1e38
    before = model.get_weights()
    with pytest.raises(dk.TrainingDiverged, match="puts out something not finite is 'dense_1'"):
        model.fit(1e3 * X, y, verbose=0)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_divergence_may_warn_or_be_ignored(engine, table):
    X, y = table
    model = plain(engine, dk.optimizers.SGD(1e200))
    with pytest.warns(RuntimeWarning, match="the loss is not finite at update") as caught:
        history = model.fit(X, y, epochs=20, batch_size=48, verbose=0, on_divergence="warn")
    assert caught[0].filename == __file__
    assert len(history.epoch) < 20
    step = model.step
    history = model.fit(X, y, epochs=3, batch_size=48, verbose=0, on_divergence="ignore")
    assert len(history.epoch) == 3
    assert not np.isfinite(history.history["loss"]).any()
    assert model.step == step


@pytest.mark.parametrize("by_batches", [False, True])
def test_an_interrupted_fit_leaves_a_usable_model(engine, table, by_batches):
    X, y = table
    model, uninterrupted, heard = noisy(engine), noisy(engine), []

    class Interrupt(Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

        def on_train_end(self, logs=None):
            heard.append("end")

    batches = LambdaCallback(on_train_batch_end=lambda b, logs: None) if by_batches else Callback()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, epochs=5, callbacks=[Interrupt(), batches], verbose=0)
    assert model.history.epoch == [0, 1]
    assert heard == ["end"]
    history = model.fit(X, y, epochs=5, initial_epoch=2, callbacks=model.history, verbose=0)
    assert history.epoch == [0, 1, 2, 3, 4]
    uninterrupted.fit(X, y, epochs=5, verbose=0)
    assert_same(model, uninterrupted)


def test_control_c_in_the_middle_of_an_epoch(engine, rng):
    X, y = rng.normal(size=(4096, 64)).astype(np.float32), rng.normal(size=4096)
    model = dk.Sequential([Dense(512, "relu"), Dense(512, "relu"), Dense(1)], seed=0, engine=engine).compile(
        "adam", "mse"
    )
    model.fit(X[:64], y[:64], verbose=0)
    timer = threading.Timer(0.5, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y, epochs=100_000, verbose=0)
    timer.join()
    assert all(np.isfinite(w).all() for w in model.get_weights())
    epochs, step = len(model.history.epoch), model.step
    assert model.epoch == 1 + epochs
    # All updates of an epoch may be done when the interrupt comes, before the history has it.
    assert 2 + 128 * epochs <= step <= 2 + 128 * (epochs + 1)
    model.fit(X[:64], y[:64], verbose=0)
    assert model.step == step + 2
