"""Activations by name: one list, and one function behind a name wherever the name is taken."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import networks as net
import numpy as np
import pytest
import random_networks

import densekit
import densekit.functional as F
import densekit.reference as R
from densekit import _core, layers
from densekit._activations import ACTIVATIONS, ENTRIES, require_complete
from densekit.layers import Activation, Dense

ROOT = Path(__file__).parents[1]
DEFINED = (ROOT / "cpp/include/densekit/activations.def").read_text()
LISTED = re.findall(r"^ACTIVATION\((\w+), \w+, (\w),", DEFINED, re.MULTILINE)
# Each activation with its default, and with two other numbers if it has one.
CASES = [
    (name, number)
    for name, entry in ENTRIES.items()
    for number in ([None] if entry.parameter is None else [None, 0.375, 1.75])
]


def tolerance(dtype):
    return {"rtol": 1e-12, "atol": 1e-13} if dtype == np.float64 else {"rtol": 2e-5, "atol": 2e-6}


@pytest.mark.parametrize(("name", "number"), CASES, ids=lambda v: str(v))
def test_one_function_behind_a_name(name, number, level, dtype, rng):
    """Layer, functional.dense, functional.<name>, the twins and both engines: values and gradients."""
    entry = ENTRIES[name]
    x, w, b, dy = (rng.normal(size=s).astype(dtype) for s in ((9, 4), (4, 5), 5, (9, 5)))
    options = entry.options(entry.default if number is None else number)
    z = x.astype(np.float64) @ w.astype(np.float64) + b
    expected = getattr(R, entry.function)(z, **options)
    slope = getattr(R, f"{entry.function}_backward")(
        dy.astype(np.float64), z if entry.saves == "z" else expected, **options
    )
    gradients = {"dx": slope @ w.T.astype(np.float64), "dw": x.T @ slope, "db": slope.sum(axis=0)}
    close = lambda got, want: np.testing.assert_allclose(got, want, **tolerance(dtype))  # noqa: E731

    close(getattr(F, entry.function)(z.astype(dtype), **options), expected)
    for module in (F, R):
        y, saved = module.dense(x, w, b, activation=name, activation_parameter=number, return_saved=True)
        assert y.dtype == dtype
        close(y, expected)
        np.testing.assert_array_equal(module.dense(x, w, b, activation=name, activation_parameter=number), y)
        out = np.empty_like(y)
        assert module.dense(x, w, b, activation=name, activation_parameter=number, out=out) is out
        np.testing.assert_array_equal(out, y)
        back = module.dense_backward(dy, x, w, activation=name, activation_parameter=number, saved=saved)
        for got, want in zip(back, gradients.values(), strict=True):
            close(got, want)
    alone = Activation(name) if number is None else Activation(name, **{entry.parameter: number})
    # As a name where it is the default, as an Activation with its number, and as a layer of its own.
    inside = [Dense(5, name, inputs=4)] if number is None else []
    for stack in ([*inside] or [Dense(5, alone, inputs=4)], [Dense(5, alone, inputs=4)], [Dense(5, inputs=4), alone]):
        for engine in ("native", "reference"):
            model = densekit.Sequential([layer_again(s) for s in stack], seed=0, dtype=np.dtype(dtype).name)
            if engine == "reference":
                model.compile("sgd", "mse", engine="reference")
            model.build(4)
            model.layers[0].kernel, model.layers[0].bias = w, b
            close(model(x), expected)
            y, pullback = model.vjp(x)
            dx, found = pullback(dy)
            close(y, expected)
            for got, want in zip((dx, *found.values()), gradients.values(), strict=True):
                close(got, want)


@pytest.mark.parametrize(("name", "number"), CASES, ids=lambda v: str(v))
def test_a_number_survives_copies_and_files(name, number, rng, tmp_path):
    parameter = ENTRIES[name].parameter
    alone = Activation(name) if number is None else Activation(name, **{parameter: number})
    x = rng.normal(size=(6, 4)).astype(np.float32)
    for layer in (Dense(4, alone, inputs=4), Activation(alone, inputs=4)):
        model = densekit.Sequential([layer], seed=0).build(4)
        expected = model(x)
        model.save(tmp_path / "m.npz")
        loaded = densekit.load(tmp_path / "m.npz")
        for copy in (model.clone(weights=True), loaded, pickle.loads(pickle.dumps(model))):
            np.testing.assert_array_equal(copy(x), expected)
            assert repr(copy.layers[0]) == repr(layer)


def layer_again(layer):
    """A layer like this one, for a layer belongs to one model."""
    if isinstance(layer, Activation):
        number = {key: getattr(layer, key) for key in {e.parameter for e in ENTRIES.values()} - {None}}
        return Activation(layer.activation, **number)
    return Dense(layer.units, layer.activation, inputs=4)


@pytest.mark.parametrize("name", [*ACTIVATIONS, "linear", "swish"])
def test_dense_takes_what_the_layer_takes(name, rng):
    x, w = rng.normal(size=(3, 4)), rng.normal(size=(4, 5))
    model = densekit.Sequential([Dense(5, name, use_bias=False, inputs=4)], seed=0, dtype="float64")
    model.layers[0].kernel = w
    for module in (F, R):
        np.testing.assert_allclose(module.dense(x, w, activation=name), model(x), rtol=1e-12)
        twin = Activation(name)
        np.testing.assert_array_equal(
            module.dense(x, w, activation=twin), module.dense(x, w, activation=name, activation_parameter=None)
        )


@pytest.mark.parametrize(
    ("activation", "number", "error", "text"),
    [
        ("relu", 0.5, TypeError, "relu takes no number, got activation_parameter=0.5"),
        (None, 0.5, TypeError, "identity takes no number"),
        ("softmax", 0.0, ValueError, r"activation_parameter must be a finite number in \(0, inf\)"),
        ("log_softmax", -1.0, ValueError, "activation_parameter"),
        ("leaky_relu", np.nan, ValueError, "activation_parameter"),
        ("elu", "1", TypeError, "activation_parameter must be a number"),
        ("elu", True, TypeError, "activation_parameter must be a number"),
        (Activation("elu", alpha=2.0), 1.0, TypeError, "has its own number"),
        (Activation, None, TypeError, "activation must be a name"),
        ("rleu", None, ValueError, r"did you mean 'relu'\?"),
        (np.tanh, None, TypeError, "activation must be a name"),
        (["relu"], None, TypeError, "activation must be a name"),
    ],
)
def test_wrong_activations_are_errors(activation, number, error, text):
    x, w = np.ones((2, 3)), np.ones((3, 4))
    for module in (F, R):
        with pytest.raises(error, match=text):
            module.dense(x, w, activation=activation, activation_parameter=number)
        with pytest.raises(error, match=text):
            module.dense_backward(
                np.ones((2, 4)), x, w, activation=activation, activation_parameter=number, saved=np.ones((2, 4))
            )


def test_a_forgotten_activation_fails_with_the_name_of_the_file():
    kernels, records = dict(LISTED), _core.kinds()["activations"]
    require_complete(kernels, records)  # as they are
    relu = records["relu"]
    with pytest.raises(ImportError, match=r"'swiglu', but python/densekit/reference/activations\.py has no formula"):
        require_complete(kernels | {"swiglu": "z"}, records | {"swiglu": relu})
    with pytest.raises(ImportError, match=r"'mish', which cpp/include/densekit/activations\.def does not have"):
        require_complete(*({k: v for k, v in of.items() if k != "mish"} for of in (kernels, records)))
    with pytest.raises(ImportError, match="disagree about what 'tanh' saves"):
        require_complete(kernels | {"tanh": "z"}, records)
    for wrong in ({"parameter": "slope"}, {"default": 1.0}, {"range": relu["range"] | {"low": 0.0}}):
        with pytest.raises(ImportError, match="disagree about the number of 'relu'"):
            require_complete(kernels, records | {"relu": relu | wrong})


def test_other_tables_have_every_activation():
    """Tables that cannot read the list: the specification's defaults, those of the tests."""
    document = (ROOT / "docs/network.md").read_text()
    assert all(entry.parameter is None or name in document for name, entry in ENTRIES.items()), "docs/network.md"
    assert set(random_networks.ACTIVATIONS) == set(ACTIVATIONS) - {"softmax", "log_softmax"}, "tests/random_networks.py"
    assert {n for n, e in ENTRIES.items() if e.default} == set(net.PARAMETERS), "tests/networks.py"
    assert all(ENTRIES[n].default == value for n, value in net.PARAMETERS.items()), "tests/networks.py"
    assert layers.ACTIVATIONS is ACTIVATIONS


@pytest.mark.parametrize("name", [name for name, entry in ENTRIES.items() if entry.parameter])
def test_an_activation_by_name_has_its_usual_number_in_every_copy(name, rng):
    """0 would be another function without a word: in the spec, in configs, through JSON, in both engines."""
    entry = ENTRIES[name]
    x = rng.normal(size=(6, 4))
    for layer in (Dense(4, name), Activation(name)):
        for engine in ("native", "reference"):
            model = densekit.Sequential([layer_again(layer)], seed=0, dtype="float64")
            model.compile("sgd", "mse", engine=engine)
            again = densekit.Sequential.from_config(json.loads(json.dumps(model.config())), engine=engine)
            outputs = []
            for one in (model, again):
                one.build(4)
                z = x @ one.layers[0].kernel + one.layers[0].bias if isinstance(layer, Dense) else x
                expected = getattr(R, entry.function)(z, **entry.options(entry.default))
                np.testing.assert_allclose(one(x), expected, rtol=1e-12, atol=1e-12)
                outputs.append(one(x))
            np.testing.assert_array_equal(*outputs)
