"""Scores: what evaluate and train_on_batch return, as a tuple and by name."""

from __future__ import annotations

import copy
import json
import math
import pickle

import numpy as np
import pytest

import densekit as dk
from densekit.layers import BatchNorm, Dense, Dropout

NAMED = {"loss": 0.75, "data_loss": 0.5, "penalty": 0.25, "accuracy": 0.9, "auc": 0.95}


@pytest.fixture
def scores():
    return dk.Scores(NAMED)


def model(engine, metrics=("accuracy", "auc"), **options):
    layers = [Dense(6, "relu"), BatchNorm(), Dropout(0.4), Dense(1, "sigmoid")]
    made = dk.Sequential(layers, seed=3, dtype="float64", engine=engine)
    return made.compile("adam", "binary_crossentropy", metrics=list(metrics), **options)


@pytest.fixture
def data(rng):
    X = rng.normal(size=(40, 5))
    return X, (X[:, 0] > 0).astype(int)


def test_as_a_tuple(scores):
    loss, accuracy, auc = scores
    assert (loss, accuracy, auc) == (0.75, 0.9, 0.95) == tuple(scores) == tuple(iter(scores))
    assert isinstance(scores, tuple)
    assert len(scores) == 3
    assert scores[0] == 0.75
    assert scores[-1] == scores[np.int64(2)] == 0.95
    assert scores[1:] == (0.9, 0.95)
    assert type(scores[1:]) is type(scores[:]) is tuple
    assert list(reversed(scores)) == [0.95, 0.9, 0.75]
    np.testing.assert_array_equal(np.asarray(scores), [0.75, 0.9, 0.95])
    assert (5, *scores) == (5, 0.75, 0.9, 0.95) == (5,) + scores  # noqa: RUF005
    with pytest.raises(IndexError):
        scores[3]


def test_by_name(scores):
    ordered = {"loss": 0.75, "accuracy": 0.9, "auc": 0.95, "data_loss": 0.5, "penalty": 0.25}
    assert [scores[name] for name in ordered] == list(ordered.values())
    assert list(dict(scores).items()) == list(ordered.items()) == list(scores.items())
    assert list(scores.keys()) == list(ordered)
    assert list(scores.values()) == list(ordered.values())
    assert dict(zip(scores.keys(), scores, strict=False)) == {k: ordered[k] for k in ("loss", "accuracy", "auc")}
    assert {**scores} == ordered == (lambda **named: named)(**scores)
    assert (scores.get("auc"), scores.get("f1"), scores.get("f1", 0)) == (0.95, None, 0)
    assert json.loads(json.dumps(dict(scores))) == ordered
    logs = {"epoch": 1}
    logs.update(scores)
    assert logs == {"epoch": 1} | ordered
    with pytest.raises(KeyError, match="no 'acc' among loss, accuracy, auc, data_loss, penalty"):
        scores["acc"]


def test_in_knows_names_and_numbers(scores):
    assert all(name in scores for name in NAMED)
    assert "acc" not in scores
    assert 0.9 in scores
    assert 0.5 not in scores  # data_loss is no element


def test_the_loss_as_a_number(scores):
    assert float(scores) == 0.75
    assert math.isfinite(scores)
    assert f"{scores:.3f} {scores:8.1e}" == "0.750  7.5e-01"
    assert "{:.2f}".format(scores) == "0.75"  # noqa: UP032
    assert f"{scores}" == str(scores) == repr(scores)
    with pytest.raises(ValueError, match=r"[Ff]ormat"):
        format(scores, ".3q")


@pytest.mark.parametrize("product", [lambda s: s * 100, lambda s: 3 * s, lambda s: s * True])
def test_a_product_never_repeats_the_tuple(scores, product):
    with pytest.raises(TypeError, match=r"scores\['loss'\]"):
        product(scores)


def test_repr_shows_the_parts_where_there_are_two(scores):
    assert repr(scores) == "Scores(loss=0.75, accuracy=0.9, auc=0.95, data_loss=0.5, penalty=0.25)"
    assert repr(dk.Scores({"loss": 0.1, "data_loss": 0.1, "penalty": 0.0})) == "Scores(loss=0.1)"


def test_copies(scores):
    for other in (copy.copy(scores), copy.deepcopy(scores), *(pickle.loads(pickle.dumps(scores, p)) for p in range(6))):
        assert type(other) is dk.Scores
        assert other == scores
        assert list(other.items()) == list(scores.items())


