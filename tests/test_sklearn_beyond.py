"""What densekit's estimators have beyond scikit-learn's."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="scikit-learn is not installed")

from sklearn.base import clone
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning

from densekit import layers, losses, optimizers, schedules
from densekit.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ACTIVATIONS = sorted({"logistic", *layers.ACTIVATIONS} - {"softmax", "log_softmax"})


@pytest.fixture
def flowers():
    X, y = load_iris(return_X_y=True)
    return (X - X.mean(axis=0)) / X.std(axis=0), y


def quick(**settings):
    return MLPClassifier(
        **{"hidden_layer_sizes": (12,), "max_iter": 30, "learning_rate_init": 0.01, "random_state": 0, **settings}
    )


def quick_regressor(**settings):
    return MLPRegressor(
        **{"hidden_layer_sizes": (12,), "max_iter": 60, "learning_rate_init": 0.02, "random_state": 0, **settings}
    )


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_learns(activation, flowers):
    X, y = flowers
    assert quick(activation=activation, max_iter=60, learning_rate_init=0.02).fit(X, y).score(X, y) > 0.9


def test_sigmoid_is_logistic(flowers):
    a, b = (quick(activation=name).fit(*flowers) for name in ("sigmoid", "logistic"))
    np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])


LAYERS = {
    "dropout": ({"dropout": 0.2}, ["Dense", "Dropout", "Dense", "Dropout", "Dense"]),
    "dropout of one layer": ({"dropout": [0.0, 0.3]}, ["Dense", "Dense", "Dropout", "Dense"]),
    "batch norm": ({"batch_norm": True}, ["Dense", "BatchNorm", "Activation"] * 2 + ["Dense"]),
    "layer norm": (
        {"layer_norm": True, "dropout": 0.1},
        ["Dense", "LayerNorm", "Activation", "Dropout"] * 2 + ["Dense"],
    ),
}


@pytest.mark.parametrize(("settings", "expected"), LAYERS.values(), ids=LAYERS.keys())
def test_dropout_and_norms(settings, expected, flowers):
    X, y = flowers
    a, b = (quick(hidden_layer_sizes=(16, 8), max_iter=100, **settings).fit(X, y) for _ in range(2))
    assert [type(layer).__name__ for layer in a.model_.layers] == expected
    assert a.score(X, y) > 0.9
    for view, other in zip(a.model_.weights.values(), b.model_.weights.values(), strict=True):
        np.testing.assert_array_equal(view, other)  # random_state decides the masks, too
    assert [c.shape for c in a.coefs_] == [(4, 16), (16, 8), (8, 3)]


def test_dropout_draws_nothing_before_scikit_learns_draws(flowers):
    plain, dropped = (
        quick(dropout=rate, max_iter=1, shuffle=False, learning_rate_init=1e-300).fit(*flowers) for rate in (0.0, 0.5)
    )
    np.testing.assert_array_equal(plain.coefs_[1], dropped.coefs_[1])


def test_l1_makes_zeros_and_weight_decay_shrinks(flowers):
    X, y = flowers
    plain, l1, decay = (
        quick(max_iter=100, batch_size=15, **s).fit(X, y) for s in ({}, {"l1": 3.0}, {"weight_decay": 1.0})
    )
    zeros = [sum(int((c == 0).sum()) for c in m.coefs_) for m in (plain, l1)]
    assert zeros[0] == 0
    assert zeros[1] > 12
    assert l1.score(X, y) > 0.9
    assert np.linalg.norm(decay.coefs_[0]) < 0.8 * np.linalg.norm(plain.coefs_[0])
    penalty = (0.5 * l1.alpha * sum((c**2).sum() for c in l1.coefs_) + 3.0 * sum(abs(c).sum() for c in l1.coefs_)) / 15
    assert l1.history_["penalty"][-1] == pytest.approx(penalty, rel=0.05)  # of the weights before the last updates


def test_clip_norm_bounds_a_step_of_sgd(flowers):
    X, y = flowers
    settings = {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 1.0, "batch_size": len(X), "shuffle": False}
    start = quick(max_iter=1, **{**settings, "learning_rate_init": 1e-300}).fit(X, y)
    moved = quick(max_iter=1, clip_norm=0.01, **settings).fit(X, y)
    step = [a - b for a, b in zip(moved.coefs_ + moved.intercepts_, start.coefs_ + start.intercepts_, strict=True)]
    assert np.sqrt(sum((s**2).sum() for s in step)) == pytest.approx(0.01, rel=1e-6)


@pytest.mark.parametrize("solver", ["sgd", "adam", optimizers.RMSprop(0.01)])
def test_schedules_for_every_solver(solver, flowers):
    schedule = schedules.Cosine(0.05, unit="step")
    model = quick(solver=solver, learning_rate=schedule, batch_size=50, max_iter=4).fit(*flowers)
    np.testing.assert_allclose(model.history_["lr"], schedule.values(0, 12, 3, 12)[2::3])
    assert clone(model).get_params()["learning_rate"] == schedule


def test_plateau_listens_to_the_validation_score(flowers):
    X, y = flowers
    plateau = schedules.Plateau(1e-5, monitor="val_score", mode="max", patience=0, factor=0.5)
    model = quick(learning_rate=plateau, max_iter=4).fit(X, y, X_val=X, y_val=y)
    np.testing.assert_allclose(model.history_["lr"], [1e-5, 1e-5, 5e-6, 2.5e-6])
    assert plateau.values(0, 1, 1)[0] == 1e-5  # the parameter is not changed


def test_solver_may_be_an_optimizer(flowers):
    X, y = flowers
    model = quick(solver=optimizers.Adam(0.01, compat="sklearn"), learning_rate_init=123.0).fit(X, y)
    np.testing.assert_array_equal(model.coefs_[0], quick(solver="adam").fit(X, y).coefs_[0])
    assert quick(solver=optimizers.Lion(0.01), weight_decay=0.1).fit(X, y).model_.optimizer.weight_decay == 0.1


# Losses.


@pytest.fixture
def noisy(rng):
    X = rng.uniform(-1, 1, (600, 1))
    return X, 2 * X[:, 0] + (0.1 + 0.4 * (X[:, 0] > 0)) * rng.normal(size=600)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "log_cosh", losses.Huber(0.5), losses.MeanSquaredError()])
def test_losses_of_regression(loss, noisy):
    X, y = noisy
    model = quick_regressor(loss=loss).fit(X, y)
    assert model.score(X, y) > 0.8
    assert model.out_activation_ == "identity"
    part = model.model_.loss(model.predict(X)[:, None], y[:, None])[0]
    assert model.history_["data_loss"][-1] == pytest.approx(part, rel=0.1)
    assert clone(model).get_params()["loss"] == loss


def test_huber_bears_outliers(noisy):
    X, y = noisy
    far = np.where(np.arange(len(y)) % 20 == 0, 100.0, y)
    errors = [
        np.median(abs(quick_regressor(loss=loss, delta=0.5).fit(X, far).predict(X) - y))
        for loss in ("huber", "squared_error")
    ]
    assert errors[0] < 0.5 * errors[1]


@pytest.mark.parametrize("quantile", [0.1, 0.9])
def test_quantile(quantile, noisy):
    X, y = noisy
    model = quick_regressor(loss="quantile", quantile=quantile, max_iter=150).fit(X, y)
    assert (y < model.predict(X)).mean() == pytest.approx(quantile, abs=0.06)


@pytest.mark.parametrize(
    ("loss", "of"), [("poisson", lambda m, r: r.poisson(m)), ("gamma", lambda m, r: r.gamma(2, m / 2))]
)
def test_positive_targets(loss, of, rng):
    X = rng.uniform(-1, 1, (800, 1))
    mean = np.exp(1 + X[:, 0])
    model = quick_regressor(loss=loss).fit(X, of(mean, rng))
    assert model.out_activation_ == "exp"
    assert (model.predict(X) > 0).all()
    np.testing.assert_allclose(model.predict(X), mean, rtol=0.35)
    with pytest.raises(ValueError, match=r"-1.0, expected a (count|number)"):
        quick_regressor(loss=loss).fit(X, np.full(800, -1.0))


@pytest.mark.parametrize("loss", ["gaussian_nll", "laplace_nll"])
@pytest.mark.parametrize("outputs", [1, 2])
def test_return_std(loss, outputs, noisy):
    X, y = noisy
    Y = y if outputs == 1 else np.stack([y, 3 * y], axis=1)
    model = quick_regressor(loss=loss, max_iter=150).fit(X, Y)
    mean, std = model.predict(X, return_std=True)
    np.testing.assert_array_equal(mean, model.predict(X))
    assert mean.shape == std.shape == Y.shape
    assert model.n_outputs_ == outputs
    first = std if outputs == 1 else std[:, 0]
    assert first[X[:, 0] > 0.3].mean() == pytest.approx(0.5, rel=0.3)
    assert first[X[:, 0] < -0.3].mean() < 0.45 * first[X[:, 0] > 0.3].mean()
    with pytest.raises(
        ValueError, match="return_std=True needs loss='gaussian_nll' or 'laplace_nll', the loss is 'huber'"
    ):
        quick_regressor(loss="huber", max_iter=1).fit(X, y).predict(X, return_std=True)


# Weights of classes and rows.


def test_class_weight(flowers):
    X, y = flowers
    few = np.r_[:50, 50:55, 100:150]
    weights = {0: 1.0, 1: 4.0, 2: 0.5}
    a = quick(class_weight=weights).fit(X, y)
    b = quick().fit(X, y, sample_weight=np.array([1.0, 4.0, 0.5])[y])
    np.testing.assert_allclose(a.coefs_[0], b.coefs_[0], rtol=1e-12)
    c = quick(class_weight="balanced").fit(X[few], y[few])
    d = quick(class_weight={0: 105 / 150, 1: 105 / 15, 2: 105 / 150}).fit(X[few], y[few])
    np.testing.assert_allclose(c.coefs_[0], d.coefs_[0], rtol=1e-12)
    e = quick(class_weight=weights).fit(X, y, sample_weight=np.full(150, 2.0), X_val=X, y_val=y)
    assert e.history_["val_score"][-1] == e.score(X, y)
    with pytest.raises(ValueError, match="class_weight='balanced' needs all rows at once"):
        quick(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])


@pytest.mark.parametrize("classes", [2, 3])
def test_label_smoothing(classes, flowers):
    X, y = flowers
    X, y = X[y < classes], y[y < classes]
    p = (
        quick(label_smoothing=0.3, max_iter=400, tol=0, n_iter_no_change=400, alpha=0)
        .fit(X, y)
        .predict_proba(X[:50])[:, 0]
    )
    assert np.median(p) == pytest.approx(1 - 0.3 + 0.3 / classes, abs=0.02)


# Validation, early stopping, history.


def test_given_validation(flowers, rng):
    X, y = flowers
    held = rng.permutation(150)[:40]
    rest = np.setdiff1d(np.arange(150), held)
    weights = rng.uniform(0.5, 2, 40)
    names = np.array(["a", "b", "c"])
    model = quick(max_iter=8).fit(
        X[rest], names[y[rest]], X_val=X[held], y_val=names[y[held]], sample_weight_val=weights
    )
    assert set(model.history_) == {"loss", "data_loss", "penalty", "lr", "val_score", "val_loss"}
    assert {len(values) for values in model.history_.values()} == {8}
    assert model.history_["loss"] == model.loss_curve_
    assert model.history_["val_score"][-1] == pytest.approx(model.score(X[held], names[y[held]], weights))
    p = model.predict_proba(X[held])[np.arange(40), y[held]]
    assert model.history_["val_loss"][-1] == pytest.approx(np.average(-np.log(p), weights=weights))
    assert model.validation_scores_ is None  # nothing was stopped by it


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_given_validation_of_numbers(solver, noisy):
    X, y = noisy
    model = quick_regressor(solver=solver, loss="poisson", max_iter=5).fit(X, abs(y), X_val=X[:50], y_val=abs(y[:50]))
    assert len(model.history_["val_score"]) == model.n_iter_
    assert model.history_["val_score"][-1] == pytest.approx(model.score(X[:50], abs(y[:50])))
    p, t = model.predict(X[:50]), abs(y[:50])
    assert model.history_["val_loss"][-1] == pytest.approx(np.mean(t * np.log(t / p) - t + p))


def test_early_stopping_by_given_rows(flowers):
    X, y = flowers
    model = quick(early_stopping=True, max_iter=300, n_iter_no_change=3).fit(X, y, X_val=X, y_val=y)
    assert model.n_iter_ < 300
    assert model.t_ == 150 * model.n_iter_  # no rows were set aside
    assert model.validation_scores_ == model.history_["val_score"]
    assert model.score(X, y) == max(model.validation_scores_) == model.best_validation_score_


def test_wrong_validation(flowers):
    X, y = flowers
    for given, message in (
        ({"X_val": X}, "X_val is provided, but y_val was not provided"),
        ({"y_val": y}, "y_val is provided, but X_val was not provided"),
        ({"X_val": X[:, :2], "y_val": y}, "X has 2 features, but MLPClassifier is expecting 4"),
        ({"X_val": X, "y_val": y + 1}, "`y_val` has classes not in `self.classes_`"),
        ({"X_val": X, "y_val": y, "sample_weight_val": -np.ones(150)}, r"sample_weight\[0\] is -1.0"),
    ):
        with pytest.raises(ValueError, match=message):
            quick().fit(X, y, **given)


def test_batch_norm_statistics_are_restored_with_the_best_weights(flowers):
    X, y = flowers
    model = quick(batch_norm=True, early_stopping=True, n_iter_no_change=3, max_iter=200, learning_rate_init=0.3)
    model.fit(X, y, X_val=X, y_val=y)
    assert model.score(X, y) == model.best_validation_score_


def test_divergence_says_where(noisy):
    X, y = noisy
    wild = quick_regressor(solver="sgd", learning_rate_init=1e6, activation="identity")
    with pytest.raises(ValueError, match=r"Solver produced non-finite .* not finite at update \d+, first in 'dense"):
        wild.fit(X, y)
    with pytest.warns(ConvergenceWarning, match="the best weights so far are kept"):
        kept = wild.set_params(early_stopping=True).fit(X, y)
    assert np.isnan(kept.validation_scores_[-1])
    assert np.isfinite(kept.predict(X)).all()


# Going on.


def test_warm_start_keeps_the_optimizers_state(flowers):
    X, y = flowers
    whole = quick(max_iter=10, shuffle=False).fit(X, y)
    halves = quick(max_iter=5, shuffle=False, warm_start=True).fit(X, y).fit(X, y)
    np.testing.assert_array_equal(whole.coefs_[0], halves.coefs_[0])
    assert halves.loss_curve_ == whole.loss_curve_ == halves.history_["loss"]
    assert (halves.t_, halves.n_iter_) == (1500, 5)


def test_warm_start_with_other_settings(flowers):
    X, y = flowers
    model = quick(max_iter=5, warm_start=True).fit(X, y)
    moments = model.model_._ready().states[1].copy()
    model.set_params(alpha=0.1, beta_1=0.8, learning_rate_init=1e-300, max_iter=1).fit(X, y)
    assert (model.model_._ready().states[1] != moments).any()
    assert model.model_.step == 6
    model.set_params(solver="sgd").fit(X, y)
    assert model.model_.step == 1
    model.set_params(solver="lbfgs", max_iter=20).fit(X, y)
    assert model.score(X, y) > 0.9


def test_partial_fit_of_several_labels():
    X, Y = make_multilabel_classification(120, n_classes=4, random_state=0)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    model = quick(hidden_layer_sizes=(30,))
    for _ in range(60):
        for first in (0, 60):
            model.partial_fit(X[first : first + 60], Y[first : first + 60])
    assert model.score(X, Y) > 0.9
    assert model.predict(X).shape == Y.shape
    assert model.classes_.tolist() == [0, 1, 2, 3]


def test_partial_fit_goes_on_after_pickling(flowers):
    X, y = flowers
    a = quick(dropout=0.2, random_state=np.random.RandomState(0))
    for _ in range(3):
        a.partial_fit(X, y, classes=[0, 1, 2])
    b = pickle.loads(pickle.dumps(a))
    for model in (a, b):
        model.random_state = 5
        model.partial_fit(X, y)
    np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])


def test_verbose(flowers, capsys):
    X, y = flowers
    model = quick(max_iter=2, verbose=True, early_stopping=True).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"Iteration 1, loss = {model.loss_curve_[0]:.8f}"
    assert lines[1] == f"Validation score: {model.validation_scores_[0]:f}"
    quick(max_iter=2, verbose=2).fit(X, y)
    assert " ms each, at most " in capsys.readouterr().out
    quick(solver="lbfgs", max_iter=3, verbose=1).fit(X, y)
    assert capsys.readouterr().out.startswith("Iteration 1, loss = ")


def test_coefs_are_views_and_can_be_set(flowers):
    X, y = flowers
    model = quick().fit(X, y)
    model.coefs_[1][...], model.intercepts_[1][...] = 0, [1, 2, 3]
    np.testing.assert_array_equal(model.predict(X), np.full(150, 2))
    model.coefs_ = [np.ones((4, 12)), np.ones((12, 3))]
    model.intercepts_ = [np.zeros(12), np.array([0.0, 0.0, 5.0])]
    np.testing.assert_array_equal(model.model_.layers[0].kernel, 1)
    assert not hasattr(quick(), "coefs_")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dropout": 1.0}, "'dropout' parameter of MLPClassifier must be .* in the range .0"),
        ({"dropout": [0.1, 0.2, 0.3]}, "dropout has 3 rates, but there are 1 hidden layers"),
        ({"batch_norm": 1}, "'batch_norm' parameter"),
        ({"batch_norm": True, "layer_norm": True}, "choose one"),
        ({"l1": -1}, "'l1' parameter"),
        ({"weight_decay": "much"}, "'weight_decay' parameter"),
        ({"clip_norm": 0}, "'clip_norm' parameter"),
        ({"label_smoothing": 1.0}, "'label_smoothing' parameter"),
        ({"class_weight": "even"}, "'class_weight' parameter"),
        ({"precision": "lowest"}, "'precision' parameter"),
        ({"activation": "relux"}, "'activation' parameter"),
        ({"solver": "adamw"}, "'solver' parameter"),
        ({"solver": "lbfgs", "dropout": 0.1}, "solver='lbfgs' takes no dropout, got dropout=0.1"),
        ({"solver": "lbfgs", "batch_norm": True}, "takes no batch_norm"),
        ({"solver": "lbfgs", "l1": 0.1}, "takes no l1"),
        ({"solver": "lbfgs", "clip_norm": 1.0}, "takes no clip_norm"),
        ({"solver": "lbfgs", "learning_rate": schedules.Cosine(0.1)}, "has no learning rate"),
        ({"hidden_layer_sizes": (3, 0)}, r"hidden_layer_sizes must be > 0, got \[3, 0\]"),
        ({"early_stopping": True, "validation_fraction": 0.005}, "validation set is too small|test_size = 1"),
    ],
    ids=str,
)
def test_wrong_parameters(settings, message, flowers):
    with pytest.raises(ValueError, match=message):
        quick(**settings).fit(*flowers)


def test_the_first_argument_of_the_regressor_is_the_loss(noisy):
    with pytest.raises(ValueError, match=r"write hidden_layer_sizes=\(64, 32\)"):
        MLPRegressor((64, 32)).fit(*noisy)
    for settings in ({"quantile": 1.0}, {"delta": 0}, {"loss": "mse"}):
        with pytest.raises(ValueError, match=f"'{next(iter(settings))}' parameter of MLPRegressor"):
            quick_regressor(**settings).fit(*noisy)
