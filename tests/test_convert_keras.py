"""Networks and optimizers of Keras 3, and optimizers of PyTorch, as ours. Skips what is not installed."""

from __future__ import annotations

import os

import numpy as np
import pytest

import densekit as dk
from densekit import convert, optimizers, regularizers
from densekit.layers import Activation

CLOSE = {"rtol": 2e-6, "atol": 2e-6}
pytestmark = [  # Keras's own, with PyTorch below it
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You passed `rms_scaling=True`:UserWarning"),
    pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`:UserWarning"),
]


@pytest.fixture(scope="module")
def keras():
    pytest.importorskip("torch", reason="PyTorch, which Keras shall compute with, is not installed")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras", reason="Keras is not installed")


@pytest.fixture
def X(rng):
    return rng.normal(size=(40, 5)).astype(np.float32)


def outputs(model, X):
    return np.asarray(model(X).detach().cpu().numpy() if hasattr(model(X), "detach") else model(X))


def busy(model, rng):
    """Weights and statistics that are not those of the beginning."""
    for weight in model.weights:
        if "count" not in weight.name and "seed" not in weight.name:
            signs = [-1, 1] if len(weight.shape) == 2 else [1]
            weight.assign(rng.uniform(0.2, 1.2, weight.shape) * rng.choice(signs, weight.shape))
    return model


def test_a_network_of_all_layers(keras, X, rng):
    L = keras.layers
    theirs = keras.Sequential(
        [
            L.Input((5,)),
            L.Flatten(),
            L.Normalization(mean=[0.0, 1, 2, 3, 4], variance=[1.0, 4, 0, 2, 9]),
            L.Rescaling(0.5, offset=-1.0),
            L.Dense(8, "gelu", use_bias=False),
            keras.Sequential([L.Dense(6), L.PReLU(), L.BatchNormalization()]),
            L.LayerNormalization(scale=False),
            L.RMSNormalization(),
            L.PReLU(shared_axes=[1]),
            L.ReLU(max_value=6),
            L.LeakyReLU(0.2),
            L.ELU(0.5),
            L.Dropout(0.3),
            L.GaussianNoise(0.1),
            L.Identity(),
            L.Dense(4, "tanh"),
            L.Softmax(),
        ]
    )
    busy(theirs, rng)
    theirs.layers[3].trainable = False
    ours = convert.from_keras(theirs)
    X[:, 2] = np.linspace(2 - 1e-9, 2 + 1e-9, 40)  # the column without variance
    np.testing.assert_allclose(ours.predict(X), outputs(theirs, X), **CLOSE)
    assert " ".join(layer.kind for layer in ours.layers) == (
        "normalization rescaling dense dense prelu batch_norm layer_norm rms_norm prelu activation activation "
        "activation dropout gaussian_noise dense activation"
    )
    assert [layer.trainable for layer in ours.layers if layer.kind == "dense"] == [False, True, True]
    assert (ours.layers[5].eps, ours.layers[5].stats_decay, ours.layers[8].shared) == (1e-3, 0.99, True)


NAMES = (
    "linear relu relu6 leaky_relu elu selu gelu silu swish mish sigmoid hard_sigmoid tanh softplus softsign hard_silu "
    "hard_swish hard_tanh soft_shrink softmax log_softmax"
)


@pytest.mark.parametrize("name", NAMES.split())
def test_every_activation(keras, X, rng, name):
    if name in ("hard_tanh", "soft_shrink") and not hasattr(keras.activations, name):
        pytest.skip("this Keras does not have it")
    L = keras.layers
    theirs = busy(keras.Sequential([L.Input((5,)), L.Dense(4, name), L.Dense(3), L.Activation(name)]), rng)
    np.testing.assert_allclose(convert.from_keras(theirs).predict(X), outputs(theirs, X), **CLOSE)


def test_an_adapted_normalization(keras, X):
    layer = keras.layers.Normalization()
    layer.adapt(X * 3 + 1)
    theirs = keras.Sequential([keras.layers.Input((5,)), layer, keras.layers.Dense(2)])
    ours = convert.from_keras(theirs)
    assert ours.layers[0].adapted
    np.testing.assert_allclose(ours.layers[0].mean, (X * 3 + 1).mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(ours.predict(X), outputs(theirs, X), rtol=1e-5, atol=1e-5)
    again = dk.Sequential([dk.layers.Normalization(), dk.layers.Dense(2)], seed=0).adapt(X * 3 + 1)
    np.testing.assert_allclose(again.layers[0].variance, ours.layers[0].variance, rtol=1e-5)


SHAPED = {
    "flatten": ((4, 3), lambda L: [L.Flatten(), L.Dense(5, "relu"), L.Flatten(), L.Dense(2)]),
    "norms": ((4, 3), lambda L: [L.Dense(5, "gelu"), L.BatchNormalization(), L.LayerNormalization(axis=2), L.Dense(2)]),
    "flatten later": ((4, 3), lambda L: [L.RMSNormalization(), L.Dense(5), L.Flatten(), L.Dense(2, "softmax")]),
    "prelu": ((4, 3), lambda L: [L.PReLU(shared_axes=[1]), L.Dense(5), L.PReLU(shared_axes=[1, 2])]),
    "reshape": ((12,), lambda L: [L.Reshape((4, -1)), L.Dense(5), L.Softmax(), L.Reshape((20,)), L.Dense(2)]),
    "images": ((6, 6, 2), lambda L: [L.Rescaling(0.5), L.Dense(3, "relu"), L.Dropout(0.2), L.Flatten(), L.Dense(4)]),
    "of the data": ((4, 3), lambda L: [L.Normalization(mean=[0.0, 1, 2], variance=[1.0, 4, 2]), L.Dense(2)]),
}


@pytest.mark.parametrize("name", SHAPED)
def test_rows_of_several_axes(keras, rng, name):
    shape, parts = SHAPED[name]
    theirs = busy(keras.Sequential([keras.layers.Input(shape), *parts(keras.layers)]), rng)
    X = rng.normal(size=(9, *shape)).astype(np.float32)
    ours = convert.from_keras(theirs)
    assert ours.input_shape == shape
    assert ours.output_shape == theirs.output_shape[1:]
    np.testing.assert_allclose(ours.predict(X), outputs(theirs, X), rtol=2e-5, atol=2e-5)


def test_penalties_come_along(keras, X, rng):
    L, R = keras.layers, keras.regularizers
    theirs = keras.Sequential(
        [
            L.Input((5,)),
            L.Dense(4, kernel_regularizer=R.L2(0.1), bias_regularizer=R.L1(0.2)),
            L.BatchNormalization(gamma_regularizer=R.L1L2(0.3, 0.4)),
            L.PReLU(alpha_regularizer=R.L2(0.5)),
        ]
    )
    busy(theirs, rng)
    ours = convert.from_keras(theirs).compile("sgd", "mse")
    expected = sum(float(keras.ops.convert_to_numpy(loss)) for loss in theirs.losses)
    assert ours.evaluate(X, np.zeros((40, 4)))["penalty"] == pytest.approx(expected, rel=1e-6)
    assert ours.layers[0].kernel_regularizer == regularizers.L2(0.1, compat="keras")


def test_what_has_no_counterpart(keras):
    L = keras.layers
    for layer, message in (
        (L.Dense(2, "exponential"), "dense.*: its activation 'exponential' has no counterpart"),
        (L.Dense(2, lambda x: x), "its activation is a function of its own"),
        (L.Dense(2, kernel_constraint="non_neg"), "kernel_constraint"),
        (L.Dense(2, kernel_regularizer=keras.regularizers.OrthogonalRegularizer()), "OrthogonalRegularizer"),
        (L.ReLU(max_value=3), "max_value=3"),
        (L.ReLU(max_value=6, negative_slope=0.1), "negative_slope=0.1"),
        (L.LayerNormalization(rms_scaling=True), "rms_scaling=True"),
        (L.Dropout(0.1, noise_shape=(None, 1)), "noise_shape"),
        (L.Normalization(invert=True, mean=0.0, variance=1.0), "invert=True"),
        (L.UnitNormalization(), "is a UnitNormalization, which has no counterpart; known are Dense, "),
    ):
        with pytest.raises(ValueError, match=f"from_keras: .*{message}"):
            convert.from_keras(keras.Sequential([L.Input((2,)), layer]))
    with pytest.raises(ValueError, match="no weights yet"):
        convert.from_keras(keras.Sequential([L.Dense(2)]))
    for layer, message in (
        (L.PReLU(), "shared_axes=None has no counterpart"),
        (L.PReLU(shared_axes=[2]), r"shared_axes=\[2\] has no counterpart"),
        (L.BatchNormalization(axis=1), "axis=1 has no counterpart"),
        (L.Softmax(axis=1), "axis=1 has no counterpart"),
        (L.Flatten(data_format="channels_first"), "data_format='channels_first' has no counterpart"),
    ):
        with pytest.raises(ValueError, match=f"from_keras: .*{message}"):
            convert.from_keras(keras.Sequential([L.Input((2, 3)), layer]))
    with pytest.raises(ValueError, match="expected rows of a known shape"):
        convert.from_keras(keras.Sequential([L.Input((None, 3)), L.Dense(2)]))


# Optimizers: twenty updates of a kernel and a bias.


def our_path(optimizer, X, y):
    layer = dk.layers.Dense(1, kernel_initializer=np.full((5, 1), 0.5), bias_initializer="ones")
    model = dk.Sequential([layer], seed=0, dtype="float64").compile(optimizer, "mse").build(5)
    for _ in range(20):
        model.train_on_batch(X, y)
    return np.append(layer.kernel.ravel(), layer.bias)


def their_path(keras, optimizer, X, y):
    w, b = keras.Variable(np.full((5, 1), 0.5), dtype="float64"), keras.Variable(np.ones(1), dtype="float64")
    optimizer.build([w, b])
    for _ in range(20):
        kernel, bias = (np.asarray(v.value.detach().numpy()) for v in (w, b))
        off = 2 * (X @ kernel + bias - y) / len(X)
        optimizer.apply([keras.ops.convert_to_tensor(g) for g in (X.T @ off, off.sum(axis=0))], [w, b])
    return np.append(w.value.detach().numpy().ravel(), b.value.detach().numpy())


OPTIMIZERS = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True, "weight_decay": 0.25}),
    ("RMSprop", {}),
    ("RMSprop", {"centered": True}),
    ("RMSprop", {"centered": True, "momentum": 0.5, "rho": 0.75}),
    ("Adagrad", {}),
    ("Adadelta", {}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True, "beta_2": 0.75}),
    ("AdamW", {"amsgrad": True, "weight_decay": 0.25}),
    ("Nadam", {}),
    ("Lion", {"weight_decay": 0.25}),
]


@pytest.mark.parametrize(("kind", "options"), OPTIMIZERS)
def test_optimizers_make_the_same_updates(keras, kind, options, rng):
    X, y = rng.normal(size=(30, 5)), rng.normal(size=(30, 1))
    theirs = getattr(keras.optimizers, kind)(0.03125, **options)
    ours = convert.optimizer(theirs)
    assert ours.compat == "keras"
    assert ours.decay_biases == bool(options.get("weight_decay"))
    # Keras keeps its settings in float32.
    np.testing.assert_allclose(our_path(ours, X, y), their_path(keras, theirs, X, y), rtol=1e-6, atol=1e-7)


def test_optimizers_without_counterpart(keras):
    kinds = keras.optimizers
    for theirs, message in (
        (kinds.Adamax(), "Keras's Adamax has no counterpart; known are SGD"),
        (kinds.Adam(clipnorm=1.0), "clipnorm=1.0; give compile clip_norm="),
        (kinds.Adam(use_ema=True), "use_ema=True"),
        (kinds.Adam(kinds.schedules.ExponentialDecay(0.1, 10, 0.9)), "is a schedule"),
    ):
        with pytest.raises(ValueError, match=f"optimizer: .*{message}"):
            convert.optimizer(theirs)


# PyTorch's.

TORCH = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {"centered": True, "momentum": 0.5, "alpha": 0.9}),
    ("Adagrad", {"initial_accumulator_value": 0.1}),
    ("Adadelta", {"rho": 0.8}),
    ("Adam", {"betas": (0.8, 0.9), "amsgrad": True, "maximize": True}),
    ("AdamW", {"amsgrad": True, "weight_decay": 0.25}),
    ("Adamax", {}),
    ("NAdam", {"momentum_decay": 0.5, "weight_decay": 0.25, "decoupled_weight_decay": True}),
]


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.mark.parametrize(("kind", "options"), TORCH)
def test_torchs_optimizers_make_the_same_updates(torch, kind, options, rng):
    X, y = rng.normal(size=(30, 5)), rng.normal(size=(30, 1))
    w, b = torch.full((5, 1), 0.5, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)  # NAdam's product is kept in it
    try:
        theirs = getattr(torch.optim, kind)([w.requires_grad_(), b.requires_grad_()], lr=0.03125, **options)
        ours = convert.optimizer(theirs)
        for _ in range(20):
            theirs.zero_grad()
            ((torch.tensor(X) @ w + b - torch.tensor(y)) ** 2).mean().backward()
            theirs.step()
    finally:
        torch.set_default_dtype(before)
    expected = np.append(w.detach().numpy().ravel(), b.detach().numpy())
    np.testing.assert_allclose(our_path(ours, X, y), expected, rtol=1e-10, atol=1e-12)
    assert convert.optimizer(theirs) == ours


def test_torchs_optimizers_without_counterpart(torch):
    one, two = (torch.nn.Parameter(torch.ones(2)) for _ in range(2))
    for theirs, message in (
        (torch.optim.ASGD([one]), "PyTorch's ASGD has no counterpart; known are SGD"),
        (torch.optim.SGD([one], 0.1, weight_decay=0.5), r"weight_decay=0.5 .* regularizer=L2\(0.5\)"),
        (torch.optim.SGD([one], 0.1, momentum=0.5, dampening=0.5), "dampening=0.5"),
        (torch.optim.Adagrad([one], lr_decay=0.1), "lr_decay=0.1"),
        (torch.optim.SGD([{"params": [one]}, {"params": [two], "lr": 1.0}], 0.1), "different settings"),
    ):
        with pytest.raises(ValueError, match=f"optimizer: .*{message}"):
            convert.optimizer(theirs)
    for wrong in (3, optimizers.Adam(), Activation("relu"), None):
        with pytest.raises(TypeError, match="optimizer: expected an optimizer of torch"):
            convert.optimizer(wrong)
    for wrong in (3, dk.Sequential(), None):
        with pytest.raises(TypeError, match="from_keras: model must be a keras"):
            convert.from_keras(wrong)
