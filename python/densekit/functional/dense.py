"""Matrix products and the dense layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core, reference
from densekit._activations import ENTRIES, resolve
from densekit._arrays import (
    BFLOAT16S,
    PRECISIONS,
    Floats,
    Out,
    Output,
    check_target,
    contiguous,
    flag,
    floats,
    one_of,
    out_tuple,
)
from densekit._checks import short
from densekit.registry import Call, Tolerance, op

Kind = _core.Activation


def _product_scale(call: Call, _: Any) -> Any:
    """Sum of abs(a) abs(b) for each element, times (256 + K / 256 + 2) / 2: the bound of docs/design.md in eps."""
    a, b = (np.abs(np.asarray(x, np.float64)) for x in call.args[:2])
    a = a.T if call.kwargs.get("transpose_a") else a
    b = b.T if call.kwargs.get("transpose_b") else b
    depth = a.shape[1]
    return (min(depth, 256) + -(-depth // 256) + 2) / 2 * (a @ b)


def _matrix_pair(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    return Call((rng.normal(size=(size, 19)).astype(dtype), rng.normal(size=(19, 23)).astype(dtype)))


def _dense_call(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    x, w = _matrix_pair(rng, dtype, size).args
    return Call((x, w, rng.normal(size=23).astype(dtype)))


def _dense_backward_call(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    x, w = _matrix_pair(rng, dtype, size).args
    return Call((rng.normal(size=(size, 23)).astype(dtype), x, w))


def _dense_scale(call: Call, expected: Any) -> Any:
    return _product_scale(call, expected) + np.abs(np.asarray(call.args[2], np.float64)) + 1


def _dense_backward_scale(call: Call, expected: Any) -> Any:
    dy, x, w = (np.abs(np.asarray(a, np.float64)) for a in call.args)
    for product in (dy @ w.T, x.T @ dy, dy.sum(axis=0)):
        if product.shape == expected.shape:
            return (max(dy.shape) + 4) / 2 * product
    raise AssertionError("a result with the shape of no gradient")


_KINDS = Kind.__members__
# Names as they are, with the kernel and the number, for small calls consist of little else; None is the identity.
_USUAL: dict[str | None, tuple[str, Kind, float]] = {
    None: ("identity", Kind.identity, 0.0),
    **{name: (name, _KINDS.get(name, Kind.identity), entry.default) for name, entry in ENTRIES.items()},
}


def _require_product(name: str, a_name: str, a: Floats, b_name: str, b: Floats) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise ValueError(f"{name}: {a_name} is {a.shape} but {b_name} is {b.shape}")


@op(reference=reference.matmul, domain=_matrix_pair, tolerance=Tolerance(ulps=1, epsilons=1, scale=_product_scale))
def matmul(
    a: ArrayLike,
    b: ArrayLike,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    precision: str = "highest",
    out: Out = None,
) -> NDArray[Any]:
    """The product of two matrices, a (m, k) and b (k, n), after the transposes asked for.

    Each element is a chain of fused multiply-adds over k, in blocks of 256 that are added in order, so its bits depend
    neither on threads nor on the other elements. Strides of any kind are read in place. In products of more than
    524,288 multiplications denormal numbers count as zero: some processors take a hundred times as long for them.
    precision: a minimum, in PyTorch's and JAX's words; float64 is always computed in float64. "highest": float32.
    "medium": float32 products may round their operands to bfloat16 (8 significant bits) and sum in float32, with errors
    of at most 2⁻⁷ (1 + 2⁻⁹) Σ abs(a) abs(b) and those of the sum. That is done for larger products where the processor
    is faster that way (`show_versions`), and never where an element is not finite or would be lost.
    "high": the same with operands in two bfloat16 parts (16 significant bits), of whose four products the smallest is
    left out: errors of at most 3 · 2⁻¹⁸ Σ abs(a) abs(b) and those of the sum, where the processor has AMX.

    >>> densekit.functional.matmul(np.float32([[1, 2]]), np.float32([[3], [4]]))
    array([[11.]], dtype=float32)
    """
    if transpose_a is False and transpose_b is False and type(precision) is str and precision == "highest":
        product: Any = _core.plain_dense(a, b, None, Kind.identity, 0.0, out)
        if product is not None:
            return product  # type: ignore[no-any-return]
    one_of("matmul", "precision", precision, PRECISIONS)
    a, b = floats("matmul", "a", a, "b", b)
    a = a.T if flag("matmul", "transpose_a", transpose_a) else a
    b = b.T if flag("matmul", "transpose_b", transpose_b) else b
    names = ("a (transpose_a=True)" if transpose_a else "a", "b (transpose_b=True)" if transpose_b else "b")
    _require_product("matmul", names[0], a, names[1], b)
    y = Output("matmul", out, (a.shape[0], b.shape[1]), a.dtype, (a, b))
    _core.dense(a, b, None, Kind.identity, 0.0, y.target, None, BFLOAT16S[precision])
    return y.done()


@op(reference=reference.dense, domain=_dense_call, tolerance=Tolerance(ulps=1, epsilons=1, scale=_dense_scale))
def dense(
    x: ArrayLike,
    w: ArrayLike,
    b: ArrayLike | None = None,
    *,
    activation: Any = None,
    activation_parameter: float | None = None,
    return_saved: bool = False,
    out: Any = None,
) -> Any:
    """The dense layer: y = activation(x w + b).

    x: (n, k), rows are samples. w: (k, m). b: (m) or None. activation: what `layers.Dense` takes: a name such as "relu"
    or "softmax" (which is along the row), or None. activation_parameter: the number of leaky_relu (slope, 0.01), elu
    (alpha, 1), softmax and log_softmax (temperature, 1); TypeError for those that have none.
    With return_saved: (y, saved), saved being what dense_backward needs: y itself, or z = x w + b where the slope needs
    it. out: an array for y (n, m); with return_saved, (y, saved).

    >>> densekit.functional.dense(np.float32([[1, 2]]), np.float32([[3], [-4]]), np.float32([1]), activation="relu")
    array([[0.]], dtype=float32)
    """
    if activation_parameter is None and (activation is None or type(activation) is str) and activation in _USUAL:
        name, kind, parameter = _USUAL[activation]
    else:
        name, parameter = resolve("dense", activation, activation_parameter)
        kind = _KINDS.get(name, Kind.identity)  # of rows: the product first, then the rows
    of_rows = ENTRIES[name].of_rows
    if return_saved is False and not of_rows:
        plain: Any = _core.plain_dense(x, w, b, kind, parameter, out)
        if plain is not None:
            return plain
    x, w, b = floats("dense", "x", x, "w", w, "b?", b)
    _require_product("dense", "x", x, "w", w)
    if b is not None:
        if b.shape != (w.shape[1],):
            raise ValueError(f"dense: w is {w.shape} but b is {b.shape}, expected ({w.shape[1]},)")
        b = contiguous(b)
    return_saved = flag("dense", "return_saved", return_saved)
    shape = (x.shape[0], w.shape[1])
    y_out, saved_out = out_tuple("dense", out, ("y", "saved")) if return_saved else (out, None)
    y = Output("dense", y_out, shape, x.dtype, (x, w, b))
    keeps_z = return_saved and _core.saves_input(kind)
    z = Output("dense", saved_out, shape, x.dtype, (x, w, b, y.target)) if keeps_z else None
    _core.dense(x, w, b, kind, parameter, y.target, z.target if z else None)
    if of_rows:
        _core.softmax(name == "log_softmax", y.target, y.target, 1.0 / parameter)
    result = y.done()
    if not return_saved:
        return result
    if z is not None:
        return result, z.done()
    if saved_out is not None and saved_out is not result:
        check_target("dense", "saved", saved_out, shape, x.dtype)
        saved_out[...] = result
        return result, saved_out
    return result, result


@op(
    reference=reference.dense_backward,
    domain=_dense_backward_call,
    tolerance=Tolerance(ulps=1, epsilons=1, scale=_dense_backward_scale),
    backward_of="dense",
)
def dense_backward(
    dy: ArrayLike,
    x: ArrayLike,
    w: ArrayLike,
    *,
    activation: Any = None,
    activation_parameter: float | None = None,
    saved: ArrayLike | None = None,
    out: Any = None,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The gradients of dense: dx (n, k), dw (k, m), db (m) for a gradient dy (n, m) from above.

    With an activation, saved is what dense(..., return_saved=True) returned; activation_parameter is as there.
    out: (dx, dw, db), each an array or None.

    >>> x, w = np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])
    >>> dx, dw, db = densekit.functional.dense_backward(np.ones((1, 1)), x, w)
    >>> dx, db
    (array([[3., 4.]]), array([1.]))
    """
    dy, x, w, saved = floats("dense_backward", "dy", dy, "x", x, "w", w, "saved?", saved)
    _require_product("dense_backward", "x", x, "w", w)
    shape = (x.shape[0], w.shape[1])
    if dy.shape != shape:
        raise ValueError(f"dense_backward: dy is {dy.shape} but x is {x.shape} and w is {w.shape}, expected {shape}")
    name, parameter = resolve("dense_backward", activation, activation_parameter)
    dz = contiguous(dy)
    if activation is not None:
        if saved is None:
            raise ValueError(
                f"dense_backward: activation={short(activation)} needs saved, from dense(..., return_saved=True)"
            )
        if saved.shape != shape:
            raise ValueError(f"dense_backward: saved is {saved.shape}, expected {shape}")
        dz = np.empty(shape, dy.dtype)
        if ENTRIES[name].of_rows:
            _core.softmax_backward(name == "log_softmax", contiguous(dy), contiguous(saved), dz, 1.0 / parameter)
        else:
            _core.activation_backward(_KINDS[name], contiguous(dy), contiguous(saved), dz, parameter)
    targets = out_tuple("dense_backward", out, ("dx", "dw", "db"))
    shapes = (x.shape, w.shape, w.shape[1:])
    dx, dw, db = (
        Output("dense_backward", t, s, x.dtype, (dy, x, w), name=n)
        for t, s, n in zip(targets, shapes, ("dx", "dw", "db"), strict=True)
    )
    _core.dense_backward(dz, x, w, dx.target, dw.target, db.target)
    return dx.done(), dw.done(), db.done()


__all__ = ["dense", "dense_backward", "matmul"]
