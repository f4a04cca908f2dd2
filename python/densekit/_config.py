"""Models and layers as plain data that JSON can hold, and back: what a saved model says about its Python side."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from densekit import _snapshot as snapshot
from densekit import functional, initializers, layers, losses, metrics, optimizers, regularizers
from densekit._arrays import one_of, whole
from densekit._checks import items, mapping
from densekit._layer import Layer, constructor_parameters, spec_shape
from densekit._learning_rate import ScheduleStart
from densekit._parts import Part

if TYPE_CHECKING:
    from densekit.model import Sequential

Config = dict[str, Any]


def layer_config(layer: Layer) -> Config:
    """The class and the arguments of its constructor, read from attributes of the same name."""
    config: Config = {"class": type(layer).__name__}
    given = layer.given_arguments()
    for parameter in constructor_parameters(type(layer)):
        where = f"{layer.name or type(layer).__name__}.{parameter.name}"
        if parameter.name in given:
            value = given[parameter.name]
        elif hasattr(layer, parameter.name):
            value = getattr(layer, parameter.name)
        else:
            raise TypeError(f"{where}: the layer has no attribute of the name of this argument, so it cannot be saved")
        config[parameter.name] = _plain(where, value)
    return config


def _plain(where: str, value: Any) -> Any:
    if isinstance(value, Layer):
        return layer_config(value)
    if isinstance(value, Part):
        return value.config()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return initializers.Given(value).config()  # the weights themselves are saved
    if isinstance(value, list | tuple):
        return [_plain(where, one) for one in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if inspect.isroutine(value) and str(getattr(value, "__name__", "")).isidentifier():
        return {"function": value.__name__}
    raise TypeError(
        f"{where}: {value!r} cannot be saved; give the function a name (def …), or make it again in a layer class of "
        "your own"
    )


def layer_from_config(config: Mapping[str, Any], custom: Mapping[str, type[Layer]] | None = None) -> Layer:
    """The layer that layer_config described. custom: layer classes of your own by their names."""
    mapping("from_config", "a layer", config, "of a layer, as layer.config() gives")
    classes = {name: getattr(layers, name) for name in layers.__all__ if name not in ("Input", "Layer")}
    classes |= dict(custom or {})
    name = config.get("class")
    if isinstance(name, str) and name not in classes:
        raise ValueError(f"the layer class {name!r} is not one of densekit's; give it as {_giving(name)}")
    made = classes[one_of("layer", "class", name, list(classes))]
    arguments = {
        key: _object(value, classes, custom) for key, value in config.items() if key not in ("class", "trainable")
    }
    if made is layers.Lambda:  # 0.1.0 wrote the names of functions as plain strings
        for key in ("function", "gradient"):
            if isinstance(arguments.get(key), str):
                arguments[key] = _function(arguments[key], custom)
    try:
        layer: Layer = made(**arguments)
    except TypeError as error:
        own = "" if name in (custom or {}) else f"; if {name} is a class of your own, give it as {_giving(str(name))}"
        raise ValueError(f"{dict(config)!r} does not describe a {name}: {error}{own}") from None
    layer.trainable = config.get("trainable", True)
    return layer


def _object(value: Any, classes: Mapping[str, Any], custom: Mapping[str, type[Layer]] | None) -> Any:
    if isinstance(value, Mapping) and value.get("class") in classes:
        return layer_from_config(value, custom)
    if isinstance(value, Mapping) and set(value) == {"function"}:
        return _function(value["function"], custom)
    if isinstance(value, list):
        return [_object(one, classes, custom) for one in value]
    return value


def _function(name: Any, custom: Mapping[str, Any] | None) -> Any:
    """The function of that name: one given in `custom`, else an operation of densekit.functional."""
    if custom is not None and name in custom:
        return custom[name]
    if isinstance(name, str) and not name.startswith("_") and inspect.isroutine(getattr(functional, name, None)):
        return getattr(functional, name)
    return _custom("function", name, custom)


def model_config(model: Sequential) -> Config:
    compiled = model._compiled
    return {
        "class": "Sequential",
        "layers": [layer_config(layer) for layer in model.layers],
        "inputs": None if model.input_shape is None else spec_shape(model.input_shape),
        **({} if model.feature_names is None else {"feature_names": list(model.feature_names)}),
        "seed": model.seed,
        "dtype": model.dtype.name,
        "name": model.name,
        "compiled": None
        if compiled.loss is None
        else {
            "optimizer": compiled.optimizer.config(),
            "loss": _loss_config(compiled.loss),
            "metrics": [_metric_config(metric) for metric in compiled.metrics],
            "regularizer": None if compiled.regularizer is None else compiled.regularizer.config(),
            "clip_norm": compiled.clip_norm,
            "clip_value": compiled.clip_value,
            "precision": compiled.precision,
        },
    }


# Functions of the user's are known by their names; whoever loads them says which they are.


def _loss_config(loss: losses.Loss) -> Config:
    if isinstance(loss, losses.HostLoss):
        return {"class": "HostLoss", "function": loss.name, "reduction": loss.reduction}
    return loss.config()


def _metric_config(metric: metrics.Metric) -> Config:
    if metric.of is None:
        name = str(getattr(metric.function, "__name__", type(metric.function).__name__))
        return {"class": "Metric", "custom": name, "name": metric.name, "options": metric.options}
    return metric.config()


def _giving(name: str) -> str:
    return f"{{{name!r}: {name}}} in custom_objects= (of load) or custom= (of from_config)"


def _custom(what: str, name: str, custom: Mapping[str, Any] | None) -> Any:
    if custom is None or name not in custom:
        raise ValueError(f"the {what} {name!r} is a Python function; give it as {_giving(name)}")
    return custom[name]


def _loss(config: Mapping[str, Any], custom: Mapping[str, Any] | None) -> losses.Loss:
    if config.get("class") == "HostLoss":
        return losses.HostLoss(function=_custom("loss", config["function"], custom), reduction=config["reduction"])
    return losses.get(config)


def _metric(config: Mapping[str, Any], loss: losses.Loss, custom: Mapping[str, Any] | None) -> metrics.Metric:
    if "custom" in config:
        return metrics.Metric(_custom("metric", config["custom"], custom), config["name"], **config["options"])
    return metrics.get(config, loss)


def model_from_config(
    made: type[Sequential], config: Mapping[str, Any], custom: Mapping[str, Any] | None, engine: Any
) -> Sequential:
    op = "from_config"
    mapping(op, "config_", config, "of a model, as model.config() gives")
    if custom is not None:
        mapping(op, "custom", custom, "{name: class or function}")
    for key in ("layers", "inputs", "seed", "dtype", "name", "compiled"):
        if key not in config:
            raise ValueError(f"{op}: config_ has no {key!r}, expected a dictionary as model.config() gives")
    width = [] if config["inputs"] is None else [layers.Input(config["inputs"])]
    inside = [layer_from_config(layer, custom) for layer in items(op, "layers", config["layers"], "configs of layers")]
    model = made([*width, *inside], seed=config["seed"], dtype=config["dtype"], name=config["name"], engine=engine)
    model.feature_names = config.get("feature_names")
    compiled = config["compiled"]
    if compiled is not None:
        loss = _loss(compiled["loss"], custom)
        model._compiled.optimizer = optimizers.get(compiled["optimizer"])
        model._compiled.loss = loss
        model._compiled.metrics = [_metric(one, loss, custom) for one in compiled["metrics"]]
        if compiled["regularizer"] is not None:
            model._compiled.regularizer = regularizers.get(compiled["regularizer"])
        for name in ("clip_norm", "clip_value", "precision"):
            setattr(model._compiled, name, compiled[name])
    return model


# The state: everything that training changes.


def numbers(model: Sequential, step: int) -> Config:
    """The counters, what the schedule keeps, and where it began (files of 0.1.0 do not say that).

    step: that of the arrays that are kept beside them.
    """
    schedule = getattr(model.optimizer, "schedule", None)
    return {
        "step": step,
        "epoch": model.epoch,
        "schedule": {} if schedule is None else schedule.state(),
        "schedule_start": model._schedule_start.config(),
    }


def set_numbers(model: Sequential, given: Config) -> None:
    step, epoch = (whole("state", name, given[name]) for name in ("step", "epoch"))
    start = ScheduleStart.from_config(given.get("schedule_start"))
    if model._engine is not None:
        model._engine.step = step
    model.epoch, model._schedule_start = epoch, start
    schedule = getattr(model.optimizer, "schedule", None)
    if schedule is not None and given["schedule"]:
        schedule.set_state(given["schedule"])


def state(model: Sequential) -> Config:
    """Numbers as plain data, and copies of the arrays by name."""
    if not model.built:
        return {"numbers": numbers(model, 0), "arrays": {}}
    engine = model._ready()
    copies = snapshot.of(engine)
    arrays = {"parameters": copies.parameters, "statistics": copies.statistics}
    arrays |= {f"state_{i}": array for i, array in enumerate(copies.states)}
    if (pending := engine.pending) is not None:
        arrays["pending"] = pending
    return {"numbers": numbers(model, copies.step), "arrays": arrays}


def restore(model: Sequential, kept: Mapping[str, Any]) -> None:
    """Puts a state into a model of the same config; ValueError if an array does not fit."""
    arrays = dict(kept["arrays"])
    if arrays:
        pending = arrays.pop("pending", None)
        engine = model._ready(fresh=False)
        targets = {"parameters": engine.parameters, "statistics": engine.statistics}
        targets |= {f"state_{i}": array for i, array in enumerate(engine.states)}
        if targets.keys() != arrays.keys():
            raise ValueError(f"the state has the arrays {sorted(arrays)}, expected {sorted(targets)}")
        for name, target in targets.items():
            if arrays[name].shape != target.shape:
                raise ValueError(f"the state's {name} are {arrays[name].shape}, expected {target.shape}")
        for name, target in targets.items():
            target[...] = arrays[name]
        engine.pending = pending
    set_numbers(model, kept["numbers"])