def test_comparisons(scores):
    same, renamed = dk.Scores(NAMED), dk.Scores({("f1" if k == "auc" else k): v for k, v in NAMED.items()})
    assert scores == same
    assert not scores != same  # noqa: SIM202 - both operators
    assert hash(scores) == hash(same)
    assert scores != renamed
    assert scores != dk.Scores(NAMED | {"data_loss": 0.7})
    assert scores == (0.75, 0.9, 0.95)
    assert (0.75, 0.9, 0.95) == scores  # noqa: SIM300
    assert scores == NAMED
    assert NAMED == scores  # noqa: SIM300
    assert scores != {"loss": 0.75}
    assert scores != {**NAMED, "auc": 0.9}
    assert scores != 0.75
    assert min(dk.Scores({"loss": 2.0}), scores, dk.Scores({"loss": 1.0})) is scores
    assert tuple(scores) == pytest.approx(scores)


def test_without_metrics_a_tuple_of_one():
    (loss,) = scores = dk.Scores({"loss": 0.5})
    assert loss == 0.5 == float(scores)
    assert dict(scores) == {"loss": 0.5, "data_loss": 0.5, "penalty": 0.0}


@pytest.mark.parametrize("given", [0.5, (0.5, 0.9), {"accuracy": 0.9}, "loss", None])
def test_what_is_no_scores(given):
    with pytest.raises(TypeError, match="dictionary with 'loss'"):
        dk.Scores(given)


def test_numbers_are_plain_floats():
    scores = dk.Scores({"loss": np.float32(0.5), "n": 3})
    assert [type(value) for value in (*scores, *scores.values(), scores["n"], scores[0])] == [float] * 8


# From a model.


def test_evaluate_unpacks_as_in_keras(engine, data):
    made = model(engine, regularizer=dk.regularizers.L2(0.1))
    made.fit(*data, verbose=0)
    loss, accuracy, auc = scores = made.evaluate(*data)
    assert type(scores) is dk.Scores
    assert all(type(value) is float for value in scores)
    assert accuracy == dk.metrics.accuracy(data[1], made.predict(data[0])) == scores["accuracy"]
    assert auc == dk.metrics.roc_auc(data[1], made.predict(data[0]))
    assert loss == scores["data_loss"] + scores["penalty"]
    assert scores["penalty"] > 0


def test_train_on_batch_measures_what_the_network_put_out_while_it_learned(engine, data):
    """As the history of fit does: with the mask and the batch's own statistics, before the update."""
    watched, stepped = model(engine), model(engine).build(5)
    order = dk._fit.row_order(3, 0, 40)
    X, y = data[0][order], data[1][order]
    history = watched.fit(*data, batch_size=40, verbose=0).history
    outputs = stepped(X, training=True)
    scores = stepped.train_on_batch(X, y)
    assert scores["accuracy"] == scores[1] == history["accuracy"][0] == dk.metrics.accuracy(y, outputs)
    assert scores["auc"] == pytest.approx(history["auc"][0], rel=1e-12)
    assert scores["loss"] == pytest.approx(history["loss"][0], rel=1e-12)
    assert list(scores.keys()) == ["loss", "accuracy", "auc", "data_loss", "penalty"]
    assert scores["auc"] != pytest.approx(dk.metrics.roc_auc(y, model(engine).build(5).predict(X)), rel=1e-6)


def test_train_on_batch_leaves_out_rows_that_the_loss_ignores(engine, rng):
    loss = dk.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_index=-1)
    made = dk.Sequential([Dense(3)], seed=0, engine=engine).compile("sgd", loss, metrics=["accuracy"]).build(4)
    X, y = rng.normal(size=(6, 4)), np.array([0, 1, -1, 2, -1, 0])
    expected = (made.predict(X).argmax(axis=1) == y)[y >= 0].mean()
    assert made.train_on_batch(X, y)["accuracy"] == expected


@pytest.mark.parametrize("name", ["loss", "data_loss", "penalty", "lr", "epoch", "val_x", "mae"])
def test_names_of_metrics_are_unambiguous(name):
    """A metric called "loss" took the place of the loss; of two of one name the second one was dropped."""
    with pytest.raises(ValueError, match=f"metric '{name}'.*name="):
        dk.Sequential([Dense(1)]).compile("sgd", "mse", metrics=["mae", dk.metrics.Metric(np.dot, name=name)])
