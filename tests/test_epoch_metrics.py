"""Metrics of an epoch: over the rows that the epoch used, each with its own target."""

from __future__ import annotations

import numpy as np
import pytest

import densekit
from densekit import callbacks, metrics, optimizers
from densekit._fit import row_order
from densekit.layers import BatchNorm, Dense


class EachBatch(callbacks.Callback):
    """Makes fit call the engine batch by batch; ends the epoch after `batches`, if given."""

    def __init__(self, batches=None):
        self.batches, self.seen = batches, 0

    def on_epoch_begin(self, epoch, logs=None):
        self.seen = 0

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen == self.batches:
            self.model.stop_training = True


def frozen(loss, outputs, metric, engine, dtype="float64", last=None):
    """A model whose rate is 0, so that what the epoch saw is what predict gives."""
    model = densekit.Sequential([Dense(outputs, last, inputs=3)], seed=5, dtype=dtype)
    return model.compile(optimizers.SGD(0.0), loss, metrics=metric, engine=engine)


@pytest.mark.parametrize("by_batch", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize(("rows", "batch_size"), [(23, 4), (23, 23), (23, 16), (24, 8), (9, 5)])
def test_metrics_are_of_the_rows_that_were_used(engine, rng, rows, batch_size, drop_last, shuffle, by_batch):
    X, y = rng.normal(size=(rows, 3)), rng.normal(size=(rows, 1)) * np.arange(1, rows + 1)[:, None]
    labels = rng.integers(0, 3, rows)
    for loss, outputs, target, names, functions in (
        ("mse", 1, y, ["mae", "r2"], [metrics.mae, metrics.r2]),
        ("cross_entropy", 3, labels, ["accuracy"], [metrics.accuracy]),
    ):
        model = frozen(loss, outputs, names, engine)
        model.build(3)
        history = model.fit(
            X,
            target,
            batch_size=batch_size,
            epochs=4,
            shuffle=shuffle,
            drop_last=drop_last,
            verbose=0,
            callbacks=[EachBatch()] if by_batch else [],
        ).history
        pred = model.predict(X)
        kept = rows - rows % batch_size if drop_last else rows
        for epoch in range(4):
            order = row_order(5, epoch, rows) if shuffle else np.arange(rows)
            used = order[:kept]
            for name, function in zip(names, functions, strict=True):
                expected = function(target[used], pred[used])
                assert history[name][epoch] == pytest.approx(expected, rel=1e-12), (name, epoch)
            if loss == "mse":
                error = ((pred[used] - target[used]) ** 2).mean()
                assert history["loss"][epoch] == pytest.approx(error, rel=1e-12)


def test_an_epoch_that_a_callback_ends_has_the_metrics_of_its_rows(engine, rng):
    X, y = rng.normal(size=(20, 3)), rng.normal(size=(20, 1))
    model = frozen("mse", 1, ["mae"], engine)
    history = model.fit(X, y, batch_size=4, epochs=3, verbose=0, callbacks=[EachBatch(batches=2)]).history
    used = row_order(5, 0, 20)[:8]
    assert history["mae"] == [pytest.approx(metrics.mae(y[used], model.predict(X)[used]), rel=1e-12)]
    assert history["loss"] == [pytest.approx(((y - model.predict(X))[used] ** 2).mean(), rel=1e-12)]


def test_a_last_row_that_joins_its_batch_counts(engine, rng):
    """With a batch norm a last batch of one row joins its predecessor: every row is in the metrics."""
    X, y = rng.normal(size=(9, 3)), rng.normal(size=(9, 1))
    model = densekit.Sequential([BatchNorm(trainable=False, inputs=3), Dense(1)], seed=5, dtype="float64")
    model.compile(optimizers.SGD(0.0), "mse", metrics=["mae"], engine=engine)
    history = model.fit(X, y, batch_size=4, epochs=1, verbose=0).history
    assert history["mae"][0] == pytest.approx(metrics.mae(y, model.predict(X)), rel=1e-12)
