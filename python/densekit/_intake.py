"""What callers pass as arrays, made into one array of real numbers: exactly, or an error that says what to write.

NumPy arrays, nested lists, tensors and whatever else NumPy reads as an array are taken here; `_frames` has the tables
of pandas, polars and pyarrow. NumPy is never handed an object that only answers to indices or gives items one after
another (a generator, a data loader, a dataset): np.asarray would call it until the memory is full.
"""

from __future__ import annotations

import collections
import itertools
import math
import numbers
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from densekit import _frames
from densekit._checks import short

Array: TypeAlias = NDArray[Any]

_LISTS = (list, tuple, range, collections.deque)
_SCALARS = (numbers.Number, np.generic, Decimal, str, bytes, type(None))
_REAL = (numbers.Real, np.bool_, Decimal)  # what an array or a column of objects may hold
_ARRAYS = ("__array__", "__array_interface__", "__array_struct__", "__dlpack__")
_DEEPEST = 32  # dimensions, as in NumPy 1


def as_array(op: str, name: str, value: Any, *, half: bool = True) -> Array:
    """Real numbers of at most 64 bits, in native byte order, aligned; the caller's memory wherever it is that already.

    Booleans, integers and floats keep their type; missing values of a table become NaN. Columns of one table get the
    type that holds them all. half: whether float16 is taken.
    """
    array = value if type(value) is np.ndarray else _read(op, name, value)
    if array.dtype.kind not in "fiub":
        array = _from_other_types(op, name, array)
    if array.dtype.itemsize > 8 or (not half and array.dtype == np.float16):
        expected = "real numbers of at most 64 bits" if half else "float32 or float64"
        raise TypeError(
            f"{op}: {name} is {array.dtype}, expected {expected}; convert it with {name}.astype(np.float32)"
        )
    if array.dtype.isnative and array.flags.aligned:
        return array
    return np.require(array, array.dtype.newbyteorder("="), ["ALIGNED"])


def as_labels(op: str, name: str, value: Any) -> Array:
    """An array of any type, words too: for classes, which need not be numbers."""
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{op}: {name} is a masked array; fill it first, e.g. {name}.filled(0)")
    if value is None or (_is_sparse(value) and not isinstance(value, np.ndarray)):
        return as_array(op, name, value)  # says what to write
    refuse_batches(op, name, value)
    try:
        return np.asarray(value)
    except ValueError:
        raise ValueError(f"{op}: {name} is not a rectangular array: its rows have different lengths") from None


def as_classes(op: str, name: str, value: Any) -> Array:
    """Labels that can be sorted: numbers, or words, but not both, and none missing."""
    array = as_labels(op, name, value)
    if array.dtype == object:
        kinds = sorted({type(one).__name__ for one in array.ravel()})
        if len(kinds) > 1 or kinds == ["NoneType"]:
            raise TypeError(f"{op}: {name} has values of {' and '.join(kinds)}, expected classes of one type")
    return array


def refuse_batches(op: str, name: str, value: Any) -> None:
    """TypeError for what NumPy would read item by item though it is no list: asked before others read an array."""
    if type(value) is np.ndarray or value is None:
        return
    level, seen = [value], set[int]()
    while level:
        one_of_each = {type(one): one for one in level}
        for one in one_of_each.values():
            known = isinstance(one, (np.ndarray, *_SCALARS, *_LISTS)) or _frames.is_table(one) or _is_sparse(one)
            if not known and hasattr(one, "__getitem__") | isinstance(one, Iterable) and not _reads_as_array(one):
                raise _no_array(op, name if one is value else f"an element of {name}", one)
        lists = (list, tuple, collections.deque)
        inside = {id(one): one for one in level if isinstance(one, lists) and id(one) not in seen}
        seen |= inside.keys()
        level = list(itertools.chain.from_iterable(inside.values()))


def _read(op: str, name: str, value: Any) -> Array:
    """An array of any type."""
    if value is None:
        raise TypeError(f"{op}: {name} is None, expected an array of numbers")
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{op}: {name} is a masked array; fill it first, e.g. {name}.filled(0)")
    if isinstance(value, (np.ndarray, *_SCALARS)):
        return np.asarray(value)
    if isinstance(value, range):
        return np.arange(value.start, value.stop, value.step)
    if isinstance(value, _LISTS):
        return _from_lists(op, name, value)
    if _frames.is_table(value):
        return _from_columns(op, name, value)
    if _is_sparse(value):
        raise TypeError(f"{op}: {name} is a sparse {type(value).__name__}; convert it with {name}.toarray()")
    if not _reads_as_array(value):
        raise _no_array(op, name, value)
    try:
        only_dlpack = hasattr(value, "__dlpack__") and not any(hasattr(value, way) for way in _ARRAYS[:3])
        return np.from_dlpack(value) if only_dlpack else np.asarray(value)
    except MemoryError:
        raise
    except Exception as error:
        kind = ValueError if isinstance(error, ValueError) else TypeError
        raise kind(f"{op}: {name} is {_kind(value)}, which cannot be read as an array: {error}") from None


