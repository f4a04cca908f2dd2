"""Norms of vectors and matrices."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core, reference
from densekit._arrays import Floats, Out, Output, contiguous, floats, whole
from densekit._checks import given, short
from densekit.registry import Call, Tolerance, op


def _columns(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    return Call((rng.normal(size=(size, 3)).astype(dtype),), {"axis": 0})


def _square_matrix(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    return Call((rng.normal(size=(-(-size // 7), 7)).astype(dtype),))


def _round_off(call: Call, expected: Any) -> Any:
    """In eps: half an eps of the result for each addition of the longest chain, 1/8 of a partial of 4,096 elements."""
    length = np.asarray(call.args[0]).size
    return (min(length, 4096) / 8 + length / 4096 + 8) / 2 * expected


def _order(name: str, p: Any) -> float:
    if isinstance(p, bool | np.bool_) or not isinstance(p, int | float | np.integer | np.floating):
        raise TypeError(f"{name}: p must be a number or infinity, got {given(p)}")
    try:
        order = float(p)
    except OverflowError:
        raise ValueError(f"{name}: p is an integer of {int(p).bit_length()} bits, too large for a number") from None
    if math.isnan(order):
        raise ValueError(f"{name}: p must be a number or infinity, got {short(p)}")
    return order


def _row_norms(rows: Floats, p: float) -> NDArray[np.float64]:
    norms = np.empty(rows.shape[0])
    _core.vector_norms(rows, p, norms)
    return norms


@op(reference=reference.vector_norm, domain=_columns, tolerance=Tolerance(ulps=1, epsilons=1, scale=_round_off))
def vector_norm(x: ArrayLike, p: float = 2, *, axis: int | None = None, out: Out = None) -> Any:
    """The Lp norm, (sum |x_i|^p)^(1/p), of all elements or along an axis.

    x: floats, any shape; a matrix is taken element by element ("entrywise"), see matrix_norm for the other kind.
    p: any number. inf: the largest |x_i|. -inf: the smallest. 0: how many x_i are not 0 (NaN counts). Below 1 it is no
    norm, but the formula holds, as in numpy.linalg.norm. axis: None, all elements, gives a float; else an array without
    that axis. out: for the result; with axis=None, an array without dimensions.

    Sums are carried in float64, and what would leave its range is scaled by the largest element: the 2-norm of
    [3e200, 4e200] is 5e200. With p other than 0, 1, 2 and infinity the powers are e^(p log |x_i / largest|), good to
    some eps of float64; a small p, of which the root is a large power, costs log(n) / p eps more.

    >>> densekit.functional.vector_norm([3.0, 4.0]), densekit.functional.vector_norm([3.0, -4.0], np.inf)
    (5.0, 4.0)
    >>> densekit.functional.vector_norm(np.float32([[3, 4], [6, 8]]), axis=1)
    array([ 5., 10.], dtype=float32)
    """
    name = "vector_norm"
    (array,) = floats(name, "x", x)
    order = _order(name, p)
    shape: tuple[int, ...] = ()
    if axis is None:
        rows = contiguous(array).reshape(1, array.size)
    else:
        if array.ndim == 0:
            raise ValueError(f"{name}: x is a single number, which has no axis {short(axis)}")
        moved = np.moveaxis(array, whole(name, "axis", axis, low=-array.ndim, high=array.ndim - 1), -1)
        shape = moved.shape[:-1]
        rows = contiguous(moved).reshape(math.prod(shape), moved.shape[-1])
    if order == -math.inf and rows.shape[1] == 0 and rows.shape[0]:
        raise ValueError(f"{name}: x is {array.shape}; of no elements none is the smallest")
    if axis is None and out is None:
        return float(_row_norms(rows, order)[0])
    y = Output(name, out, shape, array.dtype)
    with np.errstate(over="ignore"):  # a float32 norm may be too large for float32
        y.target[...] = _row_norms(rows, order).reshape(shape)
    return y.done()


def _singular_values(a: Floats) -> NDArray[np.float64]:
    values = np.empty(min(a.shape))
    if not _core.singular_values(a, values):
        raise RuntimeError(f"matrix_norm: the singular values of a, {a.shape}, did not converge in 60 sweeps")
    return values


def _spectral(a: Floats, p: float | str) -> float:
    largest = vector_norm(a, np.inf) if a.size else 0.0
    if not math.isfinite(largest):
        return math.nan if math.isnan(largest) or p == -2 else math.inf
    values = _singular_values(a)
    return float(values.sum() if p == "nuc" else values.max(initial=0) if p == 2 else values.min())


@op(reference=reference.matrix_norm, domain=_square_matrix, tolerance=Tolerance(ulps=1, epsilons=1, scale=_round_off))
def matrix_norm(a: ArrayLike, p: float | Literal["fro", "nuc"] = "fro") -> float:
    """A norm of a matrix: entrywise ("fro"), induced (1, 2, inf) or of its singular values ("nuc").

    a: (m, n). p: "fro", Frobenius, the root of the sum of squares; 1, the largest absolute column sum; inf, the largest
    absolute row sum; 2, the largest singular value; "nuc", nuclear, their sum; -1, -inf and -2, the smallest instead of
    the largest: as numpy.linalg.norm. NaN gives NaN.

    Singular values come from one-sided Jacobi rotations in float64, within a few eps of the largest one. Their cost,
    with r = min(m, n) and l = max(m, n), is about 6 r^2 l operations a sweep, 6 to 12 sweeps: no method for r in the
    thousands.

    >>> a = np.array([[3.0, 0.0], [4.0, 5.0]])
    >>> [round(densekit.functional.matrix_norm(a, p), 4) for p in ("fro", "nuc", 1, 2, np.inf)]
    [7.0711, 8.9443, 7.0, 6.7082, 9.0]
    """
    name = "matrix_norm"
    (matrix,) = floats(name, "a", a)
    if matrix.ndim != 2:
        raise ValueError(f"{name}: a is {matrix.shape}, expected two dimensions (vector_norm takes any)")
    if isinstance(p, str) and p in ("fro", "nuc"):
        if p == "fro":
            return float(vector_norm(matrix))
        return _spectral(matrix, p)
    if isinstance(p, str) or float(order := _order(name, p)) not in (1, 2, -1, -2, math.inf, -math.inf):
        raise ValueError(f"{name}: p must be 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, got {short(p)}")
    compared = matrix.shape[1] if abs(order) == 1 else matrix.shape[0] if math.isinf(order) else min(matrix.shape)
    if order < 0 and compared == 0:
        raise ValueError(
            f"{name}: a is {matrix.shape}, which has no norm of order {p}: of nothing none is the smallest"
        )
    if abs(order) == 2:
        return _spectral(matrix, order)
    sums = _row_norms(contiguous(matrix.T if abs(order) == 1 else matrix), 1)
    return float(sums.max(initial=0) if order > 0 else sums.min())


__all__ = ["matrix_norm", "vector_norm"]
