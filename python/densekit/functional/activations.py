"""Activations and their backward products, element by element, on arrays of any shape.

Each `name_backward(dy, saved)` takes what the forward pass has to keep: the output y where the slope follows from it
(identity, relu, sigmoid, tanh), the input z elsewhere. The functions are made from those of
densekit.reference.activations, which have the formulas, the docstrings and the signatures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core
from densekit._activations import ENTRIES, require_complete
from densekit._arrays import Out, Output, contiguous, floats, number, one_of, same_shape
from densekit.functional._made import made
from densekit.reference import activations
from densekit.reference._twin import Twin, twins

_Kind = _core.Activation


def _kernel(twin: Twin, function: str) -> tuple[tuple[_Kind, float], Callable[[Any], tuple[_Kind, float]]]:
    """The kernel and its number without an option, and how they follow from one. function: without "_backward"."""
    op, kinds = twin.name, _Kind.__members__
    usual = kinds[function], 0.0
    if not twin.options:
        return usual, lambda given: usual
    (option,) = twin.options
    named = {name: entry for name, entry in ENTRIES.items() if entry.function == function}
    words = {entry.fixed[option]: kinds[name] for name, entry in named.items() if entry.fixed}
    if words:
        return usual, lambda given: (words[one_of(op, option, given, tuple(words))], 0.0)
    limits = twin.range(option).limits
    return usual, lambda given: (usual[0], number(op, option, given, **limits))


def _forward(twin: Twin) -> Callable[..., Any]:
    """An activation."""
    name, (usual, chosen) = twin.name, _kernel(twin, twin.name)

    def run(arrays: tuple[ArrayLike], out: Out, *option: Any) -> NDArray[Any]:
        kind, number = chosen(*option) if option else usual
        if out is None and _core.ready(arrays, ()):
            (z,) = arrays
            fresh = np.empty(z.shape, z.dtype)  # type: ignore[union-attr]
            _core.activation_forward(kind, z, fresh, number)  # type: ignore[call-overload]
            return fresh
        (z,) = floats(name, "z", *arrays)
        y = Output(name, out, z.shape, z.dtype, (z,), elementwise=True)
        _core.activation_forward(kind, contiguous(z), y.target, number)
        return y.done()

    return made(twin, run)


def _backward(twin: Twin, of: str) -> Callable[..., Any]:
    """dy times the slope of the activation `of`."""
    name, (_, saved_name), (usual, chosen) = twin.name, twin.arrays, _kernel(twin, of)

    def run(arrays: tuple[ArrayLike, ArrayLike], out: Out, *option: Any) -> NDArray[Any]:
        kind, number = chosen(*option) if option else usual
        dy, saved = arrays
        if out is None and _core.ready(arrays, ()):
            fresh = np.empty(dy.shape, dy.dtype)  # type: ignore[union-attr]
            _core.activation_backward(kind, dy, saved, fresh, number)  # type: ignore[call-overload]
            return fresh
        dy, saved = floats(name, "dy", dy, saved_name, saved)
        same_shape(name, "dy", dy, saved_name, saved)
        dz = Output(name, out, dy.shape, dy.dtype, (dy, saved), elementwise=True)
        _core.activation_backward(kind, contiguous(dy), contiguous(saved), dz.target, number)
        return dz.done()

    return made(twin, run, backward_of=of)


require_complete(
    {name: "z" if _core.saves_input(kind) else "y" for name, kind in _Kind.__members__.items()},
    _core.kinds()["activations"],
)
if TYPE_CHECKING:
    from densekit.functional._made_activations import *  # noqa: F403
else:
    for _name, _twin in twins(activations).items():
        _of = _name.removesuffix("_backward")
        globals()[_name] = _forward(_twin) if _name == _of else _backward(_twin, _of)

    __all__ = activations.__all__
