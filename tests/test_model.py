"""The model: the program of the README, predictions, gradients, weights, copies, threads."""

from __future__ import annotations

import copy
import json
import pathlib
import pickle
import re
import threading

import numpy as np
import pytest

import densekit as dk
from densekit.datasets import load_digits
from densekit.layers import Activation, BatchNorm, Dense, Dropout, GaussianNoise, LayerNorm, Residual

ROOT = pathlib.Path(__file__).parent.parent


def small(engine, dtype="float64", seed=3):
    """Every kind of layer with weights, and every kind that draws."""
    layers = [
        Dense(8, "tanh", inputs=5),
        BatchNorm(),
        Residual([Dense(8), LayerNorm(), Activation("gelu")]),
        Dropout(0.3),
        GaussianNoise(0.05),
        Dense(3, "softmax"),
    ]
    model = dk.Sequential(layers, seed=seed, dtype=dtype, engine=engine)
    return model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])


@pytest.fixture
def data(rng):
    return rng.normal(size=(60, 5)), rng.integers(0, 3, 60)


def same_state(a, b):
    assert a.weights.keys() == b.weights.keys()
    for name, value in a.weights.items():
        np.testing.assert_array_equal(value, b.weights[name], err_msg=name)
    assert (a.step, a.epoch, a.seed) == (b.step, b.epoch, b.seed)


def test_second_program_of_the_readme_runs_as_it_stands(engine, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # it saves a file
    program = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)[1]
    assert "dk.Sequential(" in program
    names: dict = {}
    exec(program.replace("seed=0)", f"seed=0, engine={engine!r})"), names)
    model, history = names["m"], names["h"].history
    result = model.evaluate(names["Xt"], names["yt"])
    assert capsys.readouterr().out.splitlines()[-1] == f"{history['val_loss'][-1]} {result}"
    assert repr(result) == f"Scores(loss={result[0]!r}, accuracy={result[1]!r})"
    assert result["accuracy"] > 0.94
    assert history["val_loss"][-1] < 0.3
    assert history["loss"][-1] < 0.1 < history["loss"][0]
    np.testing.assert_allclose(
        names["P"], model.predict(names["Xt"]), atol=0 if engine == "native" else 1e-5
    )  # loads natively


def test_predict_equals_the_call_bitwise_for_every_batch_size(engine, dtype, rng):
    model = small(engine, dtype).build(5)
    X = rng.normal(size=(37, 5)).astype(dtype)
    whole = model(X)
    assert whole.dtype == dtype
    # The reference engine multiplies with BLAS, whose bits depend on the number of rows.
    rtol = {"native": 0, "reference": 16 * np.finfo(dtype).eps}[engine]
    for size in (1, 2, 7, 16, 36, 37, 1000, None):
        np.testing.assert_allclose(model.predict(X, batch_size=size), whole, rtol=rtol)
    for i in range(37):
        np.testing.assert_allclose(model(X[i : i + 1])[0], whole[i], rtol=rtol)
    assert model.predict(X[:0]).shape == (0, 3)