def _is_sparse(value: Any) -> bool:
    return hasattr(value, "toarray") and not isinstance(value, type)


def _reads_as_array(value: Any) -> bool:
    """Whether it says so itself: by one of NumPy's protocols, or as a buffer."""
    if isinstance(value, type):
        return False
    if any(hasattr(value, way) for way in _ARRAYS):
        return True
    try:
        memoryview(value).release()
    except (TypeError, BufferError):
        return False
    return True


def _kind(value: Any) -> str:
    """What it is, in words: the class with the library it is from."""
    made = value if isinstance(value, type) else type(value)
    library = made.__module__.partition(".")[0]
    text = made.__qualname__ if library in ("builtins", "__main__") else f"{library}'s {made.__qualname__}"
    if isinstance(value, type):
        return f"the class {text}"
    return text if "'s " in text else f"{'an' if text[:1].lower() in 'aeiou' else 'a'} {text}"


def _no_array(op: str, name: str, value: Any) -> TypeError:
    text = f"{op}: {name} is {_kind(value)}, expected an array of numbers"
    if _frames.is_lazy(value):
        return TypeError(f"{text}; write {name}.collect()")
    if isinstance(value, dict | collections.abc.Mapping):
        return TypeError(f"{text}; of columns by name write np.column_stack(list({name}.values()))")
    if isinstance(value, set | frozenset | collections.abc.ValuesView | collections.abc.KeysView):
        return TypeError(f"{text}; write a list in the order that you mean")
    if isinstance(value, Iterable) or hasattr(value, "__getitem__"):
        return TypeError(
            f"{text}; what gives items or batches one after another is not taken yet: join them into arrays, e.g. with "
            "np.concatenate, or give each batch to train_on_batch"
        )
    return TypeError(text)


def _from_lists(op: str, name: str, value: Sequence[Any]) -> Array:
    """Lists in lists, level by level, down to numbers or to arrays of one shape."""
    _refuse_endless_depth(op, name, value)
    level, shape = list(value), [len(value)]
    while level:
        kinds = set(map(type, level))
        lists = [issubclass(kind, _LISTS) for kind in kinds]
        if not all(lists):
            _refuse_numbers_beside_lists(op, name, shape, level if any(lists) else [])
            break
        lengths = list(map(len, level))
        if len(set(lengths)) > 1:
            other = next(i for i, length in enumerate(lengths) if length != lengths[0])
            this, first = f"has {lengths[other]} element(s)", f"has {lengths[0]}"
            raise ValueError(_ragged(op, name, shape, other, this, first))
        shape.append(lengths[0])
        level = list(itertools.chain.from_iterable(level))
    if not level:
        return np.empty(shape)
    if all(issubclass(kind, _SCALARS) for kind in kinds):
        return _array_of(level, kinds).reshape(shape)
    parts: list[Array] = []
    for i, one in enumerate(level):
        parts.append(as_array(op, _element(name, shape, i), one))
        if parts[i].shape != parts[0].shape:
            text = _ragged(op, name, shape, i, f"is {parts[i].shape}", f"is {parts[0].shape}")
            raise ValueError(f"{text}; a list of batches is not taken yet")
    return np.stack(parts).reshape(*shape, *parts[0].shape)


def _refuse_endless_depth(op: str, name: str, value: Any) -> None:
    """Follows the first elements, before a list that contains itself twice doubles at each level."""
    for _ in range(_DEEPEST):
        if not isinstance(value, _LISTS) or not value:
            return
        value = value[0]
    raise ValueError(f"{op}: {name} has lists in lists more than {_DEEPEST} deep, or a list that contains itself")


def _refuse_numbers_beside_lists(op: str, name: str, shape: Sequence[int], level: list[Any]) -> None:
    places = [i for i, one in enumerate(level) if isinstance(one, _SCALARS)]
    if places:
        listed = next(i for i, one in enumerate(level) if isinstance(one, _LISTS))
        raise ValueError(
            f"{op}: {name} is not a rectangular array: {_element(name, shape, listed)} is a list but "
            f"{_element(name, shape, places[0])} is {short(level[places[0]])}"
        )


def _array_of(values: list[Any], kinds: set[type]) -> Array:
    """One dimension, of the type that NumPy finds; of objects where NumPy would make words of numbers."""
    if not any(issubclass(kind, str | bytes | type(None)) for kind in kinds):
        return np.array(values)
    return np.fromiter(values, object, len(values))


def _element(name: str, shape: Sequence[int], flat: int) -> str:
    return f"{name}[{', '.join(str(i) for i in np.unravel_index(flat, tuple(shape)))}]"


