"""The door between callers' arrays and the kernels: one dtype a call, contiguous memory, `out=`, errors that quote."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core
from densekit._checks import given, short
from densekit._intake import as_array

Floats: TypeAlias = NDArray[Any]  # float32 or float64
Out: TypeAlias = NDArray[Any] | None
Reduction: TypeAlias = Literal["mean", "sum", "none"]

_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def _as_array(op: str, name: str, value: Any) -> NDArray[Any]:
    """Numbers as the operations take them: float32, float64, integers, booleans."""
    return as_array(op, name, value, half=False)


def floats(op: str, *names_and_values: Any) -> list[Any]:
    """Converts name, value, name, value, … to arrays of one dtype, float32 or float64, in native byte order.

    Arrays of integers and booleans, lists and numbers take the dtype of the float arrays beside them, float64 if there
    are none. float32 beside float64 is a TypeError: nothing is converted behind the caller's back. None stays None
    where the name ends in "?".
    """
    dtype = None
    for i in range(1, len(names_and_values), 2):  # the common case: arrays of one float type, as the kernels want them
        value = names_and_values[i]
        if type(value) is np.ndarray:
            if dtype is None:
                dtype = value.dtype
            if value.dtype is not dtype or not value.flags.aligned:
                break
        elif value is not None or names_and_values[i - 1][-1] != "?":
            break
    else:
        if dtype is _FLOAT32 or dtype is _FLOAT64:
            return list(names_and_values[1::2])
    return _floats_slowly(op, names_and_values)


def _floats_slowly(op: str, names_and_values: Sequence[Any]) -> list[Any]:
    names = [name.rstrip("?") for name in names_and_values[::2]]
    optional = [name.endswith("?") for name in names_and_values[::2]]
    arrays = [
        None if value is None and can_miss else _as_array(op, name, value)
        for name, can_miss, value in zip(names, optional, names_and_values[1::2], strict=True)
    ]
    given = {name: a.dtype.newbyteorder("=") for name, a in zip(names, arrays, strict=True) if a is not None}
    found = {name: dtype for name, dtype in given.items() if dtype.kind == "f"}
    if len(set(found.values())) > 1:
        (first, a), (second, b) = next(
            (p, q) for p in found.items() for q in found.items() if p[1] == _FLOAT32 and q[1] == _FLOAT64
        )
        raise TypeError(f"{op}: {first} is {a} but {second} is {b}; convert one of them, e.g. {second}.astype(np.{a})")
    dtype = next(iter(found.values()), _FLOAT64)
    return [None if a is None else np.require(a, dtype, ["ALIGNED"]) for a in arrays]


def real(op: str, name: str, value: Any) -> NDArray[np.float64]:
    """Real numbers of any shape as float64, for functions that compute in NumPy; the caller's memory if it is that."""
    return np.asarray(as_array(op, name, value), np.float64)


def vector(op: str, name: str, value: Any, length: int | None = None) -> NDArray[np.float64]:
    """(length,) real numbers as float64."""
    array = real(op, name, value)
    if array.ndim != 1 or length not in (None, len(array)):
        raise ValueError(f"{op}: {name} is {array.shape}, expected ({'n' if length is None else length},)")
    return array


def contiguous(array: NDArray[Any]) -> NDArray[Any]:
    """The array itself if it lies in memory as the kernels need it (C order, aligned, native), else such a copy."""
    flags = array.flags
    if flags.c_contiguous and flags.aligned and array.dtype.isnative:
        return array
    return np.array(array, array.dtype.newbyteorder("="), order="C")


def apart(array: NDArray[Any], *targets: NDArray[Any]) -> NDArray[Any]:
    """The array itself, or a copy if it shares memory with a shifted view that is written while the kernel reads it."""
    for target in targets:
        same = array.ctypes.data == target.ctypes.data and array.strides == target.strides
        if not same and np.may_share_memory(array, target):
            return array.copy()
    return array


def same_shape(op: str, *names_and_arrays: Any) -> None:
    """ValueError unless all arrays have the shape of the first."""
    first_name, first = names_and_arrays[:2]
    for name, array in zip(names_and_arrays[2::2], names_and_arrays[3::2], strict=True):
        if array is not None and array.shape != first.shape:
            raise ValueError(f"{op}: {first_name} is {first.shape} but {name} is {array.shape}")


class Output:
    """Where a result goes: the caller's `out`, or a new array; `target` is what the kernel writes.

    `out` must have the result's shape and dtype and be writable. If it is not contiguous or overlaps an input that the
    kernel still reads, the kernel writes elsewhere and `done` copies.
    """

    __slots__ = ("_out", "target")

    def __init__(
        self,
        op: str,
        out: Out,
        shape: tuple[int, ...],
        dtype: Any,
        inputs: tuple[NDArray[Any] | None, ...] = (),
        *,
        elementwise: bool = False,
        name: str = "out",
    ) -> None:
        self._out = out
        if out is None:
            self.target = np.empty(shape, dtype)
            return
        # As it is, and the input itself or apart from it.
        if (
            elementwise
            and _core.ready(tuple(a for a in inputs if a is not out), (out,))
            and out.shape == shape
            and out.dtype == dtype
        ):
            self.target = out
            return
        check_target(op, name, out, shape, dtype)
        direct = out.flags.c_contiguous and out.flags.aligned and out.dtype.isnative and type(out) is np.ndarray
        for array in inputs:
            if direct and array is not None and np.may_share_memory(out, array):
                # An elementwise kernel may write over its own input, but not over a shifted view of it.
                same = elementwise and array.shape == out.shape and array.ctypes.data == out.ctypes.data
                direct = same and array.flags.c_contiguous
        self.target = out if direct else np.empty(shape, dtype)

    def done(self) -> NDArray[Any]:
        if self._out is None:
            return self.target
        if self._out is not self.target:
            self._out[...] = self.target
        return self._out


