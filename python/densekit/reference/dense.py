"""The dense layer and matrix products."""

from typing import Any

from densekit._arrays import Out
from densekit.reference import activations
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


@twin("x", "w", "b", outputs=("y", "saved"))
def dense(
    x: Array, w: Array, b: Array | None = None, *, activation: Any = None, return_saved: bool = False, out: Out = None
) -> Any:
    z = x @ w if b is None else x @ w + b
    forward, _, saves = activations.by_name(activation)
    y = forward(z)
    if return_saved:
        return y, (z if saves == "z" else y)
    return y


@twin("dy", "x", "w", "saved", outputs=("dx", "dw", "db"))
def dense_backward(
    dy: Array, x: Array, w: Array, *, activation: Any = None, saved: Array | None = None, out: Out = None
) -> Any:
    _, backward, _ = activations.by_name(activation)
    dz = dy if backward is None else backward(dy, saved)
    return dz @ w.T, x.T @ dz, dz.sum(axis=0)


__all__ = ["dense", "dense_backward", "matmul"]