def _ragged(op: str, name: str, shape: Sequence[int], other: int, this: str, first: str) -> str:
    other_name, first_name = _element(name, shape, other), _element(name, shape, 0)
    return f"{op}: {name} is not a rectangular array: {other_name} {this} but {first_name} {first}"


def _from_columns(op: str, name: str, value: Any) -> Array:
    """The columns of a table side by side, or one column as (n,)."""
    plain = _frames.plain(value)
    if plain is not None:
        return plain
    table = _frames.columns(value)
    columns = [_column(op, name, column, one) for column, one in table]
    if _frames.is_column(value):
        return columns[0]
    rows = len(value)
    joined = np.empty((rows, len(columns)), np.result_type(*columns) if columns else np.float64)
    for i, column in enumerate(columns):
        joined[:, i] = column
    return joined


def _column(op: str, name: str, column: Any, array: Array) -> Array:
    if array.dtype.kind not in "fiub":
        return _from_other_types(op, name, array, column=column, missing=True)
    if array.dtype.itemsize > 8:
        raise TypeError(f"{op}: column {column!r} of {name} is {array.dtype}, expected real numbers of at most 64 bits")
    return array


_NOT_GIVEN = object()


def _from_other_types(op: str, name: str, array: Array, *, column: Any = _NOT_GIVEN, missing: bool = False) -> Array:
    """The numbers in an array of Python objects; an error for all other types.

    column: the name of the table's column that this is, for messages. missing: whether None and pandas.NA are NaN.
    """
    where = name if column in (_NOT_GIVEN, None) else f"column {column!r} of {name}"
    kind = array.dtype.kind
    if kind == "c":
        raise TypeError(
            f"{op}: {where} is {array.dtype}, expected real numbers; take {name}.real, or encode both parts"
        )
    if kind in "mM":
        raise TypeError(
            f"{op}: {where} is {array.dtype}, a time, expected numbers; write e.g. the days since the first one: "
            f"(t - t.min()) / np.timedelta64(1, 'D')"
        )
    if array.dtype.names is not None:
        raise TypeError(
            f"{op}: {where} is a structured array with the fields {', '.join(array.dtype.names)}; write "
            f"np.lib.recfunctions.structured_to_unstructured({name})"
        )
    if kind != "O":
        if kind in "USTa":
            array = array.astype(object)
        else:
            raise TypeError(
                f"{op}: {where} is {array.dtype}, expected real numbers; convert it with {name}.astype(np.float32)"
            )
    values = array.ravel().tolist() if array.ndim else [array.item()]
    for flat, one in enumerate(values):
        if not isinstance(one, _REAL):
            if not missing or not (one is None or _frames.is_missing(one)):
                raise _wrong_object(op, name, where, array, flat, one, column)
            values[flat] = np.nan
    return _numbers(op, where, values).reshape(array.shape)


def _numbers(op: str, where: str, values: list[Any]) -> Array:
    """Real numbers of mixed types as booleans, integers or else float64, each rounded once."""
    kinds = set(map(type, values))
    if kinds and all(issubclass(kind, bool | np.bool_) for kind in kinds):
        return np.array(values, np.bool_)
    if kinds and all(issubclass(kind, numbers.Integral | np.bool_) for kind in kinds):
        whole = np.array([int(value) for value in values])
        if whole.dtype.kind in "iu":
            return whole
    try:
        found = np.array([float(value) for value in values], np.float64)
        if not all(abs(values[i]) == math.inf for i in np.flatnonzero(np.isinf(found))):
            raise OverflowError("it is larger than 1.8e308")
        return found
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{op}: {where} has a number that float64 does not hold: {error}") from None


def _wrong_object(op: str, name: str, where: str, array: Array, flat: int, one: Any, column: Any) -> TypeError:
    """What is wrong with the first element that is not a number, and what to write."""
    in_column = "" if column in (_NOT_GIVEN, None) else f" in column {column!r}"
    if isinstance(one, str | bytes):
        if name == "y" and array.ndim == 1:
            return TypeError(
                f"{op}: y holds strings such as {short(one)}{in_column}; write classes, y = np.unique(y, "
                "return_inverse=True), or use densekit.sklearn.MLPClassifier, which does that"
            )
        cure = "encode them as numbers, for example as one column a word"
        if in_column:
            cure = f"encode them as numbers, for example with pandas.get_dummies({name}) or {name}.to_dummies()"
        return TypeError(f"{op}: {name} holds strings such as {short(one)}{in_column}; {cure}")
    if in_column:
        return TypeError(f"{op}: {where} has {short(one)} ({type(one).__name__}) in row {flat}, expected numbers")
    at = f", first at {_element(name, array.shape, flat)}" if array.ndim else ""
    return TypeError(
        f"{op}: {name} is object, with values such as {short(one)}; convert it, e.g. with np.asarray({name}, "
        f"dtype=float){at}"
    )
