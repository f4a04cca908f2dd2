"""Functions that are made from their twins in densekit.reference.

The twin has the name, the signature, the docstring, the domain and the bound; what is written in densekit.functional
is how arrays and options go to the kernel. Type checkers and editors, which cannot see what is made here, read the
files _made_*.pyi, which `make docs` writes (tools/make_stubs.py).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_args

from densekit.reference._twin import Twin
from densekit.registry import op


def made(
    twin: Twin, run: Callable[..., Any], *, backward_of: str | None = None, gradient_of_first: bool = False
) -> Callable[..., Any]:
    """The function of densekit.functional whose twin this is, registered: it calls run(arrays, out, *options).

    arrays: a tuple of those in their places. options: what comes behind the star, in order; `out` stands before them,
    where the twin has it.
    """
    function = _with_signature(twin, run)
    function.__doc__ = twin.function.__doc__
    function.__module__ = f"densekit.functional.{twin.family}"
    assert twin.domain is not None
    assert twin.tolerance is not None
    register = op(
        reference=twin.function,
        domain=twin.domain,
        tolerance=twin.tolerance,
        backward_of=backward_of,
        gradient_of_first=gradient_of_first,
        in_place=twin.in_place,
    )
    return register(function)


def _with_signature(twin: Twin, run: Callable[..., Any]) -> Callable[..., Any]:
    """A function with the twin's parameters, compiled from its text.

    As dataclasses make their __init__: what is wrong with a call is Python's own error, and a call takes no longer than
    one of a function that was written by hand.
    """
    parameters = twin.signature.parameters.values()
    plain = inspect.Signature([p.replace(annotation=p.empty) for p in parameters])
    arrays = "".join(f"{name}, " for name in twin.arrays)
    out = ["out"] if "out" in twin.signature.parameters else []
    options = "".join(f", {name}" for name in [*out, *twin.options])
    space: dict[str, Any] = {"run": run}
    exec(f"def {twin.name}{plain}:\n    return run(({arrays}){options})", space)
    function: Callable[..., Any] = space[twin.name]
    annotations = {name: _annotation(twin, p) for name, p in twin.signature.parameters.items()}
    function.__annotations__ = {**annotations, "return": _returns(twin)}
    return function


def _returns(twin: Twin) -> str:
    if twin.in_place:
        return "None"
    return "tuple[Any, NDArray[Any]]" if twin.outputs == ("gradient",) else "NDArray[Any]"  # a loss with its gradient


_SHARED = {"out": "Out", "sample_weight": "ArrayLike | None", "reduction": "Reduction"}


def _annotation(twin: Twin, parameter: inspect.Parameter) -> str:
    """What callers may give, where a twin says what it computes with."""
    if parameter.name in _SHARED:
        return _SHARED[parameter.name]
    if parameter.name in twin.arrays:
        array = "Floats" if parameter.name in twin.in_place else "ArrayLike"
        return array if parameter.default is parameter.empty else f"{array} | None"
    said = parameter.annotation
    if said.__class__ is type:
        return str(said.__name__)
    first = get_args(said)[0]
    return f"Literal{list(get_args(said))}".replace("'", '"') if isinstance(first, str) else str(first.__name__)


__all__ = ["made"]
