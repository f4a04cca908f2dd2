"""Every kind of layer, loss, optimizer, initializer and activation, as the records of the native engine list them.

A kind that was added in C++ and forgotten elsewhere fails here, with the name of the file.
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path

import networks as net
import numpy as np
import pytest

import densekit
from densekit import _core, _spec_objects, layers, losses, optimizers, reference
from densekit._activations import ENTRIES
from densekit._reference_engine import layers as reference_layers

KINDS = _core.kinds()
GIVEN = {"columns": [2, 0], "units": 3, "shape": [2, 2], "outputs": 3, "layers": [net.dense(4)], "activation": "gelu"}
DOCUMENT = (Path(__file__).parents[1] / "docs/network.md").read_text()
NATIVE = [kind for kind in KINDS["layers"] if kind != "host"]


def engines(text):
    return [net.engine_of(name)(text, []) for name in ("native", "reference")]


def random_layer(kind, rng, name="layer"):
    fields = KINDS["layers"][kind]["fields"]
    made = {key: GIVEN.get(key, net.drawn(about, about["default"], rng)) for key, about in fields.items()}
    if "activation" in made:
        made["activation"] = str(rng.choice([a for a in ENTRIES if a != "identity"]))
        made["parameter"] = ENTRIES[made["activation"]].default
    return {"kind": kind, "name": name, "trainable": True, **made}


def spec_of(layer, dtype="float64", optimizer=None):
    return net.network([layer], 4, net.loss("mse"), optimizer or net.optimizer("sgd"), dtype=dtype)


@pytest.mark.parametrize("kind", NATIVE)
def test_a_layer_has_a_class_in_python_with_its_fields_and_defaults(kind):
    assert kind in layers.BY_KIND, f"python/densekit/layers.py has no class for {kind!r}"
    made = layers.BY_KIND[kind]
    fields = KINDS["layers"][kind]["fields"]
    parameters = inspect.signature(made).parameters
    needed = {
        "units": 3,
        "activation": "gelu",
        "rate": 0.5,
        "std": 0.5,
        "scale": 1.0,
        "layers": [layers.Dense(4)],
        "shape": (2, 2),
        "columns": [2, 0],
        "branches": [layers.Dense(4)],
    }
    arguments = {n: needed[n] for n, p in parameters.items() if p.default is p.empty}
    layer = made(**arguments)
    densekit.Sequential([layer], seed=0)
    layer.attach((4,))
    spec = layer.spec([])
    assert set(spec) - {"kind", "name", "trainable"} == set(fields), f"python/densekit/layers.py: {made.__name__}.spec"
    for name, about in fields.items():
        if name not in arguments and name not in ("parameter", "layers", "shape", "columns"):
            assert spec[name] == about["default"], f"{made.__name__}: the default of {name}"


@pytest.mark.parametrize("kind", KINDS["layers"])
def test_a_layer_has_a_class_in_the_reference_engine(kind):
    assert reference_layers._class_of(kind).kind == kind


@pytest.mark.parametrize("trial", range(4))
@pytest.mark.parametrize("kind", NATIVE)
def test_the_engines_agree_on_random_fields(kind, trial, level):
    """Outputs, both gradients and the weights after three updates."""
    rng = np.random.default_rng([trial, NATIVE.index(kind)])
    layer = random_layer(kind, rng)
    x = rng.normal(size=(9, 4))
    native, twin = engines(spec_of(layer, optimizer=net.optimizer("adam")))
    for training in (False, True):
        tapes = [engine.tape(x, training=training) for engine in (native, twin)]
        np.testing.assert_allclose(tapes[0].output, tapes[1].output, rtol=1e-9, atol=1e-10)
        dy = rng.normal(size=tapes[0].output.shape)
        for got, want in zip(*(tape.pullback(dy) for tape in tapes), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-9)
    y = rng.normal(size=(9, native.outputs))
    for engine in (native, twin):
        engine.epoch(x, y, None, np.arange(9), 3, np.full(3, 0.01))
    np.testing.assert_allclose(native.parameters, twin.parameters, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(native.statistics, twin.statistics, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", ["native", "reference"])
@pytest.mark.parametrize("kind", [kind for kind in NATIVE if kind not in ("flatten", "reshape")])
def test_leading_axes_are_rows_to_a_layer(kind, name):
    """Of n rows (a, b, c) and of n a b rows of c columns it makes the same bits."""
    rng = np.random.default_rng(NATIVE.index(kind))
    spec = json.loads(spec_of(random_layer(kind, rng)))
    axes, plain = (
        net.engine_of(name)(json.dumps(spec | {"inputs": inputs, "loss": None}), []) for inputs in ([3, 2, 4], 4)
    )
    x = rng.normal(size=(9, 24))
    for training in (False, True):
        tapes = axes.tape(x, training=training), plain.tape(x.reshape(-1, 4), training=training)
        np.testing.assert_array_equal(tapes[0].output, tapes[1].output.reshape(9, -1))
        dy = rng.normal(size=tapes[0].output.shape)
        (dx, dp), (dx_apart, dp_apart) = tapes[0].pullback(dy), tapes[1].pullback(dy.reshape(54, -1))
        np.testing.assert_array_equal(dx, dx_apart.reshape(9, -1))
        np.testing.assert_array_equal(dp, dp_apart)


@pytest.mark.parametrize("kind", NATIVE)
def test_gradients_are_differences_of_values(kind):
    """Central differences of sum(dy y) along a direction of the input and of the parameters, without randomness."""
    rng = np.random.default_rng(NATIVE.index(kind))
    layer = random_layer(kind, rng)
    if "activation" in layer:
        layer |= {"activation": "tanh", "parameter": 0.0}  # no kinks
    native, _ = engines(spec_of(layer))
    training = kind not in ("dropout", "gaussian_noise")
    x, u = rng.normal(size=(7, 4)), rng.normal(size=(7, 4))
    tape = native.tape(x, training=training)
    dy = rng.normal(size=tape.output.shape)
    dx, dp = tape.pullback(dy)
    v = rng.normal(size=dp.shape) * (dp != 0)
    start, h = native.parameters.copy(), 1e-6

    def value(t):
        native.parameters[:] = start + t * v
        return (dy * native.forward(x + t * u, training=training)).sum()

    assert (value(h) - value(-h)) / (2 * h) == pytest.approx((dx * u).sum() + (dp * v).sum(), rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("of", ["layers", "losses", "optimizers", "initializers"])
def test_fields_are_held_to_their_ranges(of):
    """A number outside of a field's range is refused with its path; one inside is taken."""
    tried = 0
    for kind, record in KINDS[of].items():
        for name, about in record["fields"].items():
            if about["type"] != "number" or name == "parameter":
                continue
            bounds = about["range"]
            wrong = [bounds["low"] - 1e-3] if bounds["low"] is not None else []
            wrong += [bounds["high"] + 1e-3] if bounds["high"] is not None else []
            wrong += [bounds["low"]] if bounds["open_low"] else []
            wrong += [bounds["high"]] if bounds["open_high"] else []
            for value in wrong:
                text = with_field(of, kind, name, value)
                with pytest.raises(ValueError, match=rf"spec: .*{name}"):
                    _core.normalize_spec(text)
                tried += 1
    assert tried > 2


