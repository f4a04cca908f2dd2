"""The names of the columns of X: remembered at the first training with a data frame, and compared ever after."""

from __future__ import annotations

import json
import pickle
import warnings

import numpy as np
import pytest

import densekit as dk
from densekit.layers import Dense, Dropout

pd = pytest.importorskip("pandas", reason="pandas is not installed")

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(RNG.normal(size=(40, 3)), columns=list("abc"))
OTHER = FRAME[list("cab")]
Y = (FRAME.a - 2 * FRAME.b).to_numpy()


def model(layers=None):
    layers = layers or [Dropout(0.1), Dense(4, "tanh"), Dense(1)]
    return dk.Sequential(layers, seed=0, dtype="float64").compile("sgd", "mse", metrics=["mae"])


def fitted(X=FRAME, **more):
    m = model()
    m.fit(X, Y, epochs=2, verbose=0, **more)
    return m


CALLS = {
    "predict": lambda m, X: m.predict(X),
    "monte carlo": lambda m, X: m.predict(X, mc_samples=3),
    "call": lambda m, X: m(X),
    "transform": lambda m, X: m.transform(X, 1),
    "vjp": lambda m, X: m.vjp(X)[0],
    "evaluate": lambda m, X: list(m.evaluate(X, Y)),
    "train_on_batch": lambda m, X: (m.train_on_batch(X, Y), m.layers[1].kernel.copy())[1],
    "fit": lambda m, X: (m.fit(X, Y, verbose=0), m.layers[1].kernel.copy())[1],
    "validation_data": lambda m, X: m.fit(FRAME, Y, validation_data=(X, Y), verbose=0).history["val_loss"],
    "objective": lambda m, X: m.evaluate_objective(m.trainable_parameters(), X, Y)[0],
    "lr_finder": lambda m, X: dk.lr_finder(m, X, Y, steps=12, lr_max=0.1).losses,
    "hidden_spaces": lambda m, X: dk.manifold.hidden_spaces(m, X)["dense"],
    "explain": lambda m, X: dk.diagnostics.explain_backward(fitted_dense(), X[:1], [Y[0]]).loss,
    "sign_coherence": lambda m, X: dk.diagnostics.sign_coherence(m, X)["dense"].per_sample,
}


def fitted_dense():
    m = model([Dense(1)])
    m.fit(FRAME, Y, verbose=0)
    return m


@pytest.mark.parametrize("name", CALLS)
def test_a_frame_in_another_order_is_put_in_order(name):
    call = CALLS[name]
    np.testing.assert_array_equal(call(fitted(), OTHER), call(fitted(), FRAME))


@pytest.mark.parametrize("name", CALLS)
def test_other_columns_are_errors_that_name_them(name):
    for frame, text in (
        (FRAME[["a", "b"]], r"X has no column 'c'; write X\[list\(model.feature_names\)\]"),
        (FRAME.assign(d=1.0), "X has 'd', which the model does not know"),
        (FRAME.rename(columns={"a": "A"}), "X has no column 'a', and X has 'A', which the model does not know"),
        (FRAME[["a", "b", "b"]], "X has two columns called 'b'"),
    ):
        with pytest.raises(ValueError, match=text):
            CALLS[name](fitted(), frame)


def test_names_are_those_of_the_first_training():
    m = model()
    assert m.feature_names is None
    m.fit(FRAME, Y, verbose=0)
    assert m.feature_names == ("a", "b", "c")
    m.fit(OTHER, Y, verbose=0)
    assert m.feature_names == ("a", "b", "c")
    np.testing.assert_array_equal(m.predict(FRAME.to_numpy()), m.predict(FRAME))  # arrays have no names

    m = fitted(FRAME.to_numpy())
    m.predict(OTHER)
    m.evaluate(OTHER, Y)
    assert m.feature_names is None
    m.train_on_batch(FRAME, Y)
    assert m.feature_names == ("a", "b", "c")

    m = model()
    m.predict(FRAME)  # makes the weights
    np.testing.assert_array_equal(m.predict(OTHER), m.predict(FRAME))


def test_a_refused_frame_leaves_no_names():
    m = model()
    for X, y, text in (
        (FRAME.assign(a=np.nan), Y, "is nan"),
        (FRAME[:0], Y[:0], "no rows"),
        (FRAME, Y[:3], "X has 40 rows"),
        (FRAME[["a", "b", "b"]], Y, "two columns"),
    ):
        with pytest.raises(ValueError, match=text):
            m.fit(X, y, verbose=0)
        assert m.feature_names is None


def test_double_columns_are_refused():
    with pytest.raises(ValueError, match="fit: X has two columns called 'b'"):
        model().fit(FRAME[["a", "b", "b"]], Y, verbose=0)


def test_columns_that_are_only_counted():
    counted = pd.DataFrame(FRAME.to_numpy())
    m = fitted(counted)
    assert m.feature_names == (0, 1, 2)
    np.testing.assert_array_equal(m.predict(counted[[2, 0, 1]]), m.predict(counted))
    np.testing.assert_array_equal(m.predict(FRAME), m.predict(counted))  # by place: one side has no names
    np.testing.assert_array_equal(fitted().predict(counted), fitted().predict(FRAME))
    with pytest.raises(ValueError, match="X has no column 0, 1, 2, and X has 3, 4, 5"):
        m.predict(counted.rename(columns=lambda i: i + 3))


