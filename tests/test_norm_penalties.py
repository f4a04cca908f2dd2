"""Penalties on the parameters of norms and other small layers, and decay of all parameters: decay_biases."""

from __future__ import annotations

import json

import networks as net
import numpy as np
import pytest

import densekit as dk
from densekit import _core, optimizers, regularizers
from densekit.layers import BatchNorm, Dense, LayerNorm, PReLU, Residual, RMSNorm, Scale

ENGINES = pytest.mark.parametrize("engine", ["native", "reference"])
# layer, and its parameters with a penalty
PENALISED = [
    (BatchNorm, ("gamma", "beta")),
    (LayerNorm, ("gamma", "beta")),
    (RMSNorm, ("gamma",)),
    (Scale, ("scale",)),
    (PReLU, ("alpha",)),
]


def data(rng):
    X = rng.normal(size=(20, 3))
    return X, rng.normal(size=(20, 2))


def some(engine, optimizer, **options):
    """A model with every kind of parameter, with weights that are not those of the beginning."""
    layers = [
        Dense(4, "tanh", inputs=3),
        BatchNorm(**options),
        Residual([Dense(4), PReLU(), LayerNorm(**options)]),
        RMSNorm(),
        Scale(),
        Dense(2),
    ]
    model = dk.Sequential(layers, seed=3, dtype="float64", engine=engine).compile(optimizer, "mse")
    rng = np.random.default_rng(5)
    for weight in model.weights.values():
        weight += rng.uniform(0.1, 0.2, weight.shape)
    return model


@ENGINES
@pytest.mark.parametrize(("made", "names"), PENALISED, ids=[made.__name__ for made, _ in PENALISED])
def test_the_penalty_is_part_of_objective_and_gradient(engine, made, names, rng):
    X, y = data(rng)
    given = {f"{name}_regularizer": regularizers.L1L2(0.3, 0.2, mode="subgradient") for name in names}
    plain, penalised = (
        dk.Sequential([Dense(2, inputs=3), made(**options)], seed=0, dtype="float64", engine=engine).compile(
            "sgd", "mse"
        )
        for options in ({}, given)
    )
    weights = [np.array([-0.5, 2.0]) for _ in names]
    for model in (plain, penalised):
        for name, value in zip(names, weights, strict=True):
            setattr(model.layers[1], name, value)
    theta = plain.trainable_parameters()
    value, gradient = plain.evaluate_objective(theta, X, y)
    more, steeper = penalised.evaluate_objective(theta, X, y)
    assert more - value == pytest.approx(len(names) * (0.3 * 2.5 + 0.1 * 4.25), rel=1e-13)
    expected = np.concatenate([0.3 * np.sign(w) + 0.2 * w for w in weights])
    np.testing.assert_allclose((steeper - gradient)[-2 * len(names) :], expected, rtol=1e-13)
    np.testing.assert_array_equal(steeper[: -2 * len(names)], gradient[: -2 * len(names)])
    assert penalised.evaluate(X, y)["penalty"] == pytest.approx(more - value, rel=1e-13)


@ENGINES
def test_proximal_l1_turns_columns_off(engine, rng):
    """A sparse gamma chooses columns, as in network slimming (Liu et al., ICCV 2017)."""
    X = rng.normal(size=(200, 6))
    y = X[:, :1] - 2 * X[:, 1:2]
    layers = [Scale(scale_regularizer=regularizers.L1(0.5)), Dense(1, use_bias=False, trainable=False)]
    model = dk.Sequential(layers, seed=1, dtype="float64", engine=engine)
    model.compile(optimizers.SGD(0.05), "mse").build(6)
    layers[1].kernel = np.array([[1.0], [-1], [1], [1], [-1], [1]])
    model.fit(X, y, epochs=60, verbose=0)
    assert (layers[0].scale[2:] == 0).all()
    assert (layers[0].scale[:2] > 0.5).all()


@pytest.mark.parametrize(("made", "names"), PENALISED, ids=[made.__name__ for made, _ in PENALISED])
def test_they_are_kept_in_files_and_configs(made, names, tmp_path):
    given = {f"{name}_regularizer": regularizers.L2(0.25) for name in names}
    model = dk.Sequential([made(inputs=3, **given), Dense(1)], seed=0).compile("sgd", "mse")
    again = dk.load(model.save(tmp_path / "model.npz") or tmp_path / "model.npz")
    for copy in (again, dk.Sequential.from_config(model.config()), model.clone()):
        kept = [regularizers.get(getattr(copy.layers[0], name)) for name in given]
        assert kept == [regularizers.L2(0.25)] * len(names)
    spec = json.loads(_core.normalize_spec(json.dumps(again._spec or model._spec)))
    assert {spec["layers"][0][f"{name}_penalty"]["l2"] for name in names} == {0.25}


@pytest.mark.parametrize("made", [made for made, _ in PENALISED])
def test_wrong_ones_are_refused_where_they_are_written(made):
    name = dict(PENALISED)[made][0]
    with pytest.raises(ValueError, match="regularizer: name must be one of"):
        made(**{f"{name}_regularizer": "l3"})


def test_penalties_by_the_weights_of_a_batch_do_not_mix():
    layers = [Dense(2, inputs=2), BatchNorm(gamma_regularizer=regularizers.L2(0.1, compat="sklearn")), Dense(1)]
    model = dk.Sequential(layers, seed=0).compile("sgd", "mse")
    assert model.build(2)._spec["penalty_per_weight"] is True
    with pytest.raises(ValueError, match="do not go together in one model"):
        model.compile("sgd", "mse", regularizer="l2")