def with_field(of, kind, name, value):
    rng = np.random.default_rng(0)
    fields = {key: net.drawn(about, about["default"], rng) for key, about in KINDS[of][kind]["fields"].items()}
    one = {"kind": kind, **fields, name: value}
    if of == "layers":
        return spec_of(random_layer(kind, rng) | {name: value})
    if of == "initializers":
        return spec_of(net.dense(3, kernel_initializer=one))
    if of == "losses":
        return net.network(
            [net.dense(3)], 4, {"reduction": "mean", "factor": 1.0, "link": False, "missing": "none", **one}
        )
    return spec_of(net.dense(3), optimizer=net.optimizer("sgd") | one)


@pytest.mark.parametrize("kind", [kind for kind in KINDS["losses"] if kind != "host"])
def test_a_loss_has_its_class_and_its_formula(kind):
    classes = {
        made.kind: made for made in vars(losses).values() if isinstance(made, type) and getattr(made, "kind", "")
    }
    assert kind in classes, f"python/densekit/losses has no class for {kind!r}"
    function = {"softmax_cross_entropy": "softmax_cross_entropy", "multiclass_hinge": "hinge", "rmse": "rmse"}.get(
        kind, kind
    )
    assert hasattr(reference, function), f"python/densekit/reference has no {function}"
    spec = classes[kind]().spec()
    fields = KINDS["losses"][kind]["fields"]
    assert set(spec) - {"kind", "reduction", "factor"} == set(fields)
    for name, about in fields.items():
        if name != "from_logits":  # C++ takes logits, as the operations do; the class of Keras's name probabilities
            assert spec[name] == about["default"], f"{classes[kind].__name__}: the default of {name}"


