"""Models, data and loops of one's own that the tests of training without fit share."""

from __future__ import annotations

import numpy as np
from python_layers import Scale

import densekit as dk
from densekit import _data as data
from densekit import _network as network
from densekit import losses, optimizers, regularizers, schedules
from densekit._config import layer_config, layer_from_config
from densekit._fit import row_order
from densekit.layers import Activation, BatchNorm, Dense, Dropout, GaussianNoise, LayerNorm, Residual


def assert_same_bits(one, other, what=""):
    for name, value in one.weights.items():
        np.testing.assert_array_equal(
            value.view(np.uint8), other.weights[name].view(np.uint8), err_msg=f"{what}: {name}"
        )
    for a, b in zip(one._ready().states, other._ready().states, strict=True):
        np.testing.assert_array_equal(a.view(np.uint8), b.view(np.uint8), err_msg=what)
    assert one.step == other.step


def again(layer):
    """Another layer of the same make: a layer belongs to one model."""
    return layer_from_config(layer_config(layer))


def own_fit(model, X, y, sample_weight=None, *, batch_size, epochs, way="loss_and_gradients"):
    """fit, by hand. way: where the gradients come from."""
    for _ in range(epochs):
        order = row_order(model.seed, model.epoch, len(X))
        for first, last in data.batches(len(X), batch_size, False, network.needs_two_rows(model.layers)):
            rows = order[first:last]
            w = None if sample_weight is None else sample_weight[rows]
            if way == "loss_and_gradients":
                _, gradients = model.loss_and_gradients(X[rows], y[rows], w)
            else:
                z, pullback = model.vjp(X[rows], training=True)
                _, dz = model.loss(z, y[rows], sample_weight=w)
                _, gradients = pullback(dz)
            per_weight = {}
            if model._spec["penalty_per_weight"]:
                per_weight = {"weight": len(rows) if w is None else w.sum()}
            model.apply_gradients(gradients, **per_weight)
        model.epoch += 1


def plain():
    return [Dense(8, "relu"), Dense(3)]


def normed():
    return [Dense(8, "relu"), BatchNorm(), Dense(3)]


def dropped():
    return [Dense(20, "relu"), Dropout(0.4), Dense(3)]


SGD, ADAM = optimizers.SGD, optimizers.Adam
TRAININGS = {
    "batch norm": (normed, {}),
    "batch norm of PyTorch": (
        lambda: [BatchNorm(), Dense(8, "tanh"), BatchNorm(stats_decay=0.5, running_var="unbiased"), Dense(3)],
        {},
    ),
    "dropout and noise": (lambda: [GaussianNoise(0.3), *dropped()], {}),
    "classic dropout": (lambda: [Dropout(0.2, mode="classic"), Dense(9, "gelu"), Dense(3)], {}),
    "blocks": (
        lambda: [
            Dense(8),
            Residual([BatchNorm(), Activation("silu"), Dropout(0.3), Dense(8)]),
            LayerNorm(),
            Dense(3),
        ],
        {},
    ),
    "clip_norm": (normed, {"clip_norm": 0.05}),
    "clip_value": (plain, {"clip_value": 0.01}),
    "clipping": (dropped, {"clip_value": 0.01, "clip_norm": 0.1}),
    "L2": (normed, {"regularizer": regularizers.L2(0.1)}),
    "proximal L1": (normed, {"regularizer": regularizers.L1(0.05), "clip_norm": 0.3}),
    "L1 subgradient": (plain, {"regularizer": regularizers.L1(0.05, mode="subgradient")}),
    "L2 per weight": (plain, {"regularizer": regularizers.L2(0.5, compat="sklearn")}),
    "L1 per weight": (normed, {"regularizer": regularizers.L1L2(0.5, 0.1, compat="sklearn")}),
    "decay": (normed, {"optimizer": optimizers.AdamW(0.02, weight_decay=0.3)}),
    "schedule of steps": (dropped, {"optimizer": SGD(schedules.Exponential(0.1, 0.8, unit="step"), momentum=0.9)}),
    "schedule of epochs": (normed, {"optimizer": optimizers.RMSprop(schedules.Step(0.05, step_size=1, gamma=0.3))}),
    "warm-up": (plain, {"optimizer": ADAM(schedules.WarmUp(schedules.Exponential(0.05, 0.9, unit="step"), length=7))}),
    "maximize": (normed, {"optimizer": optimizers.Nadam(0.001, maximize=True)}),
    "keras": (normed, {"optimizer": SGD(0.05, momentum=0.9, nesterov=True, compat="keras")}),
    "frozen": (
        lambda: [
            Dense(8, "relu", trainable=False),
            BatchNorm(trainable=False),
            Dense(8, kernel_regularizer="l2"),
            *normed(),
        ],
        {"clip_norm": 0.1},
    ),
    "a Python layer": (lambda: [Dense(8, "tanh"), Scale(1.5), BatchNorm(), Dense(3)], {}),
    "huber": (normed, {"loss": losses.Huber(delta=0.3)}),
    "sum": (normed, {"loss": losses.MeanSquaredError(reduction="sum"), "clip_norm": 1}),
    "labels": (dropped, {"loss": losses.CrossEntropy(label_smoothing=0.1)}),
    "softmax": (
        lambda: [Dense(8, "relu"), BatchNorm(), Dense(3, "softmax")],
        {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]},
    ),
}
# Elsewhere the loss does not take the outputs as they are, or it is computed in another order.
THROUGH_VJP = [name for name in TRAININGS if name not in ("softmax", "sum")]


def of_training(name, engine="native", dtype="float64"):
    layers, compiled = TRAININGS[name]
    model = dk.Sequential(layers(), seed=5, dtype=dtype, engine=engine)
    return model.compile(**{"optimizer": "adam", "loss": "mse"} | compiled)


def some_data(name, dtype="float64", rows=33, inputs=6):
    rng = np.random.default_rng(11)
    X, w = rng.normal(1, 2, (rows, inputs)).astype(dtype), rng.uniform(0.2, 2, rows)
    y = rng.integers(0, 3, rows) if name in ("labels", "softmax") else rng.normal(size=(rows, 3)).astype(dtype)
    return X, y, w


def waiting_model(engine, *, dtype="float64", **more):
    layers = [BatchNorm(name="first", **more), Dense(4, "tanh"), BatchNorm(name="last"), Dense(3)]
    model = dk.Sequential(layers, seed=1, dtype=dtype, engine=engine)
    model.compile("sgd", "mse").build(6)
    return model


def statistics(model):
    return {name: value.copy() for name, value in model.weights.items() if name.endswith(("mean", "variance"))}


def assert_statistics(model, expected, same=True):
    equal = [np.array_equal(value, expected[name]) for name, value in statistics(model).items()]
    assert all(equal) if same else not any(equal)


def a_pass(kind, model, X, y):
    if kind == "call":
        model(X, training=True)
    elif kind == "vjp":
        model.vjp(X, training=True)
    elif kind == "loss_and_gradients":
        model.loss_and_gradients(X, y)
    else:
        model.evaluate_objective(model.trainable_parameters(), X, y)


PASSES = ["call", "vjp", "loss_and_gradients", "evaluate_objective"]
