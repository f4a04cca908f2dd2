"""What makes a plain float64 function the twin of a function in densekit.functional."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from densekit._arrays import Out, _as_array, check_target, out_tuple
from densekit._intake import refuse_batches

Array: TypeAlias = NDArray[np.float64]  # what a twin computes with, whatever its caller gave


def twin(
    *arrays: str,
    outputs: tuple[str, ...] = ("out",),
    in_place: tuple[str, ...] = (),
    float64: tuple[str, ...] = (),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Wraps a function whose parameters named in `arrays` it receives as float64.

    Its results are rounded to the dtype that functional would use, but for the outputs that `float64` names; `out=` is
    honoured; parameters in `in_place` are written back. Python scalars among the results stay as they are.
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
                if isinstance(value, int) and 2**64 <= abs(value) < 2**1000:  # NumPy 1 makes Python objects of it
                    given[name] = float(value)
            out = given.pop("out", None) if "out" in signature.parameters else None
            if "out" in signature.parameters:
                given["out"] = None
            with np.errstate(all="ignore"):
                result = function(*bound.args, **bound.kwargs)
                for name in in_place:
                    if originals.get(name) is not None:
                        originals[name][...] = given[name]
                return _deliver(function.__name__, result, out, outputs, dtype, float64)

        return call

    return wrap


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
