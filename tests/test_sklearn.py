"""densekit.sklearn: scikit-learn's numbers for one random_state, its checks of estimators, the third program."""

from __future__ import annotations

import inspect
import pathlib
import re
import warnings

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from sklearn import neural_network as theirs  # noqa: E402
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from densekit.sklearn import MLPClassifier, MLPRegressor  # noqa: E402


@parametrize_with_checks([MLPClassifier(max_iter=100), MLPRegressor(max_iter=100)])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def fitted(cls, X, y, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return cls(max_iter=5, random_state=3, hidden_layer_sizes=(20, 7), **settings).fit(X, y)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize(
    "solver",
    [
        {"solver": "adam"},
        {"solver": "adam", "shuffle": False, "alpha": 0.1, "batch_size": 31},
        {"solver": "sgd", "learning_rate_init": 0.01},
        {"solver": "sgd", "learning_rate_init": 0.01, "nesterovs_momentum": False, "learning_rate": "invscaling"},
        {"solver": "sgd", "learning_rate_init": 0.01, "momentum": 0.0, "learning_rate": "adaptive"},
    ],
    ids=str,
)
@pytest.mark.parametrize("data", ["binary", "multiclass", "regression"])
def test_five_epochs_equal_scikit_learns(activation, solver, data):
    X, y = {"binary": load_breast_cancer, "multiclass": load_iris, "regression": load_diabetes}[data](return_X_y=True)
    X = StandardScaler().fit_transform(X)
    if data == "regression":
        y = (y - y.mean()) / y.std()
    names = ("MLPRegressor", MLPRegressor) if data == "regression" else ("MLPClassifier", MLPClassifier)
    expected = fitted(getattr(theirs, names[0]), X, y, activation=activation, **solver)
    got = fitted(names[1], X, y, activation=activation, **solver)
    for a, b in zip([*got.coefs_, *got.intercepts_], [*expected.coefs_, *expected.intercepts_], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(got.loss_curve_, expected.loss_curve_, rtol=1e-7)
    np.testing.assert_allclose(got.predict(X), expected.predict(X), rtol=1e-6)
    assert (got.n_iter_, got.t_, got.n_layers_, got.n_outputs_) == (5, expected.t_, 4, expected.n_outputs_)
    assert got.out_activation_ == expected.out_activation_


def same(expected, got, rtol=1e-7):
    for a, b in zip([*got.coefs_, *got.intercepts_], [*expected.coefs_, *expected.intercepts_], strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-10)
    for name in ("loss_curve_", "validation_scores_", "best_loss_", "best_validation_score_", "loss_", "t_", "n_iter_"):
        assert hasattr(expected, name) == hasattr(got, name), name
        value = getattr(expected, name, None)
        if value is None:
            assert getattr(got, name, None) is None
        else:
            np.testing.assert_allclose(getattr(got, name), value, rtol=rtol, err_msg=name)


@pytest.fixture
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:600] / 16, y[:600]


CASES = {
    "early stopping, several classes": (MLPClassifier, {"early_stopping": True}, "classes"),
    "early stopping, two classes": (MLPClassifier, {"early_stopping": True, "solver": "sgd"}, "two"),
    "early stopping, several labels": (MLPClassifier, {"early_stopping": True}, "labels"),
    "early stopping, numbers": (MLPRegressor, {"early_stopping": True, "validation_fraction": 0.3}, "numbers"),
    "several labels": (MLPClassifier, {"alpha": 1.0}, "labels"),
    "several numbers": (MLPRegressor, {"alpha": 1.0}, "numbers"),
    "one class": (MLPClassifier, {}, "one"),
    "l-bfgs, classes": (MLPClassifier, {"solver": "lbfgs", "alpha": 0.1}, "classes"),
    "l-bfgs, labels": (MLPClassifier, {"solver": "lbfgs"}, "labels"),
    "an adaptive rate": (MLPClassifier, {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1}, "classes"),
    "stops by itself": (MLPClassifier, {"tol": 0.05, "n_iter_no_change": 2}, "two"),
    "poisson": (MLPRegressor, {"loss": "poisson"}, "counts"),
}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("cls", "settings", "targets"), CASES.values(), ids=CASES.keys())
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_other_trainings_equal_scikit_learns(cls, settings, targets, weighted, digits):
    X, y = digits
    Y = {
        "classes": y,
        "two": np.where(y > 4, "high", "low"),
        "labels": np.stack([y > 4, y % 2 == 0, y == 3], axis=1).astype(int),
        "numbers": np.stack([X[:, 20], y / 9, X.mean(axis=1)], axis=1),
        "one": np.full(len(y), "one"),
        "counts": y,
    }[targets]
    their_class = getattr(theirs, cls.__name__)
    if not set(settings) <= set(their_class().get_params()):
        pytest.skip("this scikit-learn has no loss=")
    given = [X, Y]
    if weighted:
        if "sample_weight" not in inspect.signature(their_class.fit).parameters:
            pytest.skip("this scikit-learn takes no sample_weight")
        given.append(0.5 + y % 3)
    longer = 40 if {"tol", "n_iter_no_change"} & set(settings) else 6
    settings = {"hidden_layer_sizes": (12,), "random_state": 7, "max_iter": longer, "batch_size": 64, **settings}
    expected, got = their_class(**settings).fit(*given), cls(**settings).fit(*given)
    same(expected, got)
    assert got.out_activation_ == expected.out_activation_
    if cls is MLPClassifier:
        np.testing.assert_array_equal(got.classes_, expected.classes_)
        np.testing.assert_array_equal(got.predict(X), expected.predict(X))
        np.testing.assert_allclose(got.predict_proba(X), expected.predict_proba(X), rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(got.predict_log_proba(X), expected.predict_log_proba(X), rtol=1e-6, atol=1e-12)
    else:
        np.testing.assert_allclose(got.predict(X), expected.predict(X), rtol=1e-6)


def test_partial_fit_equals_scikit_learns(digits):
    X, y = digits
    expected, got = (cls((12,), random_state=0) for cls in (theirs.MLPClassifier, MLPClassifier))
    for part in (slice(0, 100), slice(100, 150), slice(150, 600)):
        for model in (expected, got):
            model.partial_fit(X[part], y[part], classes=np.arange(10))
    same(expected, got)


def test_a_random_state_object_is_drawn_from_alike(digits):
    X, y = digits
    states = [np.random.RandomState(5), np.random.RandomState(5)]
    for cls, state in zip((theirs.MLPClassifier, MLPClassifier), states, strict=True):
        cls((12,), random_state=state).partial_fit(X, y, classes=np.arange(10))
    assert states[0].randint(2**31) == states[1].randint(2**31)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_float32_stays_near_scikit_learns(digits):
    X, y = digits
    expected, got = (
        cls((12,), random_state=0, max_iter=5).fit(X.astype(np.float32), y)
        for cls in (theirs.MLPClassifier, MLPClassifier)
    )
    for a, b in zip(expected.coefs_, got.coefs_, strict=True):
        assert b.dtype == np.float32
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_parameters_and_defaults_are_scikit_learns(cls):
    expected = getattr(theirs, cls.__name__)().get_params()
    ours = cls().get_params()
    assert {k: v for k, v in ours.items() if k in expected} == expected


def test_third_program_of_the_readme_runs_as_it_stands(capsys):
    readme = pathlib.Path(__file__).parent.parent / "README.md"
    (program,) = (
        p for p in re.findall(r"```python\n(.*?)```", readme.read_text("utf-8"), re.DOTALL) if "MLPClassifier" in p
    )
    exec(program, {})
    assert float(capsys.readouterr().out) > 0.95
