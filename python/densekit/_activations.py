"""The activations by name, as densekit.reference defines them: what layers, dense and the reference engine read.

An activation has at most one number (a slope, an alpha, a temperature); the signature of its formula says its name,
what it may be, and what it is where nobody gives it, so that no caller can compute another function than the layer
does. `require_complete` compares the formulas with the kernels' list, cpp/include/densekit/activations.def, when
densekit.functional is imported.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from densekit._arrays import number, one_of
from densekit._checks import short
from densekit.reference._twin import Range, Twin, twins


@dataclass(frozen=True)
class Entry:
    """An activation: its functions are `function` and `function`_backward of densekit.functional and .reference."""

    function: str
    saves: Literal["z", "y"]  # what the slope is computed from: the input or the output
    parameter: str | None = None  # the name of its number
    default: float = 0.0  # what the number is where none is given; 0 for those without
    range: Range = field(default_factory=Range)  # which numbers it may be
    of_rows: bool = False  # of whole rows (softmax), not of elements: no kernel of activations.def
    fixed: Mapping[str, str] = field(default_factory=dict)  # further arguments of the functions

    def options(self, parameter: float) -> dict[str, Any]:
        """The keyword arguments of the functions for this value of the number."""
        return {**self.fixed, **({} if self.parameter is None else {self.parameter: parameter})}


def _named_by(twin: Twin, saves: Literal["z", "y"], of_rows: bool) -> Iterator[tuple[str, Entry]]:
    """The activations that a formula is: one, or one for each word of its option."""
    parameter, default, limits = None, 0.0, Range()
    for name, option in twin.options.items():
        if isinstance(option.default, float):
            parameter, default, limits = name, option.default, twin.range(name)
        elif isinstance(option.default, str):
            for word in get_args(option.annotation):
                called = twin.name if word == option.default else f"{twin.name}_{word}"
                yield called, Entry(twin.name, saves, fixed={name: word})
            return
    yield twin.name, Entry(twin.name, saves, parameter, default, limits, of_rows)


def _entries() -> Iterator[tuple[str, Entry]]:
    # Modules by their path, for `softmax` of densekit.reference is the function.
    for module, of_rows in (("activations", False), ("softmax", True)):
        all_twins = twins(importlib.import_module(f"densekit.reference.{module}"))
        for name, twin in all_twins.items():
            if backward := all_twins.get(f"{name}_backward"):
                saves: Any = backward.arrays[1]
                yield from _named_by(twin, saves, of_rows)


ENTRIES: dict[str, Entry] = dict(_entries())
ALIASES = {"linear": "identity", "swish": "silu"}
ACTIVATIONS = tuple(ENTRIES)


def require_complete(kernels: Mapping[str, str], records: Mapping[str, Any]) -> None:
    """ImportError that names the file, unless the formulas and activations.def have the same activations.

    kernels: the names of activations.def, with what the slope is computed from, "z" or "y". records: those of
    `_core.kinds()`, with the number of each.
    """
    formulas, kernel_list = "python/densekit/reference/activations.py", "cpp/include/densekit/activations.def"
    for name in [*kernels, *records]:
        if name not in ENTRIES:
            raise ImportError(f"{kernel_list} has the activation {name!r}, but {formulas} has no formula of it")
    for name, entry in ENTRIES.items():
        if name not in records or (name not in kernels and not entry.of_rows):
            raise ImportError(f"{formulas} has {name!r}, which {kernel_list} does not have")
        if not entry.of_rows and kernels[name] != entry.saves:
            raise ImportError(f"{kernel_list} and {formulas} disagree about what {name!r} saves")
        limits = {key: None if abs(value) == float("inf") else value for key, value in vars(entry.range).items()}
        if records[name] != {"parameter": entry.parameter, "default": entry.default, "range": limits}:
            raise ImportError(f"{kernel_list} and {formulas} disagree about the number of {name!r}")


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
    return number(where, argument, value, **entry.range.limits)


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
