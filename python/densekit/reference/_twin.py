"""What makes a plain float64 function the twin of a function in densekit.functional."""

from __future__ import annotations

import decimal
import functools
import inspect
import math
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, Any, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from densekit._arrays import Out, _as_array, check_target, out_tuple
from densekit._intake import refuse_batches
from densekit.registry import Domain, Tolerance

Array: TypeAlias = NDArray[np.float64]  # what a twin computes with, whatever its caller gave


@dataclass(frozen=True)
class Range:
    """Which numbers an option may be."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    @property
    def limits(self) -> dict[str, Any]:
        """The keyword arguments of _arrays.number, but for those that limit nothing."""
        return {name: value for name, value in vars(self).items() if value is not False and abs(value) != math.inf}


# Options of a twin that are not any finite number.
NotNegative: TypeAlias = Annotated[float, Range(low=0)]
Positive: TypeAlias = Annotated[float, Range(low=0, open_low=True)]
Share: TypeAlias = Annotated[float, Range(low=0, high=1)]
OpenShare: TypeAlias = Annotated[float, Range(low=0, high=1, open_low=True, open_high=True)]


@dataclass(frozen=True)
class Twin:
    """What is known of a twin: densekit.functional makes a function of those that have a domain and a tolerance."""

    function: Callable[..., Any]
    signature: inspect.Signature
    outputs: tuple[str, ...]
    in_place: tuple[str, ...]
    domain: Domain | None  # where kernels are compared with it, and how close they must be (densekit.registry)
    tolerance: Tolerance | tuple[Tolerance, ...] | None

    @property
    def name(self) -> str:
        return str(self.function.__name__)

    @property
    def family(self) -> str:
        """The module that it is in, of densekit.reference and of densekit.functional."""
        return str(self.function.__module__).rsplit(".", 1)[-1]

    @property
    def arrays(self) -> tuple[str, ...]:
        """The parameters that may be given by their place."""
        return tuple(p.name for p in self.signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD)

    @property
    def options(self) -> dict[str, inspect.Parameter]:
        """The parameters after the star, but for `out`."""
        return {n: p for n, p in self.signature.parameters.items() if n not in (*self.arrays, "out")}

    def range(self, option: str) -> Range:
        """Which numbers an option may be."""
        found = [part for part in get_args(self.options[option].annotation) if isinstance(part, Range)]
        return found[0] if found else Range()


def twins(module: ModuleType) -> dict[str, Twin]:
    """The twins of a module of densekit.reference by name, in the order of their definitions."""
    return {name: f.twin for name, f in vars(module).items() if name in module.__all__}


def twin(
    *arrays: str,
    outputs: tuple[str, ...] = ("out",),
    in_place: tuple[str, ...] = (),
    float64: tuple[str, ...] = (),
    domain: Domain | None = None,
    tolerance: Tolerance | tuple[Tolerance, ...] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wraps a function whose parameters named in `arrays` it receives as float64.

    Its results are rounded to the dtype that functional would use, but for the outputs that `float64` names; `out=` is
    honoured; parameters in `in_place` are written back. Python scalars among the results stay as they are.
    domain, tolerance: as in `registry.op`, where densekit.functional makes its function of this one.
    """

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            given = bound.arguments
            originals = {name: given[name] for name in arrays if given[name] is not None}
            for name, value in given.items():
                if name not in originals and not isinstance(value, dict):
                    refuse_batches(function.__name__, name, value)
            converted = {name: _as_array(function.__name__, name, value) for name, value in originals.items()}
            kinds = {a.dtype.newbyteorder("=") for a in converted.values() if a.dtype.kind == "f"}
            if len(kinds) > 1:
                raise TypeError(f"{function.__name__}: float32 and float64 are mixed")
            dtype = kinds.pop() if kinds else np.dtype(np.float64)
            for name in in_place:
                if originals.get(name) is not None:
                    check_target(function.__name__, name, originals[name], converted[name].shape, dtype)
            for name, array in converted.items():
                given[name] = array.astype(np.float64)
            for name, value in given.items():
                if name not in converted and name != "out":
                    given[name] = _plain(function.__name__, name, value)
            out = given.pop("out", None) if "out" in signature.parameters else None
            if "out" in signature.parameters:
                given["out"] = None
            with np.errstate(all="ignore"):
                result = function(*bound.args, **bound.kwargs)
                for name in in_place:
                    if originals.get(name) is not None:
                        originals[name][...] = given[name]
                return _deliver(function.__name__, result, out, outputs, dtype, float64)

        known: Any = call
        known.twin = Twin(call, signature, outputs, in_place, domain, tolerance)
        return call

    return wrap


def _plain(op: str, name: str, value: Any) -> Any:
    """A number, or numbers in a tuple or dict, as Python's; arrays with dimensions, words and None as they are.

    NumPy's own would take part in the formula with their type: the negative of np.uint8(1) is 255.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "fiub":
        value = value[()]
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.integer | int) and not isinstance(value, bool):
        whole = int(value)
        return float(whole) if 2**64 <= abs(whole) < 2**1000 else whole  # NumPy 1 makes Python objects of it
    if isinstance(value, np.floating):
        return float(value)
    if isinstance(value, numbers.Number | decimal.Decimal) and not isinstance(value, float | bool):
        raise TypeError(f"{op}: {name} must be a number of Python or NumPy, got {value!r} ({type(value).__name__})")
    if type(value) is tuple:
        return tuple(_plain(op, name, part) for part in value)
    if type(value) is dict:
        return {key: _plain(op, key, part) for key, part in value.items()}
    return value


def _deliver(op: str, result: Any, out: Any, names: tuple[str, ...], dtype: Any, float64: tuple[str, ...]) -> Any:
    if isinstance(result, tuple):
        # A loss with its gradient: `out` is for the gradient.
        targets = (None, out) if len(names) == 1 else out_tuple(op, out, names)
        dtypes = [np.dtype(np.float64) if name in float64 else dtype for name in names] * (len(result) // len(names))
        return tuple(_round(op, r, t, d) for r, t, d in zip(result, targets, dtypes, strict=True))
    return _round(op, result, out, dtype)


def _round(op: str, value: Any, out: Out, dtype: Any) -> Any:
    if out is None and not isinstance(value, np.ndarray | np.floating):
        return value
    rounded = np.asarray(value) if np.asarray(value).dtype.kind != "f" else np.asarray(value).astype(dtype)
    if out is None:
        return rounded
    check_target(op, "out", out, rounded.shape, rounded.dtype)
    out[...] = rounded
    return out
