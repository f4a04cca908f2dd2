"""Planted problems are found, healthy trainings are left in peace; curves and the decomposition by refits."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import densekit as dk
from densekit.diagnostics import (
    LearningCurve,
    bias_variance,
    diagnose,
    learning_curve,
    validation_curve,
)
from densekit.layers import BatchNorm, Dense, Dropout

ROOT = Path(__file__).resolve().parents[1]


def _tool():
    spec = importlib.util.spec_from_file_location("planted_problems", ROOT / "tools" / "planted_problems.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["planted_problems"] = module
    spec.loader.exec_module(module)
    return module


planted = _tool()


@pytest.fixture(autouse=True, scope="module")
def _one_blas_thread():
    """The quick learner's small systems wait long for NumPy's threads where others use the cores."""
    threadpoolctl = pytest.importorskip("threadpoolctl")
    with threadpoolctl.threadpool_limits(1, "blas"):
        yield


@pytest.mark.parametrize("name", planted.PROBLEMS)
def test_planted_problem_is_found_at_the_middle_severity(name):
    """A seed that the limits were not frozen on; tools/planted_problems.py --full has twenty."""
    right, report = planted.found(name, 1, 50)
    assert right, f"expected {planted.PROBLEMS[name][0]}, got\n{report}"
    finding = report[planted.PROBLEMS[name][0]]
    assert finding.advice
    assert finding.numbers
    assert finding.name in str(report)


def test_healthy_trainings_have_no_warnings():
    warned = [seed for seed in range(500, 512) if planted.healthy_report(seed).warnings]
    assert len(warned) <= 1, warned


def trained(X, y, *layers, epochs=20, loss="mse", optimizer="adam", **fit):
    model = dk.Sequential(layers, seed=0).compile(optimizer, loss)
    model.fit(X, y, epochs=epochs, verbose=0, **fit)
    return model


def test_training_and_validation_are_compared_in_the_same_mode(rng):
    """With dropout switched on the training loss is far above; the report must not see a gap, nor the other way."""
    X = rng.normal(size=(400, 4))
    y = X @ [1.0, -1.0, 0.5, 0.0]
    model = trained(X, y, Dense(64, "relu"), Dropout(0.5), Dense(1), epochs=60, optimizer=dk.optimizers.Adam(0.01))
    noisy = model.history.history["loss"][-1]
    report = diagnose(model, X, y, X, y)
    assert report.numbers["training loss"] == pytest.approx(report.numbers["validation loss"])
    assert report.numbers["training loss"] == pytest.approx(model.evaluate(X, y)["loss"], rel=1e-6)
    assert noisy > 1.5 * report.numbers["training loss"]
    assert "overfitting" not in report


def test_the_model_stays_as_it_is(rng):
    X, y = rng.normal(size=(100, 3)), rng.normal(size=100)
    model = trained(X, y, Dense(8, "relu"), BatchNorm(), Dense(1))
    before, step = model.get_weights(), model.step
    diagnose(model, X, y, X[:30], y[:30])
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.step == step


def test_batch_size_from_the_history_or_the_caller(rng):
    X, y = rng.normal(size=(64, 3)), rng.normal(size=64)
    model = trained(X, y, Dense(4), BatchNorm(), Dense(1), batch_size=4, epochs=2)
    assert diagnose(model, X, y)["batch_norm_small_batch"].numbers["batch size"] == 4
    assert "batch_norm_small_batch" not in diagnose(model, X, y, batch_size=32)


def test_a_batch_norm_in_front_scales_the_input(rng):
    X = 1000 * rng.normal(size=(100, 3))
    y = X[:, 0] / 1000
    assert "unscaled_input" in diagnose(trained(X, y, Dense(1), epochs=1), X, y)
    assert "unscaled_input" not in diagnose(trained(X, y, BatchNorm(), Dense(1), epochs=1), X, y)


def test_other_losses_and_targets_pass_through(rng):
    X = rng.normal(size=(120, 3))
    cases = [
        ("poisson_nll", [Dense(1)], rng.poisson(2.0, 120).astype(float)),
        ("gaussian_nll", [Dense(2)], rng.normal(size=120)),
        ("binary_crossentropy", [Dense(2, "sigmoid")], (X[:, :2] > 0).astype(float)),
        ("categorical_crossentropy", [Dense(3, "softmax")], np.eye(3)[rng.integers(0, 3, 120)]),
        ("mse", [Dense(2)], X[:, :2]),
    ]
    for loss, layers, y in cases:
        report = diagnose(trained(X, y, *layers, loss=loss, epochs=2), X, y, X[:40], y[:40])
        assert np.isfinite(list(report.numbers.values())).all(), loss
        assert len(report) == len(list(report)) == len(report.names)


def test_report_speaks(rng):
    X = 1000 * rng.normal(size=(100, 3))
    y = 5 * X[:, 0]
    report = diagnose(trained(X, y, Dense(4, "tanh"), Dense(1, "sigmoid"), epochs=1), X, y)
    severities = [f.severity for f in report]
    assert severities == sorted(severities, key=["severe", "warning", "info"].index)
    assert "try: standardize" in str(report)
    with pytest.raises(KeyError, match="the report has no 'nonsense'; it has "):
        report["nonsense"]


def test_refusals(rng):
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20)
    model = trained(X, y, Dense(1), epochs=1)
    with pytest.raises(TypeError, match="give X_val and y_val"):
        diagnose(model, X, y, X)
    with pytest.raises(TypeError, match="history must be what fit returned"):
        diagnose(model, X, y, history=3)
    with pytest.raises(ValueError, match="metric must be 'loss' or one"):
        learning_curve(lambda seed: model.clone(), X, y, X, y, metric="accuracy")
    with pytest.raises(ValueError, match="sizes must be shares"):
        learning_curve(lambda seed: model.clone(), X, y, X, y, sizes=(30,))


# Refits.


def line(seed, units=None):
    layers = [Dense(1)] if units is None else [Dense(units, "tanh"), Dense(1)]
    return dk.Sequential(layers, seed=seed).compile(dk.optimizers.Adam(0.03), "mse")


def test_bias_and_variance_add_up_and_trade_off(rng):
    X = rng.uniform(-1, 1, (40, 1))
    y = np.sin(4 * X[:, 0]) + 0.3 * rng.normal(size=40)
    X_test = np.linspace(-1, 1, 80).reshape(-1, 1)
    truth = np.sin(4 * X_test[:, 0])
    found = {}
    for name, units in (("line", None), ("wide", 64)):
        found[name] = bias_variance(lambda s, u=units: line(s, u), X, y, X_test, truth, repeats=8, epochs=150)
        f = found[name]
        assert f.error == pytest.approx(f.bias_squared + f.variance, rel=1e-10)
        assert f.predictions.shape == (8, 80, 1)
        np.testing.assert_allclose(f.variance, f.predictions.var(axis=0).mean())
        np.testing.assert_allclose(f.bias_squared, ((f.predictions.mean(axis=0)[:, 0] - truth) ** 2).mean())
    assert found["line"].bias_squared > 2 * found["wide"].bias_squared
    assert found["wide"].variance > found["line"].variance


def test_ridge_trades_bias_for_variance(rng):
    """R3: bias² rises and variance falls with λ."""
    X = rng.normal(size=(30, 5))
    y = X @ [1.0, -1.0, 0.5, 0.0, 2.0] + rng.normal(size=30)
    X_test = rng.normal(size=(100, 5))
    truth = X_test @ [1.0, -1.0, 0.5, 0.0, 2.0]

    def penalised(lam):
        return lambda seed: dk.Sequential([Dense(1, kernel_regularizer=dk.regularizers.L2(lam))], seed=seed).compile(
            dk.optimizers.Adam(0.05), "mse"
        )

    found = [bias_variance(penalised(lam), X, y, X_test, truth, repeats=10, epochs=150) for lam in (0.0, 1.0, 10.0)]
    assert found[0].bias_squared < found[1].bias_squared < found[2].bias_squared
    assert found[0].variance > found[1].variance > found[2].variance


def test_learning_curve_falls_and_says_so(rng):
    X = rng.normal(size=(240, 6))
    y = np.sin(2 * X[:, 0]) + X[:, 1]
    curve = learning_curve(
        lambda s: line(s, 32), X[:160], y[:160], X[160:], y[160:], sizes=(20, 0.5, 1.0), repeats=2, epochs=60
    )
    assert curve.sizes.tolist() == [20, 80, 160]
    assert curve.training.shape == curve.validation.shape == (3, 2)
    means = curve.validation.mean(axis=1)
    assert means[0] > means[1] > means[2]


def test_not_enough_data_comes_from_the_curve(rng):
    X, y = rng.normal(size=(50, 2)), rng.normal(size=50)
    model = trained(X, y, Dense(1), epochs=1)
    sizes, low = np.array([25, 50]), np.array([[0.1], [0.1]])
    falling = LearningCurve(sizes, low, np.array([[2.0], [1.0]]), "loss")
    level = LearningCurve(sizes, low, np.array([[1.01], [1.0]]), "loss")
    assert "not_enough_data" in diagnose(model, X, y, curve=falling)
    assert "not_enough_data" not in diagnose(model, X, y, curve=level)


def test_validation_curve_knows_the_best(rng):
    X = rng.normal(size=(60, 3))
    y = (X[:, 0] > 0).astype(np.int64)

    def make(rate):
        layers = [Dense(2, "softmax")]
        model = dk.Sequential(layers, seed=0)
        return model.compile(dk.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])

    for metric in ("loss", "accuracy"):
        curve = validation_curve(make, [1e-6, 0.5], X, y, X, y, metric=metric, repeats=2, epochs=10)
        assert curve.best == 0.5
        assert curve.validation.shape == (2, 2)
        np.testing.assert_allclose(curve.validation, curve.training)  # the same rows, the same mode
