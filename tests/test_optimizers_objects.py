"""Optimizers as objects: the defaults of each library, the spec, names and ranges."""

from __future__ import annotations

import inspect
import json
import pickle

import pytest

import densekit.functional as F
from densekit import optimizers, schedules
from densekit.optimizers import LBFGS, SGD, Adadelta, Adagrad, Adam, Adamax, AdamW, Lion, Nadam, RMSprop, Yogi

CLASSES = [SGD, RMSprop, Adagrad, Adadelta, Adam, AdamW, Adamax, Nadam, Lion, Yogi]

# The hyper-parameters of each kind, as docs/network.md lists them.
FIELDS = {
    "sgd": set(),
    "momentum": {"momentum", "dampening"},
    "nesterov": {"momentum"},
    "rmsprop": {"rho", "eps", "centered", "momentum"},
    "adagrad": {"eps", "initial"},
    "adadelta": {"rho", "eps"},
    "adam": {"beta1", "beta2", "eps", "amsgrad"},
    "adamax": {"beta1", "beta2", "eps"},
    "nadam": {"beta1", "beta2", "eps", "momentum_decay"},
    "lion": {"beta1", "beta2"},
    "yogi": {"beta1", "beta2", "eps", "initial"},
}
COMMON = {"kind", "lr", "weight_decay", "maximize", "compat", "decay_biases"}


@pytest.mark.parametrize(
    "optimizer", [*(c() for c in CLASSES), SGD(momentum=0.9), SGD(momentum=0.9, nesterov=True)], ids=lambda o: o.kind
)
def test_spec_has_every_field_of_its_kind(optimizer):
    spec = optimizer.spec()
    assert set(spec) == COMMON | FIELDS[spec["kind"]]
    assert json.loads(json.dumps(spec)) == spec
    function = getattr(F, spec["kind"])
    hyper_parameters = set(inspect.signature(function).parameters)
    assert FIELDS[spec["kind"]] - {"initial"} <= hyper_parameters


@pytest.mark.parametrize("make", CLASSES)
def test_defaults_are_those_of_functional(make):
    optimizer = make()
    parameters = inspect.signature(getattr(F, make.__name__.lower())).parameters
    for name, parameter in parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is not inspect.Parameter.empty:
            assert getattr(optimizer, name) == parameter.default, name


def test_defaults_are_those_of_torch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    for make in CLASSES:
        theirs = getattr(torch.optim, {Nadam: "NAdam"}.get(make, make.__name__), None)
        if theirs is None:
            assert make in (Lion, Yogi)
            continue
        known = {n: p.default for n, p in inspect.signature(theirs).parameters.items()}
        known |= dict(zip(("beta1", "beta2"), known.get("betas", ()), strict=False))
        known["rho"] = known.get("alpha", known.get("rho"))
        known["initial"] = known.get("initial_accumulator_value")
        ours = make()
        names = FIELDS[ours.kind] | {"weight_decay", "lr"} if make is not SGD else {"momentum", "dampening"}
        for name in names:
            assert getattr(ours, name) == known[name], (make, name)


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [  # keras.optimizers of Keras 3, sklearn.neural_network.MLPClassifier, common/optimizer.py of DLFS
        (SGD(compat="keras"), {"lr": 0.01, "momentum": 0.0}),
        (RMSprop(compat="keras"), {"lr": 0.001, "rho": 0.9, "eps": 1e-7}),
        (Adagrad(compat="keras"), {"lr": 0.001, "initial": 0.1, "eps": 1e-7}),
        (Adadelta(compat="keras"), {"lr": 0.001, "rho": 0.95, "eps": 1e-7}),
        (Adam(compat="keras"), {"lr": 0.001, "beta1": 0.9, "beta2": 0.999, "eps": 1e-7, "weight_decay": 0.0}),
        (AdamW(compat="keras"), {"lr": 0.001, "eps": 1e-7, "weight_decay": 0.004}),
        (Nadam(compat="keras"), {"lr": 0.001, "eps": 1e-7, "momentum_decay": 1.0}),
        (Lion(compat="keras"), {"lr": 0.001, "beta1": 0.9, "beta2": 0.99}),
        (SGD(compat="sklearn"), {"lr": 0.001, "momentum": 0.9}),
        (Adam(compat="sklearn"), {"lr": 0.001, "eps": 1e-8}),
        (Adam(compat="dlfs"), {"lr": 0.001, "eps": 1e-7}),
        (Adagrad(compat="dlfs"), {"lr": 0.01, "eps": 1e-7, "initial": 0.0}),
        (RMSprop(compat="dlfs"), {"lr": 0.01, "rho": 0.99, "eps": 1e-7}),
    ],
    ids=lambda value: f"{value.kind}-{value.compat}" if not isinstance(value, dict) else "",
)
def test_defaults_of_other_libraries(optimizer, expected):
    for name, value in expected.items():
        assert getattr(optimizer, name) == value
    assert optimizer.spec()["compat"] == optimizer.compat