def check_target(op: str, name: str, out: Any, shape: tuple[int, ...], dtype: Any) -> None:
    """TypeError or ValueError unless `out` is a writable array of this shape and dtype."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"{op}: {name} is {type(out).__name__}, expected a NumPy array, which is written in place")
    if isinstance(out, np.ma.MaskedArray):
        raise TypeError(f"{op}: {name} is a masked array, expected a plain one, which is written in place")
    if out.dtype.newbyteorder("=") != dtype:
        raise TypeError(f"{op}: {name} is {out.dtype}, expected {np.dtype(dtype)}")
    if out.shape != shape:
        raise ValueError(f"{op}: {name} is {out.shape}, expected {shape}")
    if not out.flags.writeable:
        raise ValueError(f"{op}: {name} is read-only, and is written in place")


def out_tuple(op: str, out: Any, names: tuple[str, ...]) -> tuple[Out, ...]:
    """Spreads `out=` of a function with several results: None, or a tuple with an array or None for each."""
    if out is None:
        return (None,) * len(names)
    if not isinstance(out, tuple) or len(out) != len(names):
        raise TypeError(
            f"{op}: out must be a tuple ({', '.join(names)}), each an array or None; got {type(out).__name__}"
        )
    return out


def number(
    op: str,
    name: str,
    value: Any,
    *,
    low: float = -np.inf,
    high: float = np.inf,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """A finite real number in the given range; TypeError or ValueError that quotes it otherwise."""
    if type(value) is float and low < value < high:  # a small update spends most of its time on such questions
        return value
    known = isinstance(value, int | float | np.integer | np.floating)
    if not known or isinstance(value, bool | np.bool_):
        raise TypeError(f"{op}: {name} must be a number, got {given(value)}")
    try:
        result = float(value)
    except OverflowError:  # an int of more than 308 digits
        result = np.inf if value > 0 else -np.inf
    inside = (low < result if open_low else low <= result) and (result < high if open_high else result <= high)
    if not inside or not math.isfinite(result):
        left, right = "(" if open_low or low == -np.inf else "[", ")" if open_high or high == np.inf else "]"
        raise ValueError(f"{op}: {name} must be a finite number in {left}{low:g}, {high:g}{right}, got {short(value)}")
    return result


def whole(op: str, name: str, value: Any, *, low: int = 0, high: int = 2**63 - 1) -> int:
    """A whole number in the given range; TypeError or ValueError that quotes it otherwise."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{op}: {name} must be a whole number, got {given(value)}")
    if not low <= int(value) <= high:
        raise ValueError(f"{op}: {name} must be a whole number from {low} to {high}, got {short(value)}")
    return int(value)


def flag(op: str, name: str, value: Any) -> bool:
    """True or False; TypeError otherwise, for "no" would count as true."""
    if value is True or value is False:
        return value
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{op}: {name} must be True or False, got {given(value)}")
    return bool(value)


# Of products of float32, and how many bfloat16s stand for an operand (0: none); see functional.matmul.
BFLOAT16S = {"highest": 0, "high": 2, "medium": 1}
PRECISIONS = tuple(BFLOAT16S)


def one_of(op: str, name: str, value: Any, choices: Sequence[str]) -> str:
    """One of the given words; the error lists them."""
    if type(value) is str and value in choices:
        return value
    if not isinstance(value, str):
        raise TypeError(f"{op}: {name} must be one of {', '.join(map(repr, choices))}, got {short(value)}")
    if value not in choices:
        import difflib

        near = difflib.get_close_matches(value, choices, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise ValueError(f"{op}: {name} must be one of {', '.join(map(repr, choices))}, got {short(value)}{hint}")
    return value


def sample_weights(
    op: str, sample_weight: ArrayLike | None, rows: int, *, zeros: bool = False
) -> NDArray[np.float64] | None:
    """Weights of the rows as float64: one a row, finite, not negative; not all zero unless `zeros`."""
    return weights(op, "sample_weight", sample_weight, rows, zeros=zeros)


def weights(
    op: str, name: str, value: ArrayLike | None, length: int, *, zeros: bool = False
) -> NDArray[np.float64] | None:
    """`length` weights as float64: finite, not negative; not all zero (there would be no mean) unless `zeros`."""
    if value is None:
        return None
    array = np.require(_as_array(op, name, value), np.float64, ["C", "ALIGNED"])
    if array.shape != (length,):
        raise ValueError(f"{op}: {name} is {array.shape}, expected ({length},)")
    bad = ~((array >= 0) & np.isfinite(array))
    if bad.any():
        at = int(bad.argmax())
        raise ValueError(f"{op}: {name}[{at}] is {array[at]}; weights are finite and not negative")
    if length and not zeros and not array.any():
        raise ValueError(f"{op}: every {name} is zero, so there is no mean")
    return array
