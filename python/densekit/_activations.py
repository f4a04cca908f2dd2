"""The activations by name: one list, which layers, functional.dense, its twin and the reference engine read.

An activation has at most one number (a slope, an alpha, a temperature); the list says its name and what it is where
nobody gives it, so that no caller can compute another function than the layer does. `require_complete` compares the
list with cpp/include/densekit/activations.def and with the functions of the two modules when densekit.functional is
imported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from densekit._arrays import number, one_of
from densekit._checks import short


@dataclass(frozen=True)
class Entry:
    """An activation: its functions are `function` and `function`_backward of densekit.functional and .reference."""

    function: str
    saves: Literal["z", "y"]  # what the slope is computed from: the input or the output, as in activations.def
    parameter: str | None = None  # the name of its number
    default: float = 0.0  # what the number is where none is given; 0 for those without
    positive: bool = False  # whether the number must be greater than 0
    not_negative: bool = False  # or may be 0, too
    of_rows: bool = False  # of whole rows (softmax), not of elements: no kernel of activations.def
    fixed: Mapping[str, str] = field(default_factory=dict)  # further arguments of the functions

    def options(self, parameter: float) -> dict[str, Any]:
        """The keyword arguments of the functions for this value of the number."""
        return {**self.fixed, **({} if self.parameter is None else {self.parameter: parameter})}


ENTRIES: dict[str, Entry] = {
    "identity": Entry("identity", "y"),
    "relu": Entry("relu", "y"),
    "leaky_relu": Entry("leaky_relu", "z", "slope", 0.01),
    "elu": Entry("elu", "z", "alpha", 1.0),
    "selu": Entry("selu", "z"),
    "gelu": Entry("gelu", "z", fixed={"approximate": "none"}),
    "gelu_tanh": Entry("gelu", "z", fixed={"approximate": "tanh"}),
    "silu": Entry("silu", "z"),
    "mish": Entry("mish", "z"),
    "sigmoid": Entry("sigmoid", "y"),
    "hard_sigmoid": Entry("hard_sigmoid", "z"),
    "tanh": Entry("tanh", "y"),
    "softplus": Entry("softplus", "z"),
    "softsign": Entry("softsign", "z"),
    "hard_swish": Entry("hard_swish", "z"),
    "relu6": Entry("relu6", "y"),
    "hard_tanh": Entry("hard_tanh", "y"),
    "softshrink": Entry("softshrink", "z", "threshold", 0.5, not_negative=True),
    "softmax": Entry("softmax", "y", "temperature", 1.0, positive=True, of_rows=True),
    "log_softmax": Entry("log_softmax", "y", "temperature", 1.0, positive=True, of_rows=True),
}
ALIASES = {"linear": "identity", "swish": "silu"}
ACTIVATIONS = tuple(ENTRIES)


def require_complete(kernels: Mapping[str, bool], *modules: Any) -> None:
    """ImportError that names the file, unless the list, activations.def and the modules agree.

    kernels: the names of activations.def, with whether the slope is computed from z. modules: densekit.functional's and
    densekit.reference's, which must have each function and its backward product.
    """
    here, kernel_list = "python/densekit/_activations.py", "cpp/include/densekit/activations.def"
    of_elements = {name: entry for name, entry in ENTRIES.items() if not entry.of_rows}
    for name, saves_z in kernels.items():
        if name not in of_elements:
            raise ImportError(f"{kernel_list} has the activation {name!r}, but {here} does not list it")
        if saves_z != (of_elements[name].saves == "z"):
            raise ImportError(f"{kernel_list} and {here} disagree about what {name!r} saves")
    for name, entry in ENTRIES.items():
        if name in of_elements and name not in kernels:
            raise ImportError(f"{here} lists {name!r}, which {kernel_list} does not have")
        for module in modules:
            for function in (entry.function, f"{entry.function}_backward"):
                if not callable(getattr(module, function, None)):
                    file = f"python/{module.__name__.replace('.', '/')}"
                    raise ImportError(f"{here} lists {name!r}, but {file} has no function {function}")


def named(where: str, value: Any) -> str:
    """The name of an activation from what people write: a name, an alias, a function of densekit, or None."""
    if value is None:
        return "identity"
    module = getattr(value, "__module__", "") or ""
    if callable(value) and module.startswith("densekit.") and getattr(value, "__name__", "") in ENTRIES:
        value = value.__name__
    if not isinstance(value, str):
        raise TypeError(
            f"{where}: activation must be a name such as 'relu', an Activation, or None, got {short(value)}; for a "
            "function of your own use layers.Lambda"
        )
    return one_of(where, "activation", ALIASES.get(value, value), ACTIVATIONS)


def parameter_of(where: str, name: str, argument: str, value: Any) -> float:
    """The number of the activation `name`: the given one, checked, or its default for None."""
    entry = ENTRIES[name]
    if value is None:
        return entry.default
    if entry.parameter is None:
        raise TypeError(f"{where}: {name} takes no number, got {argument}={short(value)}")
    low = 0.0 if entry.positive or entry.not_negative else -math.inf
    return number(where, argument, value, low=low, open_low=entry.positive)


def resolve(where: str, activation: Any, parameter: Any) -> tuple[str, float]:
    """The name and the number of what Dense(activation=) and dense(activation=, activation_parameter=) take.

    An Activation layer brings its own number, so there `parameter` must be None.
    """
    if getattr(activation, "kind", None) == "activation" and not isinstance(activation, type):
        if parameter is not None:
            raise TypeError(
                f"{where}: {short(activation)} has its own number, got activation_parameter={short(parameter)}, too"
            )
        return activation.activation, activation.parameter
    name = named(where, activation)
    return name, parameter_of(where, name, "activation_parameter", parameter)


__all__ = ["ACTIVATIONS", "ALIASES", "ENTRIES", "Entry", "named", "parameter_of", "require_complete", "resolve"]
