"""The dense layer and matrix products."""

from densekit.reference import activations
from densekit.reference._twin import twin


@twin("a", "b")
def matmul(a, b, *, transpose_a=False, transpose_b=False, precision="highest", out=None):
    return (a.T if transpose_a else a) @ (b.T if transpose_b else b)


@twin("x", "w", "b", outputs=("y", "saved"))
def dense(x, w, b=None, *, activation=None, return_saved=False, out=None):
    z = x @ w if b is None else x @ w + b
    forward, _, saves = activations.by_name(activation)
    y = forward(z)
    if return_saved:
        return y, (z if saves == "z" else y)
    return y


@twin("dy", "x", "w", "saved", outputs=("dx", "dw", "db"))
def dense_backward(dy, x, w, *, activation=None, saved=None, out=None):
    _, backward, _ = activations.by_name(activation)
    dz = dy if backward is None else backward(dy, saved)
    return dz @ w.T, x.T @ dz, dz.sum(axis=0)


__all__ = ["dense", "dense_backward", "matmul"]
