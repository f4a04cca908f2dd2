"""Rows of several axes: what people pass, what is refused, and what the errors say."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from models import SHAPE, of_layers, with_axes
from numpy.testing import assert_array_equal

import densekit as dk
from densekit.layers import (
    Dense,
    Flatten,
    Input,
    Rescaling,
    Reshape,
    Residual,
)


@pytest.fixture
def X(rng):
    return rng.normal(size=(24, *SHAPE))


@pytest.fixture
def y(rng):
    return rng.normal(size=(24, 4, 3, 2))


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (64, 7, 9, 3), np.uint8)


FORMS = {
    "uint8": lambda a: a,
    "every other row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "rows backwards": lambda a: a[::-1].copy()[::-1],
    "channels moved last": lambda a: np.ascontiguousarray(a.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1),
    "a part of larger images": lambda a: np.pad(a, ((0, 0), (2, 1), (1, 2), (0, 1)))[:, 2:-1, 1:-2, :-1],
    "fortran": np.asfortranarray,
    "float16": lambda a: a.astype(np.float16),
    "float64": lambda a: a.astype(np.float64),
    "int64": lambda a: a.astype(np.int64),
    "big-endian": lambda a: a.astype(">f4"),
    "lists": lambda a: a.tolist(),
    "a list of images": list,
}


@pytest.mark.parametrize("form", [*FORMS, "tensor", "tensor of another order"])
def test_every_form_of_images_is_taken(form, engine, images):
    labels = np.arange(64) % 3

    def trained(x):
        layers = [Rescaling(1 / 255), Dense(4, "relu"), Flatten(), Dense(3, "softmax")]
        model = of_layers(*layers, engine=engine, dtype="float32", loss="sparse_categorical_crossentropy")
        history = model.fit(x, labels, batch_size=16, epochs=2, validation_split=0.25, verbose=0).history
        return history, model.predict(x), model(x), model.evaluate(x, labels)

    if form.startswith("tensor"):
        torch = pytest.importorskip("torch", reason="PyTorch is not installed")
        given = torch.from_numpy(images)
        given = given if form == "tensor" else given.permute(0, 3, 1, 2).contiguous().permute(0, 2, 3, 1)
    else:
        given = FORMS[form](images)
    plain = np.ascontiguousarray(images, np.float32)
    for ours, theirs in zip(trained(given), trained(plain), strict=True):
        if isinstance(ours, dict):
            assert ours == theirs
        else:
            assert_array_equal(ours, theirs)


def test_images_without_channels(engine, images):
    gray, labels = images[..., 0], np.arange(64) % 3
    found = []
    for x in (gray, gray[..., None], gray.reshape(64, -1)):
        layers = [Flatten(), Dense(4, "relu"), Dense(3, "softmax")]
        model = of_layers(*layers, engine=engine, dtype="float32", loss="sparse_categorical_crossentropy")
        model.fit(x, labels, epochs=2, verbose=0)
        found.append(model.predict(x))
        assert model.input_shape == x.shape[1:]
    for other in found[1:]:
        assert_array_equal(other, found[0])


@pytest.mark.parametrize("view", ["contiguous", "every other row"])
def test_images_are_not_copied_whole(view, rng):
    x = rng.integers(0, 256, (8000, 28, 28), np.uint8)
    x = x[::2] if view == "every other row" else x[:4000]
    labels = np.arange(4000) % 3
    layers, loss = [Flatten(), Dense(4, "relu"), Dense(3, "softmax")], "sparse_categorical_crossentropy"
    model = of_layers(*layers, dtype="float32", loss=loss, metrics=["accuracy"]).build((28, 28))
    tracemalloc.start()
    try:
        model.fit(x, labels, epochs=1, verbose=0)
        model.evaluate(x, labels, batch_size=64)
        model.predict(x, batch_size=64)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < x.nbytes / 2  # 3.1 MB are x as they are, 12.5 MB as floats


# What is refused, and what the errors say.


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (lambda X: X.transpose(0, 3, 1, 2), r"X is \(24, 5, 4, 3\).*channels last; write X.transpose\(0, 2, 3, 1\)"),
        (lambda X: X.reshape(24, 60), r"X is \(24, 60\), expected \(rows, 4, 3, 5\); write X.reshape\(-1, 4, 3, 5\)"),
        (lambda X: X[0], r"X is \(4, 3, 5\), expected \(rows, 4, 3, 5\); one row is X\[None\]"),
        (lambda X: X[..., :4], r"X is \(24, 4, 3, 4\), expected \(rows, 4, 3, 5\)$"),
        (lambda X: X[0, 0, 0], r"X is \(5,\), expected \(rows, 4, 3, 5\)$"),
        (lambda X: X[..., None], r"write X.reshape\(-1, 4, 3, 5\)"),
    ],
    ids=["channels first", "flat", "one row", "narrow", "one place", "an axis too many"],
)
def test_rows_of_another_shape(given, text, engine, X, y):
    model = with_axes(engine)
    for call in (model.predict, model, model.vjp, lambda x: model.fit(x, y), lambda x: model.evaluate(x, y)):
        with pytest.raises(ValueError, match=text):
            call(given(X))
    # What it says to write is taken.
    assert model(X[0][None]).shape == (1, 4, 3, 2)
    assert_array_equal(model(X.transpose(0, 3, 1, 2).transpose(0, 2, 3, 1)), model(X))


def test_no_rows(engine, X):
    model = with_axes(engine)
    assert model.predict(X[:0]).shape == model(X[:0]).shape == (0, 4, 3, 2)
    assert model.transform(X[:0], 0).shape == (0, 4, 3, 6)
    with pytest.raises(ValueError, match=r"X is \(0, 4, 3, 5\): it has no rows"):
        model.fit(X[:0], np.zeros((0, 4, 3, 2)))
    with pytest.raises(ValueError, match=r"X is \(3, 0, 5\): its rows are empty"):
        of_layers(Dense(2), engine=engine).predict(np.zeros((3, 0, 5)))


def test_tables_are_refused(X, y):
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    model = with_axes()
    with pytest.raises(
        ValueError,
        match=r"X is a table, but the model .* \(4, 3, 5\); write np.asarray\(X\).reshape\(-1, 4, 3, 5\)",
    ):
        model.fit(pandas.DataFrame(X.reshape(24, 60)), y)
    with pytest.raises(ValueError, match=r"X is a table, but the model takes rows of shape \(4, 3, 5\)$"):
        model.predict(pandas.DataFrame(X.reshape(-1, 5)))
    with pytest.raises(ValueError, match=r"rows of shape \(4, 3, 5\) have no columns to name"):
        model.feature_names = list("abcde")
    reshaped = of_layers(Reshape(SHAPE, inputs=60), Dense(2))  # a table of whole rows
    assert reshaped.predict(pandas.DataFrame(X.reshape(24, 60))).shape == (24, 4, 3, 2)


def test_targets_of_another_shape(engine, X, y):
    model = with_axes(engine)
    for wrong in (y[:, 0], y.reshape(24, -1), np.zeros(24), np.zeros((24, 2)), y[..., :1]):
        text = rf"y is \({wrong.shape[0]},.*but the network puts out rows of shape \(4, 3, 2\)"
        with pytest.raises(ValueError, match=text):
            model.fit(X, wrong)
    with pytest.raises(ValueError, match=r"X has 24 rows but y is \(10, 4, 3, 2\)"):
        model.fit(X, y[:10])
    bad = y.copy()
    bad[3, 1, 2, 0] = np.nan
    with pytest.raises(ValueError, match=r"y\[3, 1, 2, 0\] is nan; a target that is missing"):
        model.fit(X, bad)
    bad = X.copy()
    bad[5, 0, 1, 4] = np.inf
    with pytest.raises(ValueError, match=r"X\[5, 0, 1, 4\] is inf"):
        model.fit(bad, y)
    with pytest.raises(ValueError, match="class_weight is for rows of one class"):
        model.fit(X, (y > 0) * 1.0, class_weight={0: 1, 1: 2})
    with pytest.raises(ValueError, match=r"pullback: dy is \(24, 24\) but y is \(24, 4, 3, 2\)"):
        model.vjp(X)[1](y.reshape(24, -1))


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "kl_divergence", "gaussian_nll", "nll"])
def test_losses_of_rows_name_flatten(loss, engine, X):
    model = of_layers(Dense(4, {"nll": "log_softmax", "gaussian_nll": None}.get(loss, "softmax")), engine=engine)
    with pytest.raises(ValueError, match=r"rows of shape \(4, 3, 4\): put a Flatten before the last dense layer"):
        model.compile("sgd", loss).fit(X, np.zeros(24, int), verbose=0)
    assert model.input_shape is None  # the model takes other rows still
    assert model.build(60).outputs == 4


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (
            lambda: dk.Sequential([Input((4, 6)), Reshape((5, 5))]),
            ValueError,
            "24 numbers, which do not fit",
        ),
        (
            lambda: dk.Sequential([Input((4, 6)), Reshape((5, -1))]),
            ValueError,
            "24 numbers, which do not fit",
        ),
        (lambda: Reshape((-1, -1)), ValueError, "one length of shape may be -1"),
        (lambda: Reshape((2, 0)), ValueError, "shape must be a whole number from 1"),
        (lambda: Reshape((2, -2)), ValueError, "shape must be a whole number from 1"),
        (lambda: Reshape(()), ValueError, "shape must have 1 to 8 axes"),
        (lambda: Reshape((1,) * 9), ValueError, "shape must have 1 to 8 axes"),
        (lambda: Reshape((2.5, 2)), TypeError, "shape must be a whole number, got 2.5"),
        (lambda: Flatten(data_format="channels_first"), TypeError, "rows are channels last"),
        (lambda: dk.Sequential([Input((2, 3)), Dense(1, inputs=3)]), ValueError, r"Input\(\(2, 3\)\), but the first"),
        (lambda: dk.Sequential([Input((2, 3)), Flatten(), Dense(1, inputs=5)]), ValueError, "inputs=5, but 6 columns"),
        (
            lambda: dk.Sequential([Dense(1), Dense(1, inputs=3)]).build((2, 1)),
            ValueError,
            r"shape \(2, 1\) come",
        ),
        (lambda: dk.Sequential([Input((4, 6)), Residual([Dense(5)])]), ValueError, r"\(4, 6\) comes in and \(4, 5\)"),
        (lambda: dk.Sequential([Input((4, 6)), Residual([Flatten()])]), ValueError, r"comes in and \(24,\) comes out"),
        (lambda: dk.Sequential([Dense(64)]).build((1 << 44, 1)), ValueError, r"makes rows of shape .* than 2\^48"),
    ],
)
def test_shapes_that_cannot_be(make, kind, text):
    with pytest.raises(kind, match=text):
        make()
