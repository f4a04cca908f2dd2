"""Optimizers of PyTorch and Keras 3 as ours. Neither library is imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from densekit import optimizers
from densekit._checks import given

Settings = Mapping[str, Any]


def read(theirs: Any) -> optimizers.Optimizer:
    """Ours with the same settings, from its start."""
    if hasattr(theirs, "param_groups"):
        return _from_torch(type(theirs).__name__, theirs.param_groups)
    if hasattr(theirs, "get_config") and hasattr(theirs, "learning_rate"):
        return _from_keras(type(theirs).__name__, theirs.get_config())
    raise TypeError(f"optimizer: expected an optimizer of torch.optim or keras.optimizers, got {given(theirs)}")


def _unknown(library: str, kind: str, known: Mapping[str, Any]) -> ValueError:
    return ValueError(f"optimizer: {library}'s {kind} has no counterpart; known are {', '.join(known)}")


def _refuse(kind: str, settings: Settings, **usual: Any) -> None:
    """Settings that have no counterpart must have the values that mean nothing."""
    for key, value in usual.items():
        if settings.get(key, value) != value:
            raise ValueError(f"optimizer: {kind} has {key}={settings[key]!r}, which has no counterpart")


# PyTorch: ours, and the names of our settings there.
_TORCH: dict[str, tuple[type[optimizers.Optimizer], dict[str, str]]] = {
    "SGD": (optimizers.SGD, {"momentum": "momentum", "nesterov": "nesterov"}),
    "RMSprop": (
        optimizers.RMSprop,
        {"rho": "alpha", "eps": "eps", "centered": "centered", "momentum": "momentum"},
    ),
    "Adagrad": (optimizers.Adagrad, {"eps": "eps", "initial": "initial_accumulator_value"}),
    "Adadelta": (optimizers.Adadelta, {"rho": "rho", "eps": "eps"}),
    "Adam": (optimizers.Adam, {"eps": "eps", "amsgrad": "amsgrad"}),
    "AdamW": (optimizers.AdamW, {"eps": "eps", "amsgrad": "amsgrad"}),
    "Adamax": (optimizers.Adamax, {"eps": "eps"}),
    "NAdam": (optimizers.Nadam, {"eps": "eps", "momentum_decay": "momentum_decay"}),
}


def _from_torch(kind: str, groups: list[dict[str, Any]]) -> optimizers.Optimizer:
    if kind not in _TORCH:
        raise _unknown("PyTorch", kind, _TORCH)
    made, names = _TORCH[kind]
    settings, *others = ({key: value for key, value in group.items() if key != "params"} for group in groups)
    if any(other != settings for other in others):
        raise ValueError(f"optimizer: the groups of parameters of {kind} have different settings; ours has one")
    _refuse(kind, settings, dampening=0, lr_decay=0)
    options = {ours: settings[theirs] for ours, theirs in names.items()}
    if "betas" in settings:
        options["beta1"], options["beta2"] = settings["betas"]
    decay = settings["weight_decay"]
    if decay and not settings.get("decoupled_weight_decay"):
        raise ValueError(
            f"optimizer: weight_decay={decay!r} of PyTorch's {kind} is the gradient of a penalty; leave it out, and "
            f"give compile regularizer=L2({decay!r}), which is that of kernels"
        )
    common: dict[str, Any] = {"weight_decay": decay, "decay_biases": bool(decay), "maximize": settings["maximize"]}
    return made(float(settings["lr"]), **options, **common)


_BETAS = {"beta1": "beta_1", "beta2": "beta_2"}
_KERAS: dict[str, tuple[type[optimizers.Optimizer], dict[str, str]]] = {
    "SGD": (optimizers.SGD, {"momentum": "momentum", "nesterov": "nesterov"}),
    "RMSprop": (
        optimizers.RMSprop,
        {"rho": "rho", "eps": "epsilon", "centered": "centered", "momentum": "momentum"},
    ),
    "Adagrad": (optimizers.Adagrad, {"eps": "epsilon", "initial": "initial_accumulator_value"}),
    "Adadelta": (optimizers.Adadelta, {"rho": "rho", "eps": "epsilon"}),
    "Adam": (optimizers.Adam, {**_BETAS, "eps": "epsilon", "amsgrad": "amsgrad"}),
    "AdamW": (optimizers.AdamW, {**_BETAS, "eps": "epsilon", "amsgrad": "amsgrad"}),
    "Nadam": (optimizers.Nadam, {**_BETAS, "eps": "epsilon"}),
    "Lion": (optimizers.Lion, _BETAS),
}


def _from_keras(kind: str, settings: Settings) -> optimizers.Optimizer:
    if kind not in _KERAS:
        raise _unknown("Keras", kind, _KERAS)
    made, names = _KERAS[kind]
    _refuse(kind, settings, use_ema=False, loss_scale_factor=None, gradient_accumulation_steps=None)
    for key in ("clipnorm", "global_clipnorm", "clipvalue"):
        if settings.get(key) is not None:
            raise ValueError(f"optimizer: {kind} has {key}={settings[key]!r}; give compile clip_norm= or clip_value=")
    if isinstance(settings["learning_rate"], Mapping):
        raise ValueError(f"optimizer: the learning rate of {kind} is a schedule; take one of densekit.schedules")
    options = {ours: settings[theirs] for ours, theirs in names.items()}
    decay = settings["weight_decay"] or 0.0
    common: dict[str, Any] = {"weight_decay": decay, "decay_biases": bool(decay), "compat": "keras"}
    return made(float(settings["learning_rate"]), **options, **common)