def test_old_specs_have_none():
    """Specs of version 1 have neither penalties of norms nor decay_biases, inside blocks, too."""
    block = net.residual([net.layer_norm("inner")])
    spec = json.loads(net.network([net.batch_norm("norm"), block], 3, net.loss("mse"), net.optimizer("sgd")))
    for layer in (spec["layers"][0], block["layers"][0], spec["layers"][1]["layers"][0]):
        for key in ("gamma_penalty", "beta_penalty"):
            layer.pop(key, None)
    del spec["optimizer"]["decay_biases"]
    with pytest.raises(ValueError, match="gamma_penalty is missing"):
        _core.normalize_spec(json.dumps(spec))
    spec["version"] = 1
    read = json.loads(_core.normalize_spec(json.dumps(spec)))
    assert read["layers"][0]["gamma_penalty"] == read["layers"][1]["layers"][0]["beta_penalty"] == net.penalty()
    assert read["optimizer"]["decay_biases"] is False
    assert net.engine_of("reference")(json.dumps(spec), []).parameters.size == 4 * 16


# Decay of all parameters.


@ENGINES
@pytest.mark.parametrize("kind", [kind for kind in _core.kinds()["optimizers"] if kind not in ("momentum", "nesterov")])
def test_decay_biases_shrinks_every_trained_parameter(engine, kind, rng):
    """w <- w - lr weight_decay w beside the step, in every optimizer; without it kernels alone shrink."""
    X, y = data(rng)
    after = {}
    for decay, every in ((0.0, False), (0.5, False), (0.5, True)):
        made = type(optimizers.get(kind))(0.01, weight_decay=decay, decay_biases=every)
        model = some(engine, made)
        model.layers[2].layers[0].trainable = False
        before = {name: np.array(w) for name, w in model.weights.items()}
        model.train_on_batch(X, y)
        after[decay, every] = {name: np.array(w) for name, w in model.weights.items()}
    trained = [name for name in before if not name.endswith(("mean", "variance")) and name != "dense_1.kernel"]
    assert {name.split(".")[1] for name in trained} == {"kernel", "bias", "gamma", "beta", "alpha", "scale"}
    for name in before:
        plain, kernels, every = (after[key][name] for key in after)
        frozen = name in ("dense_1.kernel", "dense_1.bias") or name.endswith(("mean", "variance"))
        shrunk = 0 if frozen else 0.005 * before[name]
        np.testing.assert_allclose(every, plain - shrunk, rtol=1e-12, atol=1e-14, err_msg=name)
        np.testing.assert_allclose(
            kernels, plain - shrunk * name.endswith("kernel"), rtol=1e-12, atol=1e-14, err_msg=name
        )


@ENGINES
@pytest.mark.parametrize("options", [{}, {"amsgrad": True}])
def test_adamw_with_it_is_pytorchs(engine, options, rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    nn = torch.nn
    X, y = data(rng)
    layers = [Dense(4, inputs=3), BatchNorm(running_var="unbiased"), PReLU(), LayerNorm(), RMSNorm(eps=1e-6), Dense(2)]
    model = dk.Sequential(layers, seed=2, dtype="float64", engine=engine)
    model.compile(optimizers.AdamW(0.01, weight_decay=0.3, decay_biases=True, **options), "mse").build(3)
    theirs = nn.Sequential(
        nn.Linear(3, 4), nn.BatchNorm1d(4), nn.PReLU(4), nn.LayerNorm(4), nn.RMSNorm(4, eps=1e-6), nn.Linear(4, 2)
    ).double()
    for module, layer in ((theirs[0], layers[0]), (theirs[5], layers[5])):
        module.weight.data[...], module.bias.data[...] = torch.tensor(layer.kernel.T.copy()), torch.tensor(layer.bias)
    optimizer = torch.optim.AdamW(theirs.parameters(), 0.01, weight_decay=0.3, **options)
    for _ in range(20):
        optimizer.zero_grad()
        nn.functional.mse_loss(theirs(torch.tensor(X)), torch.tensor(y)).backward()
        optimizer.step()
        model.train_on_batch(X, y)
    pairs = {
        "dense.bias": theirs[0].bias,
        "batch_norm.gamma": theirs[1].weight,
        "batch_norm.beta": theirs[1].bias,
        "prelu.alpha": theirs[2].weight,
        "layer_norm.gamma": theirs[3].weight,
        "layer_norm.beta": theirs[3].bias,
        "rms_norm.gamma": theirs[4].weight,
        "dense_1.bias": theirs[5].bias,
    }
    np.testing.assert_allclose(model.weights["dense.kernel"].T, theirs[0].weight.detach().numpy(), rtol=1e-6, atol=1e-8)
    for name, weight in pairs.items():
        if name == "dense.bias":  # its gradient is nothing but rounding before a batch norm, and Adam makes steps of it
            continue
        np.testing.assert_allclose(model.weights[name], weight.detach().numpy(), rtol=1e-6, atol=1e-8, err_msg=name)


@ENGINES
def test_matrices_of_layers_in_python_decay_as_kernels_do(engine, rng):
    class Mixing(dk.layers.Layer):
        def build(self, inputs):
            self.add_parameter("matrix", (inputs, inputs), 1.0)
            self.add_parameter("vector", (inputs,), 1.0)
            return inputs

        def forward(self, x, parameters, training):
            return x.copy(), None

        def backward(self, dy, saved, parameters, gradients):
            for gradient in gradients:
                gradient[...] = 0
            return dy

    X, _ = data(rng)
    for every, vector in ((False, 1.0), (True, 0.875)):
        layer = Mixing(inputs=3)
        model = dk.Sequential([layer], seed=0, dtype="float64", engine=engine)
        model.compile(optimizers.SGD(0.5, weight_decay=0.25, decay_biases=every), "mse").train_on_batch(X, X)
        assert (layer.weight("matrix") == 0.875).all()
        assert (layer.weight("vector") == vector).all()
