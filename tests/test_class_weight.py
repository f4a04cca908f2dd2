"""class_weight: the classes of rows, and of several columns the labels of each; never the argmax of something else."""

from __future__ import annotations

import numpy as np
import pytest
from models import assert_same

import densekit as dk
from densekit._data import _class_weights as class_weights
from densekit.layers import Dense

# Several labels a row, also none and all.
LABELS = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 1], [1, 1, 1], [0, 0, 1]], float)
ONE_HOT = np.eye(3)[[0, 2, 1, 1, 2, 2]]
TABLE = {0: 1.0, 1: 10.0, 2: 100.0}


def rows(class_weight, y, outputs=3):
    weights = class_weights("fit", class_weight, y, outputs)
    return None if weights is None else weights.tolist()


def test_one_hot_rows_have_the_class_of_the_row():
    assert rows(TABLE, ONE_HOT) == [1, 100, 10, 10, 100, 100]
    assert rows([1, 10, 100], ONE_HOT) == [1, 100, 10, 10, 100, 100]
    assert rows("balanced", ONE_HOT) == rows("balanced", ONE_HOT.argmax(axis=1)) == [2, 2 / 3, 1, 1, 2 / 3, 2 / 3]
    assert rows({1: 2.0}, 2 * ONE_HOT - 1) == [1, 1, 2, 2, 1, 1]  # as hinge losses have them


@pytest.mark.parametrize("class_weight", [TABLE, {0: 1, 1: 2}, [1, 10, 100], np.ones(3), {}])
def test_rows_of_several_labels_have_no_class(class_weight):
    """The argmax was taken: of a row without labels, and of one with all, class 0."""
    with pytest.raises(
        ValueError, match=r"row 0 of y has 0 ones in 3 columns.*list with \{0: weight, 1: weight\}.*3 columns"
    ):
        rows(class_weight, LABELS)
    almost = ONE_HOT.copy()
    almost[4, 0] = 1
    with pytest.raises(ValueError, match="row 4 of y has 2 ones"):
        rows(class_weight, almost)


def test_a_weight_for_each_label_of_each_column():
    """What a row weighs where its columns agree; where they do not, nothing is taken in its place."""
    y = np.array([[1, 1], [0, 0], [1, 1]], float)
    for tables in ([{0: 2, 1: 3}] * 2, ([2, 3], {0: 2, 1: 3}), np.array([[2, 3], [2, 3]])):
        assert rows(tables, y, 2) == [3, 2, 3]
    assert rows(["balanced", "balanced"], y, 2) == rows("balanced", y, 2) == [0.75, 1.5, 0.75]
    assert rows([None, None], y, 2) == [1, 1, 1]
    # Column 0 counts 5 where it is 1, column 1 where it is 0: one of each row.
    assert rows([{1: 5}, {0: 5}], np.array([[1, 0], [0, 1]], float), 2) == [5, 1]
    with pytest.raises(ValueError, match=r"row 2 different weights, 1 for column 0 and 4 for column 1.*sample_weight"):
        rows([{}, {1: 4}, None], LABELS)
    with pytest.raises(ValueError, match="columns of row 0 different weights"):
        rows("balanced", LABELS[1:])


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [
        ([{1: 2}] * 2, "class_weight has 2 columns, but y has 3"),
        ([{2: 2}] * 3, "has 2, but classes are numbered from 0 to 1"),
        ([{1: -2}] * 3, r"class_weight\[1\] is -2"),
        ([[1, 2, 3]] * 3, r"\(3,\), expected \(2,\)"),
        (["equal"] * 3, "'balanced'"),
    ],
)
def test_wrong_tables_of_columns(class_weight, message):
    with pytest.raises(ValueError, match=message):
        rows(class_weight, LABELS)


@pytest.mark.parametrize("class_weight", [{0: 1, 1: 100}, [1, 100], "balanced", [{0: 1, 1: 2}] * 2])
def test_numbers_have_no_classes(class_weight, rng):
    for y in (rng.normal(size=(6, 2)), rng.dirichlet(np.ones(2), 6), np.full((6, 2), 2.0), np.eye(2)[[0, 1]] * [1, -1]):
        with pytest.raises(
            ValueError, match=r"needs classes, but y are numbers; use sample_weight \(y\[\d, \d\] is .*\)"
        ):
            rows(class_weight, y, 2)
    with pytest.raises(ValueError, match="y are numbers"):
        rows(class_weight if isinstance(class_weight, str | dict) else [1, 2], rng.normal(size=(6, 1)), 1)


