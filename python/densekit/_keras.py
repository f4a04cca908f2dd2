"""Networks of Keras 3 as layers of ours: kinds by names of classes, settings by get_config. Keras is not imported."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from densekit import layers, regularizers
from densekit._checks import given
from densekit._layer import Shape

Array: TypeAlias = NDArray[Any]
Settings: TypeAlias = Mapping[str, Any]
Weights: TypeAlias = dict[str, Array]
# Of settings, weights, and the shape of a row that comes in.
Reader: TypeAlias = Callable[[Settings, Weights, Shape], tuple[layers.Layer, Weights]]

# Keras's names of activations that have another name here, or a number.
_ACTIVATIONS: dict[str, dict[str, Any]] = {
    "linear": {"activation": "identity"},
    "leaky_relu": {"activation": "leaky_relu", "slope": 0.2},
    "swish": {"activation": "silu"},
    "hard_silu": {"activation": "hard_swish"},
    "soft_shrink": {"activation": "softshrink", "threshold": 0.5},
}


def read(model: Any) -> tuple[list[layers.Layer], list[Weights], Shape, str]:
    """The layers of a keras.Sequential that is built, the weights of each, the shape of a row, its dtype."""
    if not hasattr(model, "get_config") or not hasattr(model, "weights"):
        raise TypeError(f"from_keras: model must be a keras.Sequential, got {given(model)}")
    if not getattr(model, "built", False):
        raise ValueError("from_keras: the model has no weights yet; begin it with an Input, or call build")
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) < 2 or None in shape[1:]:
        raise ValueError(f"from_keras: the model takes {shape}, expected rows of a known shape, (None, columns)")
    first = rows = tuple(int(length) for length in shape[1:])
    made: list[layers.Layer] = []
    weights: list[Weights] = []
    dtypes: set[str] = set()
    for part in _parts(model):
        kind, settings = type(part).__name__, part.get_config()
        if kind not in _READERS:
            known = ", ".join(_READERS)
            raise ValueError(f"from_keras: {part.name} is a {kind}, which has no counterpart; known are {known}")
        for key, value in settings.items():
            if key.endswith("_constraint") and value is not None:
                raise ValueError(f"from_keras: {part.name} has a {key}, which densekit does not have")
        values = {str(w.name): np.array(array) for w, array in zip(part.weights, part.get_weights(), strict=True)}
        dtypes |= {array.dtype.name for array in values.values() if array.dtype.kind == "f"}
        try:
            layer, its_weights = _READERS[kind](settings, values, rows)
        except ValueError as error:
            raise ValueError(f"from_keras: {part.name}: {error}") from None
        if isinstance(layer, layers.Flatten | layers.Reshape) and layer.build_shape(rows) == rows:
            continue  # of rows that have this shape already
        if kind in _TRAINED:
            layer.trainable = bool(part.trainable)
        made.append(layer)
        weights.append(its_weights)
        if isinstance(layer, layers.Dense):
            rows = (*rows[:-1], layer.units)
        elif isinstance(layer, layers.Flatten | layers.Reshape):
            rows = layer.build_shape(rows)
    if not dtypes <= {"float32", "float64"} or len(dtypes) > 1:
        raise ValueError(f"from_keras: the weights are {', '.join(sorted(dtypes))}, expected float32 or float64")
    return made, weights, first, dtypes.pop() if dtypes else "float32"


def _parts(model: Any) -> Iterator[Any]:
    """The layers that do something, those of Sequentials inside, too."""
    if type(model).__name__ == "Sequential":
        for part in model.layers:
            yield from _parts(part)
    elif type(model).__name__ not in ("InputLayer", "Identity"):
        yield model


def _activation(name: Any) -> layers.Activation:
    if not isinstance(name, str):
        raise ValueError("its activation is a function of its own, which cannot be read")
    known = _ACTIVATIONS.get(name, {"activation": name})
    if known["activation"] not in layers.ACTIVATIONS:
        raise ValueError(f"its activation {name!r} has no counterpart")
    return layers.Activation(**known)


def _regularizers(settings: Settings, *names: str) -> dict[str, Any]:
    """gamma_regularizer= and so on, as Keras computes with them."""
    return {f"{name}_regularizer": _regularizer(settings[f"{name}_regularizer"]) for name in names}


def _regularizer(config: Settings | None) -> regularizers.Regularizer | None:
    if config is None:
        return None
    kind = config["class_name"]
    if kind not in ("L1", "L2", "L1L2"):
        raise ValueError(f"its regularizer {kind} has no counterpart")
    strengths = {key: float(np.asarray(value)) for key, value in config["config"].items()}
    if kind == "L2":
        return regularizers.L2(strengths["l2"], compat="keras")
    return regularizers.L1L2(strengths.get("l1", 0.0), strengths.get("l2", 0.0), mode="subgradient", compat="keras")


def _require(settings: Settings, **values: Any) -> None:
    """Settings that have no counterpart must be one of the values that mean nothing."""
    for key, allowed in values.items():
        found = settings.get(key, allowed[0])
        found = tuple(found) if isinstance(found, list) else found
        if found not in allowed:
            raise ValueError(f"{key}={found!r} has no counterpart")


def _last(rows: Shape) -> tuple[Any, ...]:
    """How Keras may name the axis of the columns: it counts that of the rows, too."""
    return (-1, len(rows), (-1,), (len(rows),))


def _dense(s: Settings, w: Weights, rows: Shape) -> tuple[layers.Layer, Weights]:
    activation = _activation(s["activation"])
    penalties = _regularizers(s, "kernel", "bias")
    return layers.Dense(s["units"], activation, use_bias=s["use_bias"], **penalties), w


def _batch_norm(s: Settings, w: Weights, rows: Shape) -> tuple[layers.Layer, Weights]:
    _require(s, axis=_last(rows), renorm=(False,), synchronized=(False,))
    flags = {"scale": s["scale"], "center": s["center"], **_regularizers(s, "gamma", "beta")}
    layer = layers.BatchNorm(eps=s["epsilon"], stats_decay=s["momentum"], **flags)
    names = {"moving_mean": "mean", "moving_variance": "variance"}
    return layer, {names.get(name, name): value for name, value in w.items()}


def _layer_norm(s: Settings, w: Weights, rows: Shape) -> tuple[layers.Layer, Weights]:
    _require(s, axis=_last(rows), rms_scaling=(False,))
    flags = {"scale": s["scale"], "center": s["center"], **_regularizers(s, "gamma", "beta")}
    return layers.LayerNorm(eps=s["epsilon"], **flags), w


def _rms_norm(s: Settings, w: Weights, rows: Shape) -> tuple[layers.Layer, Weights]:
    _require(s, axis=_last(rows))
    return layers.RMSNorm(eps=s["epsilon"]), {"gamma": w["scale"]}


def _prelu(s: Settings, w: Weights, rows: Shape) -> tuple[layers.Layer, Weights]:
    shared = set(s["shared_axes"] or ())
    if not shared >= set(range(1, len(rows))):
        raise ValueError(f"shared_axes={s['shared_axes']!r} has no counterpart: slopes are of columns, or one")
    layer = layers.PReLU(shared=len(rows) in shared, **_regularizers(s, "alpha"))
    return layer, {"alpha": w["alpha"].reshape(-1)}


def _relu(s: Settings, w: Weights, rows: Shape) -> tuple[layers.Layer, Weights]:
    _require(s, threshold=(0,), max_value=(None, 6))
    if s["max_value"] is None and s["negative_slope"]:
        return layers.Activation("leaky_relu", slope=float(s["negative_slope"])), {}
    _require(s, negative_slope=(0,))
    return layers.Activation("relu" if s["max_value"] is None else "relu6"), {}


def _softmax(s: Settings, w: Weights, rows: Shape) -> tuple[layers.Layer, Weights]:
    _require(s, axis=_last(rows))
    return layers.Activation("softmax"), {}


def _flatten(s: Settings, w: Weights, rows: Shape) -> tuple[layers.Layer, Weights]:
    if len(rows) > 1:
        _require(s, data_format=("channels_last",))
    return layers.Flatten(), {}


def _reshape(s: Settings, w: Weights, rows: Shape) -> tuple[layers.Layer, Weights]:
    known = math.prod(length for length in s["target_shape"] if length != -1)
    return layers.Reshape(tuple(math.prod(rows) // known if n == -1 else n for n in s["target_shape"])), {}


def _dropout(s: Settings, w: Weights, rows: Shape) -> tuple[layers.Layer, Weights]:
    _require(s, noise_shape=(None,))
    return layers.Dropout(s["rate"]), {}


def _normalization(s: Settings, w: Weights, rows: Shape) -> tuple[layers.Layer, Weights]:
    _require(s, axis=_last(rows), invert=(False,))
    mean, variance = (w.get(name, s[name]) for name in ("mean", "variance"))
    return layers.Normalization(mean, variance), {}


_READERS: dict[str, Reader] = {
    "Dense": _dense,
    "BatchNormalization": _batch_norm,
    "LayerNormalization": _layer_norm,
    "RMSNormalization": _rms_norm,
    "PReLU": _prelu,
    "Activation": lambda s, w, rows: (_activation(s["activation"]), {}),
    "ReLU": _relu,
    "LeakyReLU": lambda s, w, rows: (layers.Activation("leaky_relu", slope=float(s["negative_slope"])), {}),
    "ELU": lambda s, w, rows: (layers.Activation("elu", alpha=float(s["alpha"])), {}),
    "Softmax": _softmax,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Dropout": _dropout,
    "GaussianNoise": lambda s, w, rows: (layers.GaussianNoise(s["stddev"]), {}),
    "Rescaling": lambda s, w, rows: (layers.Rescaling(s["scale"], s["offset"]), {}),
    "Normalization": _normalization,
}
_TRAINED = ("Dense", "BatchNormalization", "LayerNormalization", "RMSNormalization", "PReLU")
