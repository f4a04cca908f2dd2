"""What scikit-learn's users do with an estimator: data of all kinds, pipelines, grids, routing; wrong data."""

from __future__ import annotations

import pickle
import tracemalloc

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

import scipy.sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from densekit.preprocessing import StandardScaler
from densekit.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def flowers():
    X, y = load_iris(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def quick(**settings):
    return MLPClassifier(
        **{"hidden_layer_sizes": (12,), "max_iter": 20, "learning_rate_init": 0.01, "random_state": 0, **settings}
    )


def equal(a, b, rtol=0.0):
    for x, y in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        np.testing.assert_allclose(x, y, rtol=rtol, atol=rtol)


# Kinds of data.


def test_float32_stays_float32(flowers):
    X, y = flowers
    for solver in ("adam", "lbfgs"):
        model = quick(solver=solver).fit(X.astype(np.float32), y)
        assert {a.dtype for a in model.coefs_ + model.intercepts_} == {np.dtype(np.float32)}
        assert model.predict_proba(X).dtype == np.float32
    assert MLPRegressor(max_iter=2).fit(X.astype(np.float32), y).predict(X.astype(np.float32)).dtype == np.float32


@pytest.mark.parametrize("kind", ["F", "strided", "int", "list", "big-endian", "read-only"])
def test_arrays_of_all_kinds(kind, flowers):
    X, y = flowers
    X = np.round(4 * X)
    given = {
        "F": np.asfortranarray(X),
        "strided": np.repeat(X, 2, axis=0)[::2],
        "int": X.astype(np.int16),
        "list": X.tolist(),
        "big-endian": X.astype(">f8"),
        "read-only": X.copy(),
    }[kind]
    if kind == "read-only":
        given.flags.writeable = False
    a, b = quick().fit(given, y), quick().fit(X, y)
    equal(a, b)
    np.testing.assert_array_equal(a.predict_proba(given), b.predict_proba(X))


@pytest.mark.parametrize("module", ["pandas", "polars"])
def test_data_frames(module, flowers):
    frames = pytest.importorskip(module, reason=f"{module} is not installed")
    X, y = flowers
    names = ["a", "b", "c", "d"]
    table = frames.DataFrame({name: X[:, i] for i, name in enumerate(names)})
    labels = np.array(["x", "y", "z"])[y]
    model = quick(early_stopping=True).fit(table, frames.Series(labels), X_val=table, y_val=frames.Series(labels))
    assert model.feature_names_in_.tolist() == names
    assert model.classes_.tolist() == ["x", "y", "z"]
    expected = quick(early_stopping=True).fit(X, labels, X_val=X, y_val=labels)
    np.testing.assert_array_equal(model.predict(table), expected.predict(X))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(table[["b", "a", "c", "d"]])


SETTINGS = [
    {},
    {"solver": "lbfgs"},
    {"solver": "sgd", "early_stopping": True},
    {"batch_size": 7, "batch_norm": True, "dropout": 0.1},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("container", [scipy.sparse.csr_matrix, scipy.sparse.csr_array, scipy.sparse.csc_array])
@pytest.mark.parametrize("weighted", [False, True])
def test_sparse_gives_what_dense_gives(container, settings, weighted, flowers, monkeypatch):
    monkeypatch.setattr("densekit.sklearn._rows._DENSE_BYTES", 2000)  # several parts
    X, y = flowers
    X = X * (abs(X) > 0.5)
    w = np.linspace(0, 2, len(y)) if weighted else None
    a = quick(alpha=0.1, **settings).fit(container(X), y, sample_weight=w)
    b = quick(alpha=0.1, **settings).fit(X, y, sample_weight=w)
    exact = 0.0 if settings.get("solver") != "lbfgs" else 1e-6  # its sums are over parts
    equal(a, b, exact)
    np.testing.assert_allclose(a.loss_, b.loss_, rtol=1e-9)
    np.testing.assert_allclose(a.predict_proba(container(X)), b.predict_proba(X), rtol=max(exact, 1e-12), atol=exact)


def test_a_sparse_table_is_never_dense_as_a_whole(rng):
    X = scipy.sparse.random(4000, 4000, density=2e-4, random_state=rng, format="csr")
    y = rng.integers(0, 2, 4000)
    tracemalloc.start()
    quick(hidden_layer_sizes=(2,), max_iter=2).fit(X, y, X_val=X, y_val=y).predict(X)
    quick(hidden_layer_sizes=(2,), max_iter=2, solver="lbfgs").fit(X, y)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 40e6  # 128 MB if it were dense


def test_one_batch_of_one_row_joins_with_batch_norm(flowers):
    X, y = flowers
    assert quick(batch_norm=True, batch_size=149).fit(X, y).n_iter_ == 20
    with pytest.raises(ValueError, match="batch"):
        quick(batch_norm=True).partial_fit(X[:1], y[:1], classes=[0, 1, 2])


# Wrong data.


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("how", ["dense", "sparse", "pandas"])
def test_the_column_of_what_is_not_finite_is_named(value, how, flowers):
    X, y = flowers
    X = X.copy()
    X[17, 2] = value
    name = ""
    if how == "sparse":
        X = scipy.sparse.csr_array(X)
    if how == "pandas":
        X, name = pytest.importorskip("pandas").DataFrame(X, columns=list("abcd")), r" \('c'\)"
    message = rf"Input X contains (NaN|infinity).* in column 2{name}, first in row 17\."
    with pytest.raises(ValueError, match=message):
        quick().fit(X, y)
    model = quick().fit(*flowers)
    with pytest.raises(ValueError, match=r"Input X contains.* in column 2"):
        model.predict(np.asarray(X) if how == "pandas" else X)


def test_errors_that_scikit_learns_users_know(flowers):
    X, y = flowers
    regressor = MLPRegressor(max_iter=2)
    for call, message in (
        (lambda: quick().fit(X[0], y), "Expected 2D array, got 1D array instead"),
        (lambda: quick().fit(X, y[:-1]), "inconsistent numbers of samples"),
        (lambda: quick().fit(X, None), "requires y to be passed"),
        (lambda: quick().fit(X, X[:, 0]), "Unknown label type"),
        (lambda: quick().fit(X[:0], y[:0]), "Found array with 0 sample"),
        (lambda: quick().fit(X[:, :0], y), "Found array with 0 feature"),
        (lambda: quick().fit(X, y, sample_weight=np.ones(3)), "sample_weight.shape"),
        (lambda: quick().fit(X, y, sample_weight=-np.ones(150)), r"sample_weight\[0\] is -1.0"),
        (lambda: quick().fit(X, y, sample_weight=np.zeros(150)), "zero"),
        (lambda: quick().fit(X, y).predict(X[:, :3]), "X has 3 features, but MLPClassifier is expecting 4 features"),
        (lambda: quick().fit(X * 1j, y), "Complex data not supported"),
        (lambda: quick().partial_fit(X, y), "classes must be passed on the first call"),
        (lambda: quick().partial_fit(X, y, classes=[0, 1]), "`y` has classes not in `self.classes_`"),
        (lambda: regressor.fit(X, np.where(y == 1, np.nan, y)), "Input y contains NaN"),
        (
            lambda: regressor.fit(X, np.array(list("ab") * 75)),
            "y holds strings such as .*'a'.*; for classes take MLPClassifier",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    for call in (lambda: quick().predict(X), lambda: quick().predict_proba(X), lambda: regressor.predict(X)):
        with pytest.raises((NotFittedError, ValueError)):
            call()
    with pytest.raises(NotFittedError, match="This MLPClassifier instance is not fitted yet"):
        quick().predict(X)
    with pytest.raises(AttributeError, match="partial_fit"):
        quick(solver="lbfgs").partial_fit(X, y)
    with pytest.warns(UserWarning, match="It is going to be clipped"):
        quick(batch_size=1000).fit(X, y)


# Life among other estimators.


def test_clone_pickle_and_repr(flowers):
    X, y = flowers
    model = quick(dropout=0.1, class_weight={0: 2.0}, early_stopping=True).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    equal(model, again)
    np.testing.assert_array_equal(model.predict_proba(X), again.predict_proba(X))
    assert again.history_ == model.history_
    fresh = clone(model)
    assert fresh.get_params() == model.get_params()
    assert not hasattr(fresh, "model_")
    assert repr(quick(dropout=0.1, max_iter=200)) == (
        "MLPClassifier(dropout=0.1, hidden_layer_sizes=(12,), learning_rate_init=0.01,\n              random_state=0)"
    )


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_grid_search(backend, flowers):
    joblib = pytest.importorskip("joblib")
    X, y = flowers
    grid = {"mlpclassifier__hidden_layer_sizes": [(4,), (12,)], "mlpclassifier__dropout": [0.0, 0.2]}
    pipe = make_pipeline(StandardScaler(), quick(max_iter=40))
    with joblib.parallel_backend(backend, n_jobs=2):
        search = GridSearchCV(pipe, grid, cv=2, n_jobs=2, error_score="raise").fit(X, y)
    alone = GridSearchCV(pipe, grid, cv=2).fit(X, y)
    np.testing.assert_array_equal(search.cv_results_["mean_test_score"], alone.cv_results_["mean_test_score"])
    assert search.best_score_ > 0.8


def test_pipeline_with_set_output(flowers):
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    X, y = flowers
    table = pd.DataFrame(X, columns=list("abcd"))
    pipe = make_pipeline(StandardScaler(), quick()).set_output(transform="pandas").fit(table, y)
    assert pipe[-1].feature_names_in_.tolist() == list("abcd")
    np.testing.assert_array_equal(pipe.predict(table), pipe.predict(table))


def test_metadata_routing(flowers):
    X, y = flowers
    w = np.linspace(0.1, 2, len(y))
    with config_context(enable_metadata_routing=True):
        model = quick().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipe = make_pipeline(StandardScaler(), model)
        pipe[0].set_fit_request(sample_weight=False)
        pipe.fit(X, y, sample_weight=w)
    expected = quick().fit(StandardScaler().fit_transform(X), y, sample_weight=w)
    equal(pipe[-1], expected)
    with config_context(enable_metadata_routing=True):
        requests = MLPRegressor().set_fit_request(X_val=True, y_val=True, sample_weight_val=False)
        requests.set_predict_request(return_std=True)
    assert requests.get_metadata_routing().fit.requests["X_val"] is True


def test_validation_rows_go_through_a_pipeline(flowers):
    from sklearn.pipeline import Pipeline

    X, y = flowers
    try:
        pipe = Pipeline([("scale", StandardScaler()), ("net", quick(max_iter=3))], transform_input=["X_val"])
    except TypeError:
        pytest.skip("this scikit-learn's Pipeline has no transform_input")
    with config_context(enable_metadata_routing=True):
        pipe["net"].set_fit_request(X_val=True, y_val=True)
        pipe.fit(5 * X + 7, y, X_val=5 * X + 7, y_val=y)
    assert pipe["net"].history_["val_score"][-1] == pipe.score(5 * X + 7, y)


def test_cross_validation_of_a_regressor(flowers):
    X, _ = flowers
    model = MLPRegressor(hidden_layer_sizes=(8,), solver="lbfgs", random_state=0, max_iter=50)
    assert cross_val_score(model, X[:, :3], X[:, 3], cv=3).shape == (3,)