def test_one_column():
    y = np.array([[0], [1], [1]], float)
    for given in ({1: 3}, [1, 3], [{1: 3}], [[1, 3]]):
        assert rows(given, y, 1) == [1, 3, 3]
    assert rows({1: 3}, 2 * y - 1, 1) == [1, 3, 3]
    with pytest.raises(ValueError, match="y are numbers"):
        rows({1: 3}, y, 2)  # a mean and a variance


# In training.


@pytest.mark.parametrize("call", ["fit", "train_on_batch"])
def test_training_refuses_what_has_no_meaning(engine, call, rng):
    X = rng.normal(size=(6, 3))
    options = {"verbose": 0} if call == "fit" else {}
    labels = dk.Sequential([Dense(3, "sigmoid")], seed=0, engine=engine).compile("sgd", "binary_crossentropy")
    numbers = dk.Sequential([Dense(2)], seed=0, engine=engine).compile("sgd", "mse")
    soft = dk.Sequential([Dense(3, "softmax")], seed=0, engine=engine).compile("sgd", "categorical_crossentropy")
    for model, y, table, message in (
        (labels, LABELS, TABLE, f"{call}: row 0 of y has 0 ones"),
        (numbers, rng.normal(size=(6, 2)), {0: 1, 1: 100}, f"{call}: class_weight needs classes"),
        (soft, rng.dirichlet(np.ones(3), 6), TABLE, f"{call}: class_weight needs classes"),
    ):
        with pytest.raises(ValueError, match=message):
            getattr(model, call)(X, y, class_weight=table, **options)
        assert model.step == 0


@pytest.mark.parametrize(
    ("last", "loss", "y"),
    [
        (Dense(3, "softmax"), "categorical_crossentropy", ONE_HOT),
        (Dense(3, "sigmoid"), "binary_crossentropy", ONE_HOT),
        (Dense(3), "mse", ONE_HOT),
    ],
)
def test_training_with_one_hot_rows(engine, last, loss, y, rng):
    X = rng.normal(size=(6, 4))

    def trained(**weights):
        model = dk.Sequential([dk.layers.Dense(last.units, last.activation)], seed=0, dtype="float64", engine=engine)
        model.compile("adam", loss).fit(X, y, epochs=3, verbose=0, **weights)
        return model

    assert_same(trained(class_weight=TABLE), trained(sample_weight=[1, 100, 10, 10, 100, 100]))


def test_weights_of_labels_are_those_of_the_elements(engine, rng):
    """Where the columns of each row agree: the weighted mean over the elements, as NumPy counts it."""
    X, y = rng.normal(size=(6, 4)), np.repeat([[0.0], [1], [1], [0], [1], [0]], 2, axis=1)
    model = dk.Sequential([Dense(2, "sigmoid")], seed=0, dtype="float64", engine=engine)
    model.compile("sgd", "binary_crossentropy").build(4)
    p, v = model.predict(X), np.where(y == 1, 7.0, 0.5)
    expected = -(v * (y * np.log(p) + (1 - y) * np.log(1 - p))).sum() / v.sum()
    got = model.train_on_batch(X, y, class_weight=[{0: 0.5, 1: 7}] * 2)["loss"]
    assert got == pytest.approx(expected, rel=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimators_take_scikit_learns_lists(rng):
    """The product over the columns, as scikit-learn's forests; a dict is refused."""
    pytest.importorskip("sklearn")
    from densekit.sklearn import MLPClassifier

    X, y = rng.normal(size=(6, 3)), LABELS.astype(int)
    settings = {"max_iter": 3, "random_state": 0, "batch_size": 3}
    tables = [{0: 1, 1: 2}, {0: 1, 1: 3}, {0: 5, 1: 1}]
    product = np.where(LABELS == 1, [2, 3, 1], [1, 1, 5]).prod(axis=1)
    a = MLPClassifier((4,), class_weight=tables, **settings).fit(X, y)
    b = MLPClassifier((4,), **settings).fit(X, y, sample_weight=product)
    np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])
    with pytest.raises(ValueError, match="list of dicts"):
        MLPClassifier((4,), class_weight=TABLE, **settings).fit(X, y)
