"""densekit.manifold and the made-up data: dimensions that are known, hidden spaces, hand-over to scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

import densekit as dk
from densekit import datasets, manifold
from densekit.layers import Dense


@pytest.mark.parametrize("seed", range(4))
def test_swiss_roll_has_two_dimensions(seed):
    X, _ = datasets.swiss_roll(2000, seed=seed)
    assert abs(manifold.intrinsic_dimension(X).dimension - 2) < 0.2


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_dimension_does_not_depend_on_the_columns_around(dimension, rng):
    inside = rng.normal(size=(1500, dimension))
    turned = np.linalg.qr(rng.normal(size=(12, 12)))[0][:dimension]
    found = manifold.intrinsic_dimension(inside @ turned + 5)
    assert abs(float(found) - dimension) < 0.12 * dimension
    assert manifold.intrinsic_dimension(inside).dimension == pytest.approx(found.dimension, rel=1e-6)


def test_dimension_is_the_slope_of_its_points(rng):
    found = manifold.intrinsic_dimension(rng.random((200, 2)), discard=0.2)
    x, y = found.log_ratio, found.minus_log_rest
    assert len(x) == len(y) == 199
    assert found.used == 159
    assert (np.diff(x) >= 0).all()
    assert y[99] == pytest.approx(np.log(2))
    slope = np.linalg.lstsq(x[: found.used, None], y[: found.used], rcond=None)[0][0]
    assert found.dimension == pytest.approx(slope, rel=1e-10)


def test_equal_rows_count_once(rng):
    X = rng.random((100, 2))
    found = manifold.intrinsic_dimension(np.concatenate([X, X[:50]]))
    assert found.dimension == manifold.intrinsic_dimension(X).dimension


def test_autoencoder_finds_the_plane(rng):
    """Rows of a plane in eight dimensions come back through two units."""
    inside = rng.uniform(-1, 1, (400, 2))
    X = inside @ np.linalg.qr(rng.normal(size=(8, 8)))[0][:2]
    model = manifold.autoencoder(8, (), 2, seed=0)
    model.fit(X, X, epochs=150, verbose=0)
    assert model.evaluate(X, X)["loss"] < 0.01 * X.var()
    assert abs(float(manifold.intrinsic_dimension(model.transform(X, "latent"))) - 2) < 0.3


def test_autoencoder_bends_with_the_data():
    X, _ = datasets.swiss_roll(500)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    losses = []
    for hidden in ((), (32, 16)):
        model = manifold.autoencoder(3, hidden, 2, seed=0)
        model.set_lr(0.01)
        model.fit(X, X, epochs=60, verbose=0)
        losses.append(model.evaluate(X, X)["loss"])
    assert losses[1] < 0.6 * losses[0], "layers that bend do better than the best plane"


def test_hidden_spaces_are_what_transform_gives():
    X, _ = datasets.spirals(60)
    model = dk.Sequential([Dense(5, "tanh"), Dense(3, "relu", name="narrow"), Dense(1)], seed=0)
    spaces = manifold.hidden_spaces(model, X)
    assert list(spaces) == ["dense", "narrow", "dense_1"]
    np.testing.assert_array_equal(spaces["narrow"], model.transform(X, "narrow"))
    np.testing.assert_array_equal(spaces["narrow"], model.transform(X))
    np.testing.assert_array_equal(spaces["dense_1"], model.predict(X))


def test_hidden_space_goes_to_scikit_learn():
    """A network that was told the digits puts them in clusters that KMeans finds, better than the pixels do."""
    cluster = pytest.importorskip("sklearn.cluster", reason="scikit-learn is not installed")
    from sklearn.decomposition import PCA
    from sklearn.metrics import adjusted_rand_score

    (X, y), (X_test, y_test) = datasets.load_digits()
    model = dk.Sequential([Dense(32, "relu"), Dense(10, "softmax")], seed=0)
    model.compile("adam", "sparse_categorical_crossentropy").fit(X, y, epochs=15, verbose=0)
    hidden = model.transform(X_test)
    assert PCA(2).fit_transform(hidden).shape == (360, 2)

    def agreement(rows):
        return adjusted_rand_score(y_test, cluster.KMeans(10, n_init=5, random_state=0).fit_predict(rows))

    assert agreement(hidden) > agreement(X_test) + 0.05


# Data.


@pytest.mark.parametrize("make", [datasets.swiss_roll, datasets.pass_fail, datasets.moons, datasets.spirals])
def test_data_are_a_function_of_the_seed(make):
    first, again, other = make(50, seed=7), make(50, seed=7), make(50, seed=8)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first[0] != other[0]).any()
    assert first[0].dtype == np.float32
    assert len(first[0]) == len(first[1]) == 50
    with pytest.raises(ValueError, match=r"n must be a whole number from 2 .*, got 1"):
        make(1)
    with pytest.raises(ValueError, match="noise must be"):
        make(10, noise=-1)


def test_will_i_pass_the_class():
    """Logistic regression is one unit with the binary cross entropy; and 0.1 for somebody who passed costs 2.302585."""
    X, y = datasets.pass_fail(1000, noise=0.5)
    model = dk.Sequential([Dense(1, "sigmoid")], seed=0).compile(dk.optimizers.Adam(0.05), "bce", ["accuracy"])
    model.fit(X, y, epochs=60, verbose=0)
    assert model.evaluate(X, y)["accuracy"] > 0.93
    assert dk.functional.binary_cross_entropy([0.1], [1.0], from_logits=False)[0] == pytest.approx(2.302585, abs=1e-6)
    assert model.predict([[10, 9], [1, 1]]).round(2).tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize("data", ["moons", "spirals", "xor"])
def test_some_data_need_a_hidden_layer(data):
    X, y = getattr(datasets, data)(300) if data != "xor" else (np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), [0, 1, 1, 0])
    accuracy = []
    for hidden in ([], [Dense(32, "tanh"), Dense(32, "tanh")]):
        model = dk.Sequential([*hidden, Dense(1, "sigmoid")], seed=0)
        model.compile(dk.optimizers.Adam(0.02), "bce", ["accuracy"]).fit(X, y, epochs=100, verbose=0)
        accuracy.append(model.evaluate(X, y)["accuracy"])
    assert accuracy[0] < 0.95
    assert accuracy[1] > 0.97
    assert accuracy[1] - accuracy[0] > 0.05


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: manifold.intrinsic_dimension(np.ones((30, 2))), ValueError, "X has 1 different rows, expected 10"),
        (lambda: manifold.intrinsic_dimension(np.indices((5, 5)).reshape(2, -1).T), ValueError, "as on a grid"),
        (lambda: manifold.intrinsic_dimension(np.ones((30, 2)), discard=1), ValueError, "discard must be"),
        (lambda: manifold.autoencoder(4, (3, 0)), ValueError, r"hidden\[1\] must be a whole number from 1"),
        (lambda: datasets.spirals(arms=0), ValueError, "arms must be"),
    ],
)
def test_refusals(call, error, message):
    with pytest.raises(error, match=message):
        call()
