"""What people pass as X, y and weights: what is taken, and what refusals say."""

from __future__ import annotations

import numpy as np
import pytest

import densekit as dk
from densekit import _data as data
from densekit.layers import Dense


def classifier(classes=3, loss="sparse_categorical_crossentropy", activation="softmax", dtype="float32", seed=0):
    model = dk.Sequential([Dense(classes, activation)], seed=seed, dtype=dtype, engine="reference")
    return model.compile("sgd", loss)


def regressor(outputs=1, loss="mse", dtype="float64"):
    return dk.Sequential([Dense(outputs)], seed=0, dtype=dtype, engine="reference").compile("sgd", loss)


class Frame:
    """What NumPy sees of a data frame."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype)


class Sparse:
    def toarray(self):
        return np.eye(3)


X = np.arange(24.0).reshape(8, 3) / 24
LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1])


@pytest.mark.parametrize(
    "given",
    [
        X.tolist(),
        Frame(X),
        np.asfortranarray(X),
        X.astype(">f8"),
        np.repeat(X, 2, axis=0)[::2],
        X[::-1][::-1],
        np.frombuffer(b"\0" + X.tobytes(), np.uint8)[1:].view(np.float64).reshape(X.shape),
    ],
    ids=["list", "frame", "fortran", "byte-swapped", "strided", "reversed", "misaligned"],
)
def test_every_kind_of_array_is_taken(engine, given):
    def trained(x):
        model = dk.Sequential([Dense(3, "softmax")], seed=0, dtype="float64", engine=engine)
        model.compile("sgd", "sparse_categorical_crossentropy").fit(x, LABELS, epochs=2, verbose=0)
        return model

    ours, plain = trained(given), trained(X)
    np.testing.assert_array_equal(ours.layers[0].kernel, plain.layers[0].kernel)
    np.testing.assert_array_equal(ours.predict(given), plain.predict(X))
    assert ours.evaluate(given, LABELS) == plain.evaluate(X, LABELS)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.int64, np.uint32, bool, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_real_type_is_taken(engine, kind, dtype, rng):
    x = rng.integers(0, 2 if kind is bool else 100, (20, 4)).astype(kind)
    models = [dk.Sequential([Dense(1)], seed=0, dtype=dtype, engine=engine).compile("sgd", "mse") for _ in range(2)]
    for model, given in zip(models, (x, x.astype(dtype)), strict=True):
        model.set_lr(1e-5)
        model.fit(given, np.ones(20), epochs=2, verbose=0)
    np.testing.assert_array_equal(models[0].layers[0].kernel, models[1].layers[0].kernel)
    assert models[0].predict(x).dtype == dtype


def test_inputs_are_never_changed_and_may_be_read_only(engine):
    x, y, w = X.copy(), LABELS.copy(), np.linspace(1, 2, 8)
    for array in (x, y, w):
        array.setflags(write=False)
    model = dk.Sequential([Dense(3, "softmax")], seed=0, engine=engine)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, sample_weight=w, class_weight="balanced", validation_split=0.25, verbose=0)
    model.evaluate(x, y, w)
    model.vjp(x)[1](np.ones((8, 3)))
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, LABELS)


@pytest.mark.parametrize(
    ("given", "kind", "text"),
    [
        (X[0], ValueError, r"fit: X is \(3,\), expected \(rows, 3\); one row is X.reshape\(1, -1\)"),
        (X.reshape(2, 2, 6), ValueError, r"X is \(2, 2, 6\), .*; flatten the rows with X.reshape\(len\(X\), -1\)"),
        (X[:, :2], ValueError, r"fit: X is \(8, 2\) but the model takes 3 columns"),
        (X[:0], ValueError, r"fit: X is \(0, 3\): it has no rows"),
        (Sparse(), TypeError, r"fit: X is a sparse Sparse; convert it with X.toarray\(\)"),
        (None, TypeError, "fit: X is None"),
        ([["a", 1, 2]], TypeError, "fit: X holds strings such as 'a'; encode them as numbers"),
        ([[1, 2], [3]], ValueError, "fit: X is not a rectangular array"),
        (X + 1j, TypeError, "fit: X is complex128, expected real numbers"),
        (np.array([[None] * 3] * 8), TypeError, "fit: X is object, with values such as None; convert it"),
        (np.ma.masked_array(X), TypeError, r"X is a masked array; fill it first, e.g. X.filled\(0\)"),
        (np.where(X[5, 1] == X, np.nan, X), ValueError, r"fit: X\[5, 1\] is nan; fill such values or drop their rows"),
        (np.where(X[7, 2] == X, -np.inf, X), ValueError, r"fit: X\[7, 2\] is -inf"),
    ],
)
def test_refused_inputs(given, kind, text):
    model = classifier().build(3)
    with pytest.raises(kind, match=text):
        model.fit(given, LABELS, verbose=0)


def test_nan_goes_through_predict_and_stays_in_its_row(engine):
    x = X.copy()
    x[2, 1] = np.nan
    model = dk.Sequential([Dense(3, "relu"), Dense(2)], seed=0, engine=engine)
    y = model.predict(x)
    assert np.isnan(y[2]).all()
    np.testing.assert_array_equal(np.delete(y, 2, axis=0), np.delete(model.predict(X), 2, axis=0))


def test_large_sums_are_no_infinities():
    x = np.full((3, 3), 1.5e308)
    data.require_finite("fit", "X", x)  # the sum overflows, no element is infinite
    x[2, 2] = np.inf
    with pytest.raises(ValueError, match=r"X\[2, 2\] is inf"):
        data.require_finite("fit", "X", x)


@pytest.mark.parametrize(
    "y",
    [
        LABELS,
        LABELS.tolist(),
        LABELS.astype(np.uint8),
        LABELS.astype(np.float32),
        LABELS[:, None],
        Frame(LABELS),
        LABELS.astype(">i4"),
    ],
    ids=["int64", "list", "uint8", "float32", "column", "series", "byte-swapped"],
)
def test_labels_in_every_form(y):
    plain = classifier().fit(X, LABELS, epochs=2, verbose=0).history
    assert classifier().fit(X, y, epochs=2, verbose=0).history == plain


def test_one_hot_rows_are_labels_too():
    plain = classifier(dtype="float64").fit(X, LABELS, epochs=2, verbose=0).history["loss"]
    one_hot = np.eye(3)[LABELS]
    for y in (one_hot, one_hot.astype(bool), one_hot.astype(int).tolist()):
        hot = classifier(loss="categorical_crossentropy", dtype="float64").fit(X, y, epochs=2, verbose=0)
        np.testing.assert_allclose(hot.history["loss"], plain, rtol=1e-12)


def test_booleans_and_columns_of_binary_targets():
    y = LABELS == 1
    histories = [
        classifier(1, "binary_crossentropy", "sigmoid").fit(X, given, epochs=2, verbose=0).history
        for given in (y, y[:, None], y.astype(int), y.astype(float))
    ]
    assert all(h == histories[0] for h in histories)


def test_a_vector_of_targets_is_a_column():
    y = X @ [1.0, 2.0, 3.0]
    assert regressor().fit(X, y, verbose=0).history == regressor().fit(X, y[:, None], verbose=0).history


@pytest.mark.parametrize(
    ("model", "y", "kind", "text"),
    [
        (classifier, ["cat"] * 8, TypeError, r"y holds strings such as 'cat'; write classes, y = np.unique\("),
        (classifier, np.array(["a"] * 8, object), TypeError, "densekit.sklearn.MLPClassifier, which does that"),
        (classifier, LABELS[:5], ValueError, r"fit: X has 8 rows but y is \(5,\)"),
        (classifier, None, TypeError, "fit: y is None"),
        (classifier, LABELS + 1, ValueError, r"target\[2\] is 3, .* labels count from 0: write y - 1"),
        (classifier, LABELS + 2, ValueError, r"the last layer has 3 unit\(s\), and 4 is the label of class 5"),
        (classifier, LABELS - 1, ValueError, r"number the classes with np.unique\(y, return_inverse=True\)\[1\]"),
        (classifier, LABELS + 0.5, ValueError, r"target\[0\] is 0.5, expected a label from 0 to 2"),
        (classifier, np.eye(3)[LABELS], ValueError, "rows of probabilities take loss='categorical_crossentropy'"),
        (
            lambda: classifier(loss="categorical_crossentropy"),
            LABELS,
            ValueError,
            "labels .*sparse_categorical_crossentropy",
        ),
        (
            lambda: classifier(loss="categorical_crossentropy"),
            np.ones((8, 3)),
            ValueError,
            r"row 0 of y sums to 3, expected 1; several classes at once take Dense\(3, 'sigmoid'\)",
        ),
        (
            lambda: classifier(1, "binary_crossentropy", "sigmoid"),
            LABELS,
            ValueError,
            r"labels of several classes take Dense\(3, 'softmax'\)",
        ),
        (
            lambda: classifier(1, "binary_crossentropy", "sigmoid"),
            np.where(LABELS, 1, -1),
            ValueError,
            r"write \(y \+ 1\) / 2",
        ),
        (lambda: regressor(2), X[:, 0], ValueError, r"for these targets the last layer has 1 unit\(s\)"),
        (lambda: regressor(1), X[:, :2], ValueError, r"for these targets the last layer has 2 unit\(s\)"),
        (lambda: regressor(1, "gaussian_nll"), X[:, 0], ValueError, "two for each column"),
        (lambda: regressor(4, "gaussian_nll"), X[:, 0], ValueError, r"the last layer has 2 unit\(s\)"),
        (lambda: regressor(1, "poisson"), -X[:, 0], ValueError, "a count, 0 or more"),
        (lambda: regressor(1), np.where(X[:, 0] > 0.5, np.nan, 0.0), ValueError, r"fit: y\[5\] is nan"),
        (lambda: regressor(1), X.reshape(8, 3, 1), ValueError, r"\(8, 3, 1\)"),
    ],
)
def test_refused_targets(model, y, kind, text):
    with pytest.raises(kind, match=text):
        model().fit(X, y, verbose=0)


def test_ignored_labels_count_nowhere(engine):
    y = LABELS.copy()
    y[[1, 4]] = -100
    loss = dk.losses.SparseCategoricalCrossentropy(ignore_index=-100)

    def trained(x, y):
        model = dk.Sequential([Dense(3, "softmax")], seed=0, dtype="float64", engine=engine)
        model.compile("sgd", loss, metrics=["accuracy"])
        history = model.fit(x, y, batch_size="full", epochs=3, verbose=0)
        return history.history, model.evaluate(x, y, batch_size=3)

    kept = y >= 0
    for ours, theirs in zip(trained(X, y), trained(X[kept], y[kept]), strict=True):
        for key, value in ours.items():
            np.testing.assert_allclose(value, theirs[key], rtol=1e-12)


def test_class_weights():
    labels = np.array([0, 0, 0, 1])
    for given, expected in [
        ("balanced", [4 / 6, 4 / 6, 4 / 6, 2]),
        ({1: 5}, [1, 1, 1, 5]),
        ({np.int64(0): 0.5}, [0.5, 0.5, 0.5, 1]),
        ([1, 2, 3], [1, 1, 1, 2]),
        (None, None),
    ]:
        weights = data.row_weights("fit", None, given, labels, (3,))
        np.testing.assert_allclose(weights, expected) if expected else None
        assert (weights is None) == (expected is None)
    np.testing.assert_allclose(data.row_weights("fit", [1, 2, 3, 4], {0: 2}, labels, (2,)), [2, 4, 6, 4])
    np.testing.assert_allclose(data.row_weights("fit", None, {1: 5}, np.eye(3)[labels], (3,)), [1, 1, 1, 5])
    np.testing.assert_allclose(data.row_weights("fit", None, {1: 5}, labels[:, None] * 1.0, (1,)), [1, 1, 1, 5])
    for bad, text in [
        ("equal", "class_weight must be 'balanced', a dict or an array, got 'equal'"),
        ({3: 1}, "class_weight has 3, but classes are numbered from 0 to 2"),
        ({"a": 1}, "class_weight has 'a'"),
        ([1, 2], r"class_weight is \(2,\), expected \(3,\)"),
        ({0: -1}, r"class_weight\[0\] is -1"),
    ]:
        with pytest.raises(ValueError, match=text):
            data.row_weights("fit", None, bad, labels, (3,))
    with pytest.raises(ValueError, match="class_weight needs classes, but y are numbers; use sample_weight"):
        data.row_weights("fit", None, "balanced", np.array([[0.3], [1.7]]), (1,))


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        (np.ones(5), r"sample_weight is \(5,\), expected \(8,\)"),
        (np.r_[-1.0, np.ones(7)], r"sample_weight\[0\] is -1"),
        (np.r_[np.ones(7), np.nan], r"sample_weight\[7\] is nan"),
        (np.zeros(8), "every sample_weight is zero"),
    ],
)
def test_refused_weights(weights, text):
    for call in (classifier().fit, classifier().evaluate, classifier().train_on_batch):
        with pytest.raises(ValueError, match=text):
            call(X, LABELS, sample_weight=weights)


@pytest.mark.parametrize(
    ("rows", "size", "drop", "joins", "expected"),
    [
        (10, 4, False, False, [(0, 4), (4, 8), (8, 10)]),
        (9, 4, False, False, [(0, 4), (4, 8), (8, 9)]),
        (9, 4, False, True, [(0, 4), (4, 9)]),
        (9, 4, True, True, [(0, 4), (4, 8)]),
        (8, 4, True, False, [(0, 4), (4, 8)]),
        (3, 4, True, False, []),
        (1, 4, False, True, [(0, 1)]),
        (3, 1, False, False, [(0, 1), (1, 2), (2, 3)]),
    ],
)
def test_batches(rows, size, drop, joins, expected):
    assert data.batches(rows, size, drop, joins) == expected


def test_data_frames_of_pandas():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    frame, series = pandas.DataFrame(X, columns=list("abc")), pandas.Series(LABELS)
    assert classifier().fit(frame, series, verbose=0).history == classifier().fit(X, LABELS, verbose=0).history
    with pytest.raises(TypeError, match="holds strings such as 'x'"):
        classifier().fit(frame.assign(c="x"), series, verbose=0)


def test_scipys_sparse_matrices_are_refused():
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    with pytest.raises(TypeError, match=r"X is a sparse csr_array; convert it with X.toarray\(\)"):
        classifier().fit(sparse.csr_array(X), LABELS, verbose=0)
