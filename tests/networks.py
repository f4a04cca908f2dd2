"""Specs of networks (docs/network.md) for the tests of the engines: every field has a default here."""

from __future__ import annotations

import itertools
import json

import numpy as np

from densekit import _core
from densekit._reference_engine import ReferenceEngine

GLOROT = {"kind": "variance_scaling", "scale": 1.0, "mode": "fan_avg", "distribution": "uniform"}
ZEROS = {"kind": "zeros"}
PARAMETERS = {name: a["default"] for name, a in _core.kinds()["activations"].items() if a["parameter"]}
_number = itertools.count()


def _layer(kind, name, fields, given):
    unknown = set(given) - {"trainable", *fields}
    assert not unknown, f"{kind} has no field {unknown}"
    return {"kind": kind, "name": name or f"{kind}{next(_number)}", "trainable": True, **fields, **given}


def penalty(l1=0.0, l2=0.0, proximal=True):
    return {"l1": l1, "l2": l2, "proximal": proximal}


def dense(units, activation="identity", name=None, **given):
    fields = {
        "units": units,
        "bias": True,
        "activation": activation,
        "parameter": PARAMETERS.get(activation, 0.0),
        "kernel_initializer": GLOROT,
        "bias_initializer": {"kind": "uniform", "low": -0.5, "high": 0.5},
        "kernel_penalty": penalty(),
        "bias_penalty": penalty(),
    }
    return _layer("dense", name, fields, given)


def activation(activation, name=None, **given):
    return _layer("activation", name, {"activation": activation, "parameter": PARAMETERS.get(activation, 0.0)}, given)


def batch_norm(name=None, **given):
    return of_kind("batch_norm", name, **given)


def layer_norm(name=None, **given):
    return of_kind("layer_norm", name, **given)


def rms_norm(name=None, **given):
    return _layer("rms_norm", name, LAYER_FIELDS["rms_norm"], given)


def scale(name=None, **given):
    return _layer("scale", name, LAYER_FIELDS["scale"], given)


def rescaling(scale, offset=0.0, name=None, **given):
    return _layer("rescaling", name, {"scale": scale, "offset": offset}, given)


def dropout(rate, name=None, **given):
    return _layer("dropout", name, {"rate": rate, "mode": "inverted"}, given)


def gaussian_noise(std, name=None, **given):
    return _layer("gaussian_noise", name, {"std": std}, given)


def flatten(name=None, **given):
    return _layer("flatten", name, {}, given)


def columns(*columns, name=None, **given):
    return _layer("columns", name, {"columns": list(columns)}, given)


def block(*layers, name=None, **given):
    return _layer("block", name, {"layers": list(layers)}, given)


def parallel(*layers, name=None, **given):
    return _layer("parallel", name, {"layers": list(layers)}, given)


def reshape(*shape, name=None, **given):
    return _layer("reshape", name, {"shape": list(shape)}, given)


def residual(layers, name=None, **given):
    return _layer("residual", name, {"layers": layers}, given)


def host(index, outputs, parameters=(), name=None, **given):
    declared = [{"name": n, "shape": list(shape)} for n, shape in parameters]
    return _layer("host", name, {"index": index, "outputs": outputs, "parameters": declared}, given)


def of_kind(kind, name=None, **given):
    """A layer of any kind; the fields that are not given have the defaults of its record."""
    return _layer(kind, name, LAYER_FIELDS[kind], given)


def drawn(about, usual, rng):
    """A value of a field within its range."""
    if about.get("optional") and rng.random() < 0.5:
        return None
    if about["type"] == "bool":
        return bool(rng.random() < 0.5)
    if about["type"] == "word":
        return str(rng.choice(about["words"]))
    if about["type"] == "number":
        low, high = about["range"]["low"], about["range"]["high"]
        if low is None:
            return float(rng.normal())
        return float(rng.uniform(low + 1e-3, 2 if high is None else high - 1e-3))
    if about["type"] == "penalty":
        return {
            "l1": float(rng.uniform(0, 0.1)),
            "l2": float(rng.uniform(0, 0.1)),
            "proximal": bool(rng.random() < 0.5),
        }
    if about["type"] == "whole":
        return 0 if usual is None else usual
    return usual