def test_other_kinds_of_names():
    for columns in (
        pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")]),
        pd.date_range("2020-01-01", periods=3),
        [0.5, 1.5, 2.5],
        [1, "one", 1.5],
    ):
        frame = pd.DataFrame(FRAME.to_numpy(), columns=columns)
        m = fitted(frame)
        np.testing.assert_array_equal(m.predict(frame.iloc[:, [2, 0, 1]]), m.predict(frame))
        json.dumps(m.config())


def test_frames_of_polars_and_pandas_are_one():
    pl = pytest.importorskip("polars", reason="polars is not installed")
    frame = pl.DataFrame({name: OTHER[name].to_numpy() for name in OTHER})
    np.testing.assert_array_equal(fitted().predict(frame), fitted().predict(FRAME))
    m = fitted(pl.DataFrame({name: FRAME[name].to_numpy() for name in FRAME}))
    np.testing.assert_array_equal(m.predict(OTHER), fitted().predict(FRAME))


def test_names_are_kept_by_copies_and_files(tmp_path):
    m = fitted()
    m.save(tmp_path / "model.npz")
    for copy in (
        dk.load(tmp_path / "model.npz"),
        pickle.loads(pickle.dumps(m)),
        m.clone(weights=True),
    ):
        assert copy.feature_names == ("a", "b", "c")
        np.testing.assert_array_equal(copy.predict(OTHER), m.predict(FRAME))
    assert m.clone().feature_names == dk.Sequential.from_config(m.config()).feature_names == ("a", "b", "c")


def test_configs_without_names_are_read():
    config = fitted().config()
    del config["feature_names"]  # as densekit 0.1.0 wrote them
    assert dk.Sequential.from_config(config).feature_names is None


def test_names_can_be_set_and_forgotten():
    m = fitted(FRAME.to_numpy())
    m.feature_names = list("abc")
    np.testing.assert_array_equal(m.predict(OTHER), m.predict(FRAME))
    m.feature_names = None
    assert not np.array_equal(m.predict(OTHER), m.predict(FRAME))
    for bad, kind, text in (
        (["a", "b"], ValueError, "got 2 names, but the model takes 3 columns"),
        (["a", "b", "b"], ValueError, "two columns called 'b'"),
        ("abc", TypeError, "expected a list of names"),
        (["a", "b", 1.5], TypeError, "1.5 is no name"),
        (7, TypeError, "expected a list of names"),
    ):
        with pytest.raises(kind, match=text):
            m.feature_names = bad


def test_a_model_of_an_estimator_knows_the_names(tmp_path):
    sklearn = pytest.importorskip("densekit.sklearn", exc_type=ImportError)
    regressor = sklearn.MLPRegressor(hidden_layer_sizes=(3,), max_iter=2, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        regressor.fit(FRAME, Y)
    assert regressor.model_.feature_names == ("a", "b", "c")
    np.testing.assert_array_equal(regressor.model_.predict(OTHER), regressor.model_.predict(FRAME))
    with pytest.raises(ValueError, match="feature names should match"):
        regressor.predict(OTHER)


def test_two_samples_with_their_columns_in_another_order():
    a, b = FRAME[:20], FRAME[20:]
    plain = dk.shift.ks_test(a, b)
    found = dk.shift.ks_test(a, b[list("cab")])
    np.testing.assert_array_equal(found.statistic, plain.statistic)
    words = FRAME[["a", "b"]].gt(0).astype(str)
    plain = dk.shift.chi2_test(words[:20], words[20:])
    np.testing.assert_array_equal(dk.shift.chi2_test(words[:20], words[20:][["b", "a"]]).statistic, plain.statistic)
    with pytest.raises(ValueError, match=r"X_new has no column 'c'.*list\(X_ref.columns\)"):
        dk.shift.ks_test(a, b[["a", "b"]])


def test_curves_put_validation_rows_in_order():
    def make(seed):
        return dk.Sequential([Dense(1)], seed=seed).compile("sgd", "mse")

    curves = [dk.diagnostics.learning_curve(make, FRAME, Y, X, Y, sizes=(1.0,), repeats=1) for X in (FRAME, OTHER)]
    np.testing.assert_array_equal(curves[0].validation, curves[1].validation)
    found = [dk.diagnostics.bias_variance(make, FRAME, Y, X, Y, repeats=2) for X in (FRAME, OTHER)]
    assert found[0].error == found[1].error


def test_a_picture_of_a_model_has_its_columns():
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    two = FRAME[["a", "b"]]
    m = dk.Sequential([Dense(1, "sigmoid")], seed=0).compile("sgd", "binary_crossentropy")
    m.fit(two, Y > 0, verbose=0)
    shown = [dk.plots.DecisionBoundaryDisplay.from_model(m, X, Y > 0) for X in (two, two[["b", "a"]])]
    np.testing.assert_array_equal(shown[0].probability, shown[1].probability)
    assert shown[0].labels == shown[1].labels == ("a", "b")


def test_rows_are_paired_by_position_and_a_mixed_index_is_said():
    mixed = pd.Series(Y).sample(frac=1, random_state=0)
    with pytest.warns(UserWarning, match=r"fit: the indices of X and y have the same labels in another order; .*y.loc"):
        first = model().fit(FRAME, mixed, verbose=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model().fit(FRAME, mixed.to_numpy(), verbose=0).history == first.history
        model().fit(FRAME, pd.Series(Y), verbose=0)
        model().fit(FRAME.reset_index(drop=True), pd.Series(Y, index=range(100, 140)), verbose=0)  # other labels
