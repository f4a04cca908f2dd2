"""The dense layer and matrix products."""

from typing import Any

from densekit import _activations  # as a module, for it reads the formulas of this package
from densekit._arrays import Out
from densekit.reference import activations, softmax
from densekit.reference._twin import Array, twin


@twin("a", "b")
def matmul(
    a: Array,
    b: Array,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    precision: str = "highest",
    out: Out = None,
) -> Any:
    return (a.T if transpose_a else a) @ (b.T if transpose_b else b)


def _function(name: str, suffix: str = "") -> Any:
    entry = _activations.ENTRIES[name]
    return getattr(softmax if entry.of_rows else activations, entry.function + suffix)


@twin("x", "w", "b", outputs=("y", "saved"))
def dense(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    activation: Any = None,
    activation_parameter: Any = None,
    return_saved: bool = False,
    out: Out = None,
) -> Any:
    z = x @ w if b is None else x @ w + b
    name, parameter = _activations.resolve("dense", activation, activation_parameter)
    y = _function(name)(z, **_activations.ENTRIES[name].options(parameter))
    if return_saved:
        return y, (z if _activations.ENTRIES[name].saves == "z" else y)
    return y


@twin("dy", "x", "w", "saved", outputs=("dx", "dw", "db"))
def dense_backward(
    dy: Array,
    x: Array,
    w: Array,
    *,
    activation: Any = None,
    activation_parameter: Any = None,
    saved: Array | None = None,
    out: Out = None,
) -> Any:
    name, parameter = _activations.resolve("dense_backward", activation, activation_parameter)
    dz = dy
    if activation is not None:
        dz = _function(name, "_backward")(dy, saved, **_activations.ENTRIES[name].options(parameter))
    return dz @ w.T, x.T @ dz, dz.sum(axis=0)


__all__ = ["dense", "dense_backward", "matmul"]