def test_transform_puts_out_hidden_layers(engine, rng):
    model = dk.Sequential([Dense(4, "tanh"), Dense(2, "relu"), Dense(3, "softmax")], seed=1, engine=engine)
    X = rng.normal(size=(9, 5)).astype(np.float32)
    first = np.tanh(X @ model.build(5).layers[0].kernel)
    for layer in ("dense", 0, model.layers[0]):
        np.testing.assert_allclose(model.transform(X, layer), first, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(model.transform(X), model.transform(X, "dense_1"))
    np.testing.assert_array_equal(model.transform(X, -1, batch_size=2), model(X))
    with pytest.raises(ValueError, match=r"layer must be one of .*, got 'dense_9' \(did you mean"):
        model.transform(X, "dense_9")
    with pytest.raises(ValueError, match="no layer of this model"):
        model.transform(X, Dense(4))


def test_training_mode_of_the_call(engine, rng):
    X = rng.normal(size=(6, 5))
    model = small(engine).build(5)
    seen = model(X, training=True)
    assert (seen != model(X)).any()
    with pytest.warns(UserWarning, match="drew the same numbers"):  # the mask is that of the step
        np.testing.assert_array_equal(seen, model(X, training=True))
    with pytest.raises(TypeError, match="training must be True or False, got 1"):
        model(X, training=1)


@pytest.mark.filterwarnings("ignore:dropout and noise drew the same numbers")
@pytest.mark.parametrize("training", [False, True])
def test_vjp_is_the_gradient(engine, training, rng):
    model = small(engine).build(5)
    X, dy = rng.normal(size=(6, 5)), rng.normal(size=(6, 3))
    y, pullback = model.vjp(X, training=training)
    np.testing.assert_array_equal(y, model(X, training))
    dx, gradients = pullback(dy)
    assert dx.shape == X.shape
    assert gradients.keys() == {name for name in model.weights if not name.endswith((".mean", ".variance"))}

    def total():
        return (model(X, training) * dy).sum()

    def difference(array, at, h=1e-6):
        kept = array[at]
        array[at] = kept + h
        above = total()
        array[at] = kept - h
        below = total()
        array[at] = kept
        return (above - below) / (2 * h)

    for array, gradient in [(X, dx)] + [(model.weights[name], g) for name, g in gradients.items()]:
        assert gradient.shape == array.shape
        for _ in range(3):
            at = tuple(rng.integers(0, n) for n in array.shape)
            np.testing.assert_allclose(gradient[at], difference(array, at), rtol=1e-5, atol=1e-7)
    with pytest.raises(ValueError, match=r"pullback: dy is \(6, 2\) but y is \(6, 3\)"):
        pullback(dy[:, :2])


def test_weights_are_live_views(engine, rng):
    model = small(engine, "float32").build(5)
    X = rng.normal(size=(4, 5)).astype(np.float32)
    before = model(X)
    model.layers[0].kernel[0, 0] += 1
    assert (model(X) != before).any()
    np.testing.assert_array_equal(model.weights["dense.kernel"], model.layers[0].kernel)
    assert np.shares_memory(model.weights["dense.kernel"], model.layer("dense").kernel)
    model.layers[1].gamma = 2.0
    np.testing.assert_array_equal(model.weights["batch_norm.gamma"], np.full(8, 2, np.float32))
    with pytest.raises(ValueError, match=r"dense.bias: the value is \(3,\), expected \(8,\)"):
        model.layers[0].bias = np.zeros(3)
    with pytest.raises(AttributeError, match="dense_2 has no gamma; it has kernel, bias"):
        model.layer("dense_2").weight("gamma")


def test_get_and_set_weights(engine, rng):
    model, other = small(engine).build(5), small(engine, seed=4).build(5)
    assert list(model.weights)[:4] == ["dense.kernel", "dense.bias", "batch_norm.gamma", "batch_norm.beta"]
    kept = model.get_weights()
    other.set_weights(kept)
    X = rng.normal(size=(4, 5))
    np.testing.assert_array_equal(model(X), other(X))
    kept[0][...] = 0  # copies
    np.testing.assert_array_equal(model(X), other(X))
    other.set_weights({"dense.bias": np.ones(8)})
    np.testing.assert_array_equal(other.layers[0].bias, 1)
    with pytest.raises(ValueError, match=r"got 2 arrays, expected 12: dense.kernel, dense.bias"):
        other.set_weights(kept[:2])
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"dense_2.bias: the value is \(4,\), expected \(3,\)"):
        other.set_weights([*kept[:-1], np.zeros(4)])
    for a, b in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)  # all or none
    with pytest.raises(ValueError, match=r"got 'dense.kernl' \(did you mean 'dense.kernel'\?\)"):
        other.set_weights({"dense.kernl": 0})
    for wrong in (3, None, "dense.kernel", b"", object()):
        with pytest.raises(TypeError, match="set_weights: weights must be a list"):
            other.set_weights(wrong)