def test_what_is_given_stays():
    optimizer = Adam(0.5, 0.8, 0.9, 0.1, weight_decay=0.2, maximize=True, compat="keras")
    assert optimizer.spec() == {
        "kind": "adam", "lr": 0.5, "weight_decay": 0.2, "maximize": True, "compat": "keras",
        "decay_biases": False, "beta1": 0.8, "beta2": 0.9, "eps": 0.1, "amsgrad": False,
    }  # fmt: skip
    assert SGD(decay_biases=True).spec()["decay_biases"] is True
    assert SGD(lr=1, momentum=0).lr == 1.0
    assert SGD(0.1, momentum=0, compat="sklearn").kind == "sgd"


@pytest.mark.parametrize("make", [*CLASSES, LBFGS])
def test_names_config_and_pickle(make):
    optimizer = make()
    for name in (make.__name__, make.__name__.lower(), make.__name__.upper(), make):
        assert optimizers.get(name) == optimizer
    assert optimizers.get(optimizer) is optimizer
    assert optimizers.get(json.loads(json.dumps(optimizer.config()))) == optimizer == pickle.loads(
        pickle.dumps(optimizer)
    )  # fmt: skip
    with pytest.raises(AttributeError):
        optimizer.lr = 1.0


def test_momentum_by_name():
    assert optimizers.get("momentum") == SGD(momentum=0.9)
    assert optimizers.get("nesterov").kind == "nesterov"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Adam(beta1=1.0), ValueError, r"Adam: beta1 must be a finite number in \[0, 1\), got 1.0"),
        (lambda: Adam(eps=-1e-8), ValueError, "eps"),
        (lambda: Adam(-0.1), ValueError, "lr"),
        (lambda: Adam("fast"), TypeError, "lr must be a number, got 'fast'"),
        (lambda: Adam(maximize=1), TypeError, "maximize"),
        (lambda: Adam(compat="kears"), ValueError, "did you mean 'keras'"),
        (lambda: Adamax(compat="keras"), ValueError, "compat must be one of 'torch', got 'keras'"),
        (lambda: SGD(weight_decay=float("nan")), ValueError, "weight_decay"),
        (lambda: SGD(nesterov=True), ValueError, "nesterov needs a momentum"),
        (lambda: SGD(momentum=0.9, nesterov=True, dampening=0.1), ValueError, "dampening=0.1"),
        (lambda: SGD(momentum=0.9, dampening=0.1, compat="keras"), ValueError, "PyTorch's alone"),
        (lambda: SGD(momentum=1.5), ValueError, "momentum"),
        (lambda: LBFGS(0), ValueError, "maxiter"),
        (lambda: LBFGS(tol=-1), ValueError, "tol"),
        (lambda: optimizers.get("adamm"), ValueError, "did you mean 'adam'"),
        (lambda: optimizers.get(0.1), TypeError, "an object of densekit.optimizers, got 0.1"),
    ],
)
def test_refusals(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_number_is_a_constant_schedule():
    assert Adam(0.1).schedule == schedules.Constant(0.1)


def test_lbfgs_is_not_the_engines():
    assert LBFGS().spec() is None
    assert LBFGS().kind == "lbfgs"