def adapted(engine):
    """The engine, with numbers in place of statistics that wait for data."""
    engine.statistics[np.isnan(engine.statistics)] = 0.75
    return engine


def engine_of(name):
    """What makes an engine of a spec and its hosts: "reference" or "native"; no statistics wait for data."""
    if name == "reference":
        return lambda spec, hosts: adapted(ReferenceEngine(spec, hosts))
    kinds = {"float32": "NetworkFloat32", "float64": "NetworkFloat64"}
    return lambda spec, hosts: adapted(getattr(_core, kinds[json.loads(spec)["dtype"]])(spec, hosts))


def _defaults(of):
    """The fields of each kind with their defaults, as the records of the native engine have them."""
    return {
        kind: {name: about["default"] for name, about in record["fields"].items()}
        for kind, record in _core.kinds()[of].items()
    }


LAYER_FIELDS = _defaults("layers")
LOSS_FIELDS = _defaults("losses")
LOSS_FIELDS["pinball"]["quantile"], LOSS_FIELDS["kl_divergence"]["log_input"] = 0.3, False


def loss(kind, **given):
    fields = {"reduction": "mean", "factor": 1.0, "link": False, "missing": "none", **LOSS_FIELDS[kind]}
    assert set(given) <= set(fields), f"{kind} has no field {set(given) - set(fields)}"
    return {"kind": kind, **fields, **given}


OPTIMIZER_FIELDS = _defaults("optimizers")


def optimizer(kind, **given):
    common = {"lr": 0.01, "weight_decay": 0.0, "maximize": False, "compat": "torch", "decay_biases": False}
    fields = {**common, **OPTIMIZER_FIELDS[kind]}
    assert set(given) <= set(fields), f"{kind} has no field {set(given) - set(fields)}"
    return {"kind": kind, **fields, **given}


def network(layers, inputs, loss=None, optimizer=None, **given):
    """The text of a spec; float64 unless `dtype` is given."""
    fields = {
        "version": 2,
        "dtype": "float64",
        "seed": 7,
        "inputs": inputs,
        "layers": layers,
        "loss": loss,
        "heads": [],
        "optimizer": optimizer,
        "clip_norm": None,
        "clip_value": None,
        "penalty_per_weight": False,
        "fuse": True,
        "precision": "highest",
    }
    assert set(given) <= set(fields)
    return json.dumps({**fields, **given})


def targets(kind, rng, n, outputs):
    """Targets for a loss of that kind on a network with `outputs` columns."""
    if kind in ("softmax_cross_entropy", "nll", "multiclass_hinge"):
        return rng.integers(0, outputs, n)
    if kind in ("gaussian_nll", "laplace_nll"):
        return rng.normal(size=(n, outputs // 2))
    make = {
        "binary_cross_entropy": lambda: rng.uniform(0.0, 1.0, (n, outputs)),
        "poisson_nll": lambda: rng.integers(0, 5, (n, outputs)).astype(float),
        "gamma_nll": lambda: rng.uniform(0.1, 3.0, (n, outputs)),
        "hinge": lambda: rng.choice([-1.0, 1.0], (n, outputs)),
        "kl_divergence": lambda: rng.dirichlet(np.ones(outputs), n),
    }
    return make.get(kind, lambda: rng.normal(size=(n, outputs)))()


def segment(engine, layer, name, flat=None):
    """The view of a parameter or statistic in one of the engine's arrays (parameters, unless one is given)."""
    (found,) = (s for s in engine.segments if (s["layer"], s["name"]) == (layer, name))
    if flat is None:
        flat = engine.parameters if found["kind"] == "parameter" else engine.statistics
    size = int(np.prod(found["shape"]))
    return flat[found["offset"] : found["offset"] + size].reshape(found["shape"])
