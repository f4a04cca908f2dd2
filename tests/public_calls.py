"""The public functions, classes and methods of densekit with arguments that work, for tests of all of them.

They are found by walking the package, and arguments are chosen by the names of the parameters; a new callable whose
parameters have known names needs nothing here.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, is_dataclass
from typing import Any

import numpy as np

import densekit as dk
from densekit.layers import Dense

# Operations on arrays have a test of their own (test_bad_input.py); the twins are NumPy; the register is for tests.
NOT_HERE = ("functional", "reference", "registry")

# What the model calls, not people: hooks of callbacks, the protocol of layers, specs for the engines.
PROTOCOL = {
    "attach", "backward", "build", "children", "config", "forward", "given", "given_arguments", "outputs_for", "rates",
    "set_model", "set_params", "spec", "spec_for", "state", "set_state", "targets", "weight", "add_parameter", "observe",
    "at", "values", "array", "of", "begin", "replaced",
}  # fmt: skip


def X() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)


def y() -> np.ndarray:
    return np.arange(12) % 2


def model(*_: Any) -> dk.Sequential:
    made = dk.Sequential([Dense(3, "tanh", inputs=2), Dense(2, "softmax")], seed=0)
    return made.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"]).build(2)


def course_net() -> Any:
    from densekit.compat.dlfs.multi_layer_net import MultiLayerNet

    return MultiLayerNet(2, [3], 2)


BY_NAME: dict[str, Callable[[], Any]] = {
    **dict.fromkeys(["X", "X_ref", "X_val", "X_test", "x", "X_batch", "x_train", "x_test"], X),
    **dict.fromkeys(["y", "y_ref", "y_new", "y_val", "y_test", "y_true", "y_batch", "t", "t_train", "t_test"], y),
    "X_new": lambda: X() + 1,
    "model": model,
    "network": course_net,
    "make_model": lambda: model,
    "validation_data": lambda: (X(), y()),
    "path": lambda: "model.npz",
    "fname": lambda: "params.npz",
    "f": lambda: "exp",
    "fn": lambda: lambda w: ((w**2).sum(), 2 * w),
    "at": lambda: np.ones(3),
    "a": lambda: 0.0,
    "c": lambda: [1.0, 2.0],
    "lr": lambda: 0.1,
    "n": lambda: 3,
    "k": lambda: 1,
    "order": lambda: 3,
    "epoch": lambda: 0,
    "batch": lambda: 0,
    "logs": lambda: {"loss": 1.0},
    "units": lambda: 3,
    "name": lambda: "dense",
    "inputs": lambda: 2,
    "shape": lambda: (2,),
    "y_pred": lambda: np.arange(12) % 2,
    "pred": lambda: np.full((12, 2), 0.5),
    "target": lambda: np.full((12, 2), 0.5),
    "priors": lambda: [0.5, 0.5],
    "callbacks": list,
    "params": lambda: {"epochs": 2},
    "weights": lambda: model().get_weights(),
    "distribution": lambda: "bernoulli",
    "data": lambda: [1.0, 0.0, 1.0],
    "grids": lambda: {"p": [0.2, 0.5, 0.8]},
    "function": lambda: lambda *a: a[0],
    "rate": lambda: 0.5,
    "std": lambda: 0.1,
    "layers": lambda: [Dense(2)],
    "layer": lambda: Dense(2),
    "schedule": lambda: 0.1,
    "length": lambda: 3,
    "gamma": lambda: 0.5,
    "step_size": lambda: 2,
    "max_lr": lambda: 0.1,
    "values": lambda: [1, 2],
    "which": lambda: "saddle",
    "labels": y,
    "activation": lambda: "relu",
    "config_": lambda: model().config(),
    "theta": lambda: model().trainable_parameters(),
    "w": lambda: np.ones((2, 3)),
    "p": lambda: [0.5, 0.5],
    "q": lambda: [0.5, 0.5],
    "class_weights": lambda: [1.0, 2.0],
    "product": lambda: lambda v: 2 * v,
    "size": lambda: 3,
    "value": lambda: None,
    "hidden_dims": lambda: [3],
    "reg": lambda: 0.1,
    "W": lambda: np.ones((2, 2)),
    "b": lambda: np.zeros(2),
    "dw": lambda: np.ones((2, 3)),
    "dout": X,
    "df": X,
    "input_size": lambda: 2,
    "hidden_size_list": lambda: [3],
    "output_size": lambda: 2,
    "hidden_size": lambda: 3,
    "beta": lambda: np.zeros(2),
    "bn_param": lambda: {"mode": "train"},
    "ln_param": dict,
    "dropout_param": lambda: {"mode": "train", "p": 0.5},
    "grads": lambda: {"w": np.ones(3)},
    "dists": lambda: np.ones((4, 12)),
    "analytic_grad": X,
    "estimator": lambda: None,
    "module": lambda: None,
    "figure": lambda: None,
}

# By the last two parts of the name of the callable, where the same name means something else.
SPECIAL: dict[str, dict[str, Callable[[], Any]]] = {
    "optimizer.update": {"params": lambda: {"w": np.ones(3)}},
    "remainder": {"x": lambda: [0.5]},
    "lagrange_bound": {"x": lambda: [0.5]},
    "polynomial": {"x": lambda: [0.5]},
    "losses.get": {"value": lambda: "mse"},
    "metrics.get": {"value": lambda: "accuracy"},
    "optimizers.get": {"value": lambda: "adam"},
    "schedules.get": {"value": lambda: 0.1},
    "regularizers.get": {"value": lambda: "l2"},
    "initializers.get": {"value": lambda: "zeros"},
    "layers_batchnorm": {"gamma": lambda: np.ones(2)},
    "preset": {"name": lambda: "he"},
    "numerical_gradient": {"f": lambda: lambda w: (w**2).sum()},
    "numerical_gradient_2d": {"f": lambda: lambda w: (w**2).sum()},
    "eval_numerical_gradient": {"f": lambda: lambda w: (w**2).sum()},
    "eval_numerical_gradient_array": {"f": lambda: lambda w: 2 * w},
    "grad_check_sparse": {"f": lambda: lambda w: (w**2).sum()},
    "Solver": {"model": lambda: None, "data": dict},
}


# What makes a call short.
FAST: dict[str, dict[str, Any]] = {
    "PenaltyPathDisplay.from_data": {"lambdas": [0.5]},
    "sweeps.penalty_path": {"lambdas": [0.5], "max_updates": 2000},
    "diagnostics.bias_variance": {"repeats": 2},
    "PenaltyContoursDisplay.from_data": {"points": 5},
    "LossLandscapeDisplay.from_model": {"points": 3},
    "DecisionBoundaryDisplay.from_model": {"points": 5},
    "optim2d.restart_rates": {"trials": 2, "steps": 5},
    "sweeps.dropout_sweep": {"rates": [0.1], "epochs": 1},
    "BatchSizeNoiseDisplay.from_model": {"batch_sizes": [4], "epochs": 1},
    "shift.classifier_test": {"epochs": 2, "permutations": 20},
    "shift.density_ratio_weights": {"epochs": 2, "folds": 2},
    "shift.report": {"epochs": 2},
}


@dataclass(frozen=True)
class Public:
    """A public callable: `function` of the class `owner` (None of a module), called `name`."""

    name: str
    function: Callable[..., Any]
    owner: type | None = None

    def parameters(self) -> list[inspect.Parameter]:
        found = list(inspect.signature(self.function).parameters.values())
        return found[1:] if self.owner is not None and found and found[0].name == "self" else found

    def example(self, parameter: str) -> Any:
        for key in (self.name.split(".")[-1], ".".join(self.name.split(".")[-2:])):
            if parameter in SPECIAL.get(key, {}):
                return SPECIAL[key][parameter]()
        return BY_NAME[parameter]() if parameter in BY_NAME else None

    def bound(self) -> Callable[..., Any]:
        """The function itself, or of a new object."""
        if self.owner is None or not hasattr(self.owner, self.name.rsplit(".", 1)[-1]):
            return self.function
        if isinstance(inspect.getattr_static(self.owner, self.name.rsplit(".", 1)[-1]), classmethod | staticmethod):
            return self.function
        bound: Callable[..., Any] = getattr(self.made(), self.name.rsplit(".", 1)[-1])
        return bound

    def made(self) -> Any:
        if self.owner is dk.Sequential:
            return model()
        assert self.owner is not None
        maker = Public(self.owner.__module__ + "." + self.owner.__name__, self.owner)
        made = self.owner(**maker.required())
        if hasattr(made, "fit") and hasattr(made, "get_params"):
            made.set_params(**({"max_iter": 2} if "max_iter" in made.get_params() else {}))
            if not self.name.endswith("fit"):
                made.fit(X(), y())
        if hasattr(made, "train") and hasattr(made, "predict_labels"):
            made.train(X(), y())
        return made

    def required(self) -> dict[str, Any]:
        """Arguments that the signature demands; those by position under their names, too."""
        return {
            p.name: self.example(p.name)
            for p in self.parameters()
            if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        }

    def call(self, **changed: Any) -> Any:
        """Calls it with the required arguments, some of them changed."""
        arguments = self.required() | FAST.get(".".join(self.name.split(".")[-2:]), {}) | changed
        places = [p for p in self.parameters() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        starred = [p.name for p in self.parameters() if p.kind is p.VAR_POSITIONAL]
        if starred:
            first = [arguments.pop(p.name) for p in places if p.name in arguments]
            return self.bound()(*first, arguments.pop(starred[0], self.example(starred[0])), **arguments)
        return self.bound()(**arguments)


def modules() -> Iterator[Any]:
    for name in dk.__all__:
        found = getattr(dk, name)
        if inspect.ismodule(found) and name not in NOT_HERE:
            yield found
    yield importlib.import_module("densekit.sklearn")
    import densekit.compat as compat

    for info in pkgutil.walk_packages(compat.__path__, "densekit.compat."):
        if "._" not in info.name:
            yield importlib.import_module(info.name)


def public() -> list[Public]:
    """All of them, each once."""
    found: dict[int, Public] = {}

    def add(name: str, value: Any) -> None:
        if inspect.isclass(value):
            if issubclass(value, BaseException):
                return
            recorded = is_dataclass(value) and not hasattr(value, "__post_init__")  # a result, made by densekit
            if not recorded:
                found.setdefault(id(value), Public(name, value))
            for method, function in inspect.getmembers(value, callable):
                hook = method in PROTOCOL or method.startswith("on_")
                if (method.startswith("_") and method != "__call__") or (hook and value is not dk.Sequential):
                    continue
                home = str(getattr(function, "__module__", None))
                if home.startswith("densekit") and not recorded and not isinstance(value, type(Iterator)):
                    key = id(getattr(function, "__func__", function))
                    found.setdefault(key, Public(f"{name}.{method}", function, value))
        elif callable(value) and not inspect.ismodule(value):
            found.setdefault(id(value), Public(name, value))

    for name in dk.__all__:
        if not inspect.ismodule(getattr(dk, name)) and callable(getattr(dk, name)):
            add(f"densekit.{name}", getattr(dk, name))
    for module in modules():
        for name in getattr(module, "__all__", []):
            value = getattr(module, name)
            home = str(getattr(value, "__module__", ""))
            if home.startswith("densekit") and not any(home.startswith(f"densekit.{skip}") for skip in NOT_HERE):
                add(f"{module.__name__}.{name}", value)
    return list(found.values())