@pytest.mark.parametrize("kind", KINDS["optimizers"])
def test_an_optimizer_has_its_class_and_its_formula(kind):
    assert kind in reference.optimizers.__all__, f"python/densekit/reference/optimizers.py has no {kind}"
    made = {
        "momentum": lambda: optimizers.SGD(momentum=0.9),
        "nesterov": lambda: optimizers.SGD(momentum=0.9, nesterov=True),
    }
    spec = made.get(kind, lambda: optimizers.get(kind))().spec()
    assert spec["lr"] == KINDS["optimizers"][kind]["lr"]
    common = {"kind", "lr", "weight_decay", "maximize", "compat", "decay_biases"}
    fields = KINDS["optimizers"][kind]["fields"]
    assert set(spec) - common == set(fields)
    for name, about in fields.items():
        assert spec[name] == about["default"], f"{kind}: the default of {name}"


@pytest.mark.parametrize("compat", ["torch", "keras", "sklearn", "dlfs"])
@pytest.mark.parametrize("kind", KINDS["optimizers"])
def test_the_engines_agree_on_random_optimizers(kind, compat, level):
    """Twenty updates with random settings, decay and direction."""
    for trial in range(3):
        rng = np.random.default_rng([trial, *map(ord, kind)])
        fields = {n: net.drawn(a, a["default"], rng) for n, a in KINDS["optimizers"][kind]["fields"].items()}
        settings = {
            "kind": kind,
            "lr": 0.02,
            "weight_decay": 0.05,
            "maximize": bool(trial % 2),
            "compat": compat,
            "decay_biases": bool(rng.random() < 0.5),
            **fields,
        }
        spec = net.network([net.dense(5, "tanh"), net.dense(2)], 4, net.loss("mse"), settings, dtype="float64")
        x, y = rng.normal(size=(12, 4)), rng.normal(size=(12, 2))
        pair = engines(spec)
        for engine in pair:
            for _ in range(5):
                engine.epoch(x, y, None, np.arange(12), 3, np.full(4, 0.02))
        np.testing.assert_allclose(pair[0].parameters, pair[1].parameters, rtol=1e-6, atol=1e-8, err_msg=str(settings))


@pytest.mark.parametrize("kind", KINDS["initializers"])
def test_an_initializer_is_known_to_both_engines(kind):
    fields = KINDS["initializers"][kind]["fields"]
    rng = np.random.default_rng(1)
    made = {"kind": kind, **{n: net.drawn(a, a["default"], rng) for n, a in fields.items()}}
    if kind == "uniform":
        made |= {"low": -0.5, "high": 0.25}
    native, twin = engines(spec_of(net.dense(3, kernel_initializer=made)))
    np.testing.assert_allclose(native.parameters, twin.parameters, rtol=1e-9, atol=1e-12)
    assert kind in _spec_objects._INITIALIZERS, f"python/densekit/_spec_objects.py has no class for {kind}"


@pytest.mark.parametrize("of", ["layers", "losses", "optimizers", "initializers"])
def test_the_document_has_every_kind_and_field(of):
    for kind, record in KINDS[of].items():
        assert kind in DOCUMENT, f"docs/network.md has no {kind}"
        for name in record["fields"]:
            assert name in DOCUMENT, f"docs/network.md: {kind} has no {name}"


def test_old_specs_lack_what_is_newer():
    """A field is asked for from the version on that has it; in an older spec it has its default."""
    old = json.loads(spec_of(net.dense(3), optimizer=net.optimizer("adam"))) | {"version": 1}
    del old["optimizer"]["amsgrad"]
    assert json.loads(_core.normalize_spec(json.dumps(old)))["optimizer"]["amsgrad"] is False
    with pytest.raises(ValueError, match=r"optimizer\.amsgrad is missing"):
        _core.normalize_spec(json.dumps(old | {"version": 2}))