def test_initial_weights_follow_the_seed(engine):
    same_state(small(engine, seed=5).build(5), small(engine, seed=5).build(5))
    a, b = (dk.Sequential([Dense(3, inputs=2)], engine=engine) for _ in range(2))
    assert a.seed != b.seed
    assert (a.layers[0].kernel != b.layers[0].kernel).any()
    again = dk.Sequential([Dense(3, inputs=2)], seed=a.seed, engine=engine)
    np.testing.assert_array_equal(again.layers[0].kernel, a.layers[0].kernel)


@pytest.mark.parametrize(
    "how", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), lambda m: m.clone(weights=True)]
)
def test_copies_go_on_alike(engine, data, how):
    X, y = data
    model = small(engine)
    model.fit(X, y, epochs=2, verbose=0)
    copied = how(model)
    same_state(model, copied)
    assert copied.history.history == model.history.history
    assert not np.shares_memory(model.layers[0].kernel, copied.layers[0].kernel)
    model.fit(X, y, epochs=2, verbose=0)
    assert (model.layers[0].kernel != copied.layers[0].kernel).any()
    copied.fit(X, y, epochs=2, verbose=0)
    same_state(model, copied)


def test_clone_is_untrained(engine, data):
    X, y = data
    model = small(engine)
    start = copy.deepcopy(model).build(5).get_weights()
    model.fit(X, y, verbose=0)
    clone = model.clone()
    assert (clone.step, clone.epoch, clone.history) == (0, 0, None)
    for a, b in zip(start, clone.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert repr(clone) == repr(model)
    other = model.clone(seed=9)
    assert (other.layers[0].kernel != clone.layers[0].kernel).any()
    clone.fit(X, y, verbose=0)
    same_state(clone, model)


def test_config_makes_the_same_model(engine, data):
    X, y = data
    model = small(engine, "float32")
    model.fit(X, y, verbose=0)
    text = json.dumps(model.config())
    made = dk.Sequential.from_config(json.loads(text), engine=engine)
    assert made.config() == model.config()
    same_state(made, model.clone())
    assert [repr(layer) for layer in made.layers] == [repr(layer) for layer in model.layers]


def test_repr_reads_like_the_constructor():
    text = "Sequential([Dense(8, 'tanh', inputs=5), Residual([Dense(8), Dropout(0.1, mode='classic')])], seed=1)"
    model = eval(text, {**vars(dk.layers), "Sequential": dk.Sequential})
    assert repr(model) == text
    assert repr(dk.Sequential([], seed=2, dtype=np.float64, engine="reference")) == (
        "Sequential([], seed=2, dtype='float64', engine='reference')"
    )


def test_summary_counts_as_by_hand(engine):
    model = dk.Sequential(
        [Dense(7, "relu", inputs=5), BatchNorm(), Residual([Dense(7), LayerNorm()]), Dense(3)], seed=0, engine=engine
    ).compile("adam", "mse")
    model.layers[0].trainable = False
    s = model.summary()
    assert s.n_parameters == (5 * 7 + 7) + 14 + (7 * 7 + 7) + 14 + (7 * 3 + 3) == model.n_parameters
    assert s.n_trainable == s.n_parameters - 42
    assert s.n_statistics == 14
    assert s.forward_flops == 2 * (5 * 7 + 7 * 7 + 7 * 3)
    assert s.step_flops == 2 * (2 * 5 * 7 + 3 * 7 * 7 + 3 * 7 * 3)
    assert s.parameter_bytes == 4 * (s.n_parameters + 14)
    assert s.optimizer_bytes == 3 * 4 * s.n_parameters
    assert s.activation_bytes == 2 * 4 * (7 + 7 + 7 + 7 + 7 + 3)
    text = str(s)
    for line in ("dense (dense)", "42 frozen", "  dense_1 (dense)", "(n, 5)", "parameters: 150 (108 trainable)"):
        assert line in text, text
    assert s.layers[2].depth == 0
    assert s.layers[3].depth == 1


def test_a_second_fit_at_the_same_time_is_refused(engine, data):
    X, y = data
    model, errors = small(engine), []

    class Intruder(dk.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            def attempt(call):
                try:
                    call()
                except RuntimeError as error:
                    errors.append(str(error))

            for call in (
                lambda: model.fit(X, y, verbose=0),
                lambda: model.train_on_batch(X, y),
                lambda: model.compile("sgd", "mse"),
            ):
                thread = threading.Thread(target=attempt, args=(call,))
                thread.start()
                thread.join()
            model.predict(X)  # reading is fine

    model.fit(X, y, verbose=0, callbacks=Intruder())
    assert [e.split(":")[0] for e in errors] == ["fit", "train_on_batch", "compile"]
    assert "this model is being trained by another call" in errors[0]
    model.fit(X, y, verbose=0)


def test_two_models_in_two_threads_are_as_one_after_the_other(engine, data):
    X, y = data
    alone = [small(engine, seed=s) for s in (1, 2)]
    for model in alone:
        model.fit(X, y, epochs=5, verbose=0)
    together = [small(engine, seed=s) for s in (1, 2)]
    threads = [threading.Thread(target=m.fit, args=(X, y), kwargs={"epochs": 5, "verbose": 0}) for m in together]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for a, b in zip(alone, together, strict=True):
        same_state(a, b)


def test_objective_and_its_gradient(engine, rng):
    X, y = rng.normal(size=(20, 4)), rng.normal(size=(20, 2))
    model = dk.Sequential([Dense(5, "tanh"), Dense(2)], seed=0, dtype="float64", engine=engine)
    model.compile("sgd", "mse", regularizer=dk.regularizers.L2(0.1)).build(4)
    model.layers[0].trainable = False
    model.layers[0].trainable = True
    theta = model.trainable_parameters()
    assert theta.shape == (model.n_parameters,)
    value, gradient = model.evaluate_objective(theta, X, y)
    assert value == pytest.approx(model.evaluate(X, y)["loss"], rel=1e-12)
    for i in rng.integers(0, len(theta), 6):
        step = np.zeros_like(theta)
        step[i] = 1e-6
        above, below = (model.evaluate_objective(theta + s, X, y)[0] for s in (step, -step))
        assert gradient[i] == pytest.approx((above - below) / 2e-6, rel=1e-6, abs=1e-8)
    with pytest.raises(ValueError, match=rf"theta is \(3,\), but the model has {len(theta)} trainable parameters"):
        model.evaluate_objective(theta[:3], X, y)
    model.compile("sgd", "mse", regularizer=dk.regularizers.L1(0.1))
    with pytest.raises(ValueError, match="proximal L1 has no gradient"):
        model.evaluate_objective(theta, X, y)


def test_lbfgs_finds_the_least_squares(engine, rng):
    pytest.importorskip("scipy", reason="SciPy is not installed")
    X = rng.normal(size=(50, 3))
    y = X @ [1.0, -2.0, 0.5] + 3 + 0.1 * rng.normal(size=50)
    model = dk.Sequential([Dense(1)], seed=0, dtype="float64", engine=engine)
    history = model.compile(dk.optimizers.LBFGS(tol=1e-10, ftol=0), "mse", metrics=["mae"]).fit(
        X, y, validation_split=0.2, verbose=0
    )
    design = np.column_stack([X[:40], np.ones(40)])
    best = np.linalg.lstsq(design, y[:40], rcond=None)[0]
    np.testing.assert_allclose(np.r_[model.layers[0].kernel.ravel(), model.layers[0].bias], best, rtol=1e-7)
    assert set(history.history) == {"loss", "mae", "val_loss", "val_mae"}
    assert (np.diff(history.history["loss"]) <= 1e-12).all()
    assert model.epoch == len(history.epoch)
    with pytest.raises(TypeError, match="L-BFGS needs all rows at once"):
        model.train_on_batch(X, y)
    stopped = model.clone()
    stopping = dk.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: setattr(stopped, "stop_training", e == 1))
    assert stopped.fit(X, y, verbose=0, callbacks=stopping).epoch == [0, 1]


def test_lr_finder_leaves_the_model_as_it_was(engine):
    (X, y), _ = load_digits()
    model = dk.Sequential([Dense(32, "relu"), BatchNorm(), Dropout(0.1), Dense(10, "softmax")], seed=0, engine=engine)
    model.compile("sgd", "sparse_categorical_crossentropy").fit(X, y, verbose=0)
    before = copy.deepcopy(model)
    found = dk.lr_finder(model, X, y, lr_min=1e-5, lr_max=1e3)
    same_state(model, before)
    assert 1e-2 < found.suggestion < 10
    assert len(found.lrs) == len(found.losses) == len(found.smoothed)
    assert found.lrs[0] == 1e-5
    assert "suggestion=" in repr(found)
    with pytest.raises(ArithmeticError, match="lower lr_min"):
        dk.lr_finder(model, X, y, lr_min=1e30, lr_max=1e31)
    with pytest.raises(RuntimeError, match="lr_finder: compile the model first"):
        dk.lr_finder(dk.Sequential([Dense(1)]), X, y)


@pytest.mark.parametrize(
    ("activation", "loss", "advice"),
    [
        ("sigmoid", "categorical_crossentropy", "use softmax for one class of several"),
        ("softmax", "binary_crossentropy", "use CategoricalCrossentropy"),
        ("softmax", "cross_entropy", "squashed twice"),
        (None, "sparse_categorical_crossentropy", "end it in 'softmax', or say from_logits=True"),
        ("relu", "categorical_crossentropy", "end it in 'softmax'"),
        (None, "binary_crossentropy", "end it in 'sigmoid'"),
        ("softmax", "nll", "log_softmax"),
    ],
)
def test_wrong_pairs_of_activation_and_loss(activation, loss, advice):
    for last in ([Dense(3, activation)], [Dense(3), Activation(activation or "identity")]):
        with pytest.raises(ValueError, match=advice):
            dk.Sequential(last, seed=0).compile("adam", loss)


def test_compile_refuses_with_help(engine):
    model = dk.Sequential([Dense(3, "softmax", inputs=2)], seed=0, engine=engine)
    for arguments, kind, text in [
        (("adm", "mse"), ValueError, r"'adm' \(did you mean 'adam'\?\)"),
        (("adam", "mes"), ValueError, r"'mes' \(did you mean 'mse'\?\)"),
        (("adam",), TypeError, "compile: loss is missing, e.g. loss='mse'"),
        (("adam", "mse", "accuracy"), TypeError, r"metrics must be a list such as \['accuracy'\], got 'accuracy'"),
        (("adam", "mse", ["acuracy"]), ValueError, r"'acuracy' \(did you mean 'accuracy'\?\)"),
    ]:
        with pytest.raises(kind, match=text):
            model.compile(*arguments)
    with pytest.raises(ValueError, match=r"clip_norm must be a finite number in .*, got 0"):
        model.compile("adam", "mse", clip_norm=0)
    with pytest.raises(ValueError, match="L-BFGS takes the gradient as it is"):
        model.compile("lbfgs", "sparse_categorical_crossentropy", clip_norm=1.0)
    with pytest.raises(ValueError, match="engine must be one of 'native', 'reference', got 'refernce'"):
        model.compile("adam", "mse", engine="refernce")
    with pytest.raises(ValueError, match="compat='sklearn' and others do not go together"):
        dk.Sequential([Dense(3, kernel_regularizer="l1", inputs=2)], seed=0, engine=engine).compile(
            "adam", "mse", regularizer=dk.regularizers.L2(0.1, compat="sklearn")
        )
    for call in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(RuntimeError, match=r"compile the model first, e.g. model.compile\('adam', loss='mse'\)"):
            call(np.zeros((2, 2)), [0, 1])


def test_compile_again_keeps_weights_and_begins_anew(engine, data):
    X, y = data
    model = small(engine)
    model.fit(X, y, verbose=0)
    before = model.get_weights()
    assert model.step == 2
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert (model.step, model.epoch, model.metrics) == (0, 0, [])
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_width_and_layers_that_do_not_fit(rng):
    with pytest.raises(RuntimeError, match="width of the data is not known yet; give inputs="):
        dk.Sequential([Dense(3)]).weights  # noqa: B018
    with pytest.raises(RuntimeError, match="has no layers"):
        dk.Sequential([]).predict(np.zeros((2, 2)))
    model = dk.Sequential([Dense(3, inputs=2)], seed=0)
    with pytest.raises(ValueError, match="the layer was made for inputs=4, but 3 columns come in"):
        model.add(Dense(2, inputs=4))
    with pytest.raises(ValueError, match=r"predict: X is \(4, 5\) but the model takes 2 columns"):
        model.predict(np.zeros((4, 5)))
    with pytest.raises(ValueError, match="the model takes 2 columns already, got inputs=3"):
        model.build(3)
    with pytest.raises(ValueError, match="dtype must be 'float32' or 'float64', got 'float16'"):
        dk.Sequential([], dtype="float16")
    with pytest.raises(ValueError, match="seed"):
        dk.Sequential([], seed=-1)


def test_layers_may_be_added_to_a_model_that_has_weights(engine, rng):
    model = dk.Sequential([Dense(3, inputs=2)], seed=0, engine=engine)
    kernel = model.layers[0].kernel.copy()
    model.add(Dense(1))
    np.testing.assert_array_equal(model.layers[0].kernel, kernel)
    assert model.predict(rng.normal(size=(4, 2))).shape == (4, 1)
    assert model.outputs == 1


def test_evaluate_is_one_batch_whatever_the_parts(engine, rng):
    X, y, w = rng.normal(size=(50, 4)), rng.normal(size=(50, 2)), rng.uniform(0.1, 2, 50)
    for loss in (
        "mse",
        "rmse",
        dk.losses.MeanSquaredError(reduction="sum"),
        dk.losses.MeanAbsoluteError(compat="keras"),
    ):
        model = dk.Sequential([Dense(2)], seed=0, dtype="float64", engine=engine)
        model.compile("sgd", loss, metrics=["mae"], regularizer=dk.regularizers.L2(0.1))
        whole = model.evaluate(X, y, w)
        assert list(whole.keys()) == ["loss", "mae", "data_loss", "penalty"]
        direct = model.loss(model.predict(X), y, sample_weight=w)[0]
        assert whole["data_loss"] == pytest.approx(direct, rel=1e-12)
        assert whole["penalty"] == pytest.approx(0.05 * (model.layers[0].kernel ** 2).sum(), rel=1e-12)
        assert whole["loss"] == whole["data_loss"] + whole["penalty"]
        for size in (1, 7, 50):
            assert dict(model.evaluate(X, y, w, batch_size=size)) == pytest.approx(dict(whole), rel=1e-12)
        repeated = np.repeat(np.arange(50), 1 + (np.arange(50) % 3))
        if loss != "mse":
            continue
        a = model.evaluate(X, y, sample_weight=1 + np.arange(50) % 3)
        assert a["loss"] == pytest.approx(model.evaluate(X[repeated], y[repeated])["loss"], rel=1e-12)


def test_scikit_learns_penalty_in_evaluate(engine, rng):
    X, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    model = dk.Sequential([Dense(1)], seed=0, dtype="float64", engine=engine)
    model.compile("sgd", "mse", regularizer=dk.regularizers.L2(0.3, compat="sklearn"))
    expected = 0.15 * (model.build(4).layers[0].kernel ** 2).sum() / 30
    for size in (7, 30):
        assert model.evaluate(X, y, batch_size=size)["penalty"] == pytest.approx(expected, rel=1e-12)
