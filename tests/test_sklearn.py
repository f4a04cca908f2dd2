"""densekit.sklearn: scikit-learn's numbers for one random_state, its checks of estimators, the third program."""

from __future__ import annotations

import pathlib
import re
import warnings

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from sklearn import neural_network as theirs  # noqa: E402
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris  # noqa: E402
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
