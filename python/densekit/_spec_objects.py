"""From the spec of docs/network.md to the config of a model: for files that no Python wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from densekit import _core, initializers, layers, losses, optimizers, regularizers
from densekit._activations import ENTRIES
from densekit._config import Config
from densekit._layer import snake_case

_KINDS = _core.kinds()
# The class of each kind that the engines have; of several the one that is named first in its module.
_INITIALIZERS = {
    kind: made for made in initializers.CLASSES if (kind := snake_case(made.__name__)) in _KINDS["initializers"]
}
_OPTIMIZERS = {kind: made for made in reversed(optimizers.CLASSES) for kind in made._kinds()}


def config_of_spec(spec: Mapping[str, Any]) -> Config:
    """A config whose model has this spec, but for what Python does not say (`as_python_says_it`)."""
    if spec["heads"]:
        raise ValueError("a network with several heads can only be made by the program that wrote the file")
    per_weight = bool(spec["penalty_per_weight"])
    nothing = regularizers.L1L2(0.0, 0.0, compat="sklearn").config()  # says per_weight where no layer has a penalty
    return {
        "class": "Sequential",
        "layers": [_layer(layer, per_weight) for layer in spec["layers"]],
        "inputs": spec["inputs"],
        "seed": spec["seed"],
        "dtype": spec["dtype"],
        "name": None,
        "compiled": None
        if spec["loss"] is None
        else {
            "optimizer": optimizer_config(spec["optimizer"]),
            "loss": _loss(spec["loss"]),
            "metrics": [],
            "regularizer": nothing if per_weight else None,
            "clip_norm": spec["clip_norm"],
            "clip_value": spec["clip_value"],
            "precision": spec["precision"],
        },
    }


def _layer(s: Mapping[str, Any], per_weight: bool) -> Config:
    kind, common = s["kind"], {"name": s["name"], "trainable": s["trainable"]}
    if kind == "dense":
        return common | {
            "class": "Dense",
            "units": s["units"],
            "activation": _activation(s),
            "use_bias": s["bias"],
            **{f"{of}_initializer": _initializer(s[f"{of}_initializer"]) for of in ("kernel", "bias")},
            **{f"{of}_regularizer": _penalty(s[f"{of}_penalty"], per_weight) for of in ("kernel", "bias")},
        }
    if kind == "activation":
        return common | {"class": "Activation", "activation": s["activation"]} | _number(s)
    if kind in ("residual", "block"):
        inside = [_layer(inner, per_weight) for inner in s["layers"]]
        return common | {"class": layers.BY_KIND[kind].__name__, "layers": inside}
    if kind == "parallel":
        return common | {"class": "Parallel", "branches": [_layer(inner, per_weight) for inner in s["layers"]]}
    if kind not in layers.BY_KIND:
        raise ValueError(f"{s['name']}: a layer of kind {kind!r} can only be made by the program that wrote the file")
    fields = {key: value for key, value in s.items() if key not in ("kind", "unbiased")}
    for key in [key for key in fields if key.endswith("_penalty")]:
        fields[key.removesuffix("penalty") + "regularizer"] = _penalty(fields.pop(key), per_weight)
    if kind == "batch_norm":
        fields["running_var"] = "unbiased" if s["unbiased"] else "biased"
    return fields | {"class": layers.BY_KIND[kind].__name__}


def _number(s: Mapping[str, Any]) -> Config:
    """The number of an activation, by its name, where it is not the usual one."""
    entry = ENTRIES[s["activation"]]
    return {} if entry.parameter is None or s["parameter"] == entry.default else {entry.parameter: s["parameter"]}


def _activation(s: Mapping[str, Any]) -> Any:
    number = _number(s)
    return {"class": "Activation", "activation": s["activation"], **number} if number else s["activation"]


def _initializer(s: Mapping[str, Any]) -> Config:
    made: initializers.Initializer = _INITIALIZERS[s["kind"]](**{k: v for k, v in s.items() if k != "kind"})
    return made.config()


def _penalty(s: Mapping[str, Any], per_weight: bool) -> Config | None:
    if not s["l1"] and not s["l2"] and s["proximal"]:
        return None
    mode: Any = "proximal" if s["proximal"] else "subgradient"
    compat: Any = "sklearn" if per_weight else "torch"
    return regularizers.L1L2(s["l1"], s["l2"], mode=mode, compat=compat).config()


def _loss(s: Mapping[str, Any]) -> Config:
    if s["kind"] not in losses.OF_KINDS:
        raise ValueError(f"a loss of kind {s['kind']!r} can only be made by the program that wrote the file")
    if s["missing"] != "none":
        raise ValueError(f"the loss {s['kind']} masks missing targets, which Python's classes of losses do not")
    options = {key: value for key, value in s.items() if key not in ("kind", "link", "missing")}
    if s["kind"] == "softmax_cross_entropy":
        options["from_logits"] = not s["link"]
    if s["kind"] == "binary_cross_entropy" and s["link"]:
        options["from_logits"] = False
    return losses.OF_KINDS[s["kind"]](**options).config()


def optimizer_config(s: Mapping[str, Any] | None) -> Config:
    if s is None:
        return optimizers.SGD().config()
    options = {key: value for key, value in s.items() if key != "kind"}
    if s["kind"] == "nesterov":
        options["nesterov"] = True
    made: optimizers.Optimizer = _OPTIMIZERS[s["kind"]](**options)
    return made.config()


def as_python_says_it(spec: Mapping[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
    """The spec, with the fields of `made` where Python has no words for them, which change no number."""
    unsaid = ["fuse"]
    if spec["optimizer"] is None:
        unsaid.append("optimizer")
    if spec["loss"] is None:
        unsaid += ["clip_norm", "clip_value", "penalty_per_weight", "precision"]
    return {**spec, **{key: made[key] for key in unsaid}}


__all__ = ["as_python_says_it", "config_of_spec", "optimizer_config"]
