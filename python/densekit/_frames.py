"""The tables and columns of pandas, polars and pyarrow, column by column as NumPy arrays; and their columns' names.

None of the three is imported here: an object of theirs can only be given where its library has been imported.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Label: TypeAlias = str | int


def _is(value: Any, *classes: str) -> bool:
    """Whether it is an object of one of these classes, "pandas.DataFrame" for instance."""
    for path in classes:
        library, _, name = path.partition(".")
        made = getattr(sys.modules.get(library), name, None)
        if isinstance(made, type) and isinstance(value, made):
            return True
    return False


_ARROW_TABLES = ("pyarrow.Table", "pyarrow.RecordBatch")
_TABLES = ("pandas.DataFrame", "polars.DataFrame", *_ARROW_TABLES)
_PANDAS_COLUMNS = ("pandas.Series", "pandas.Index")
_POLARS_COLUMNS = ("polars.Series",)
_ARROW_COLUMNS = ("pyarrow.Array", "pyarrow.ChunkedArray")


def _is_extension_array(value: Any) -> bool:
    api = getattr(getattr(sys.modules.get("pandas"), "api", None), "extensions", None)
    return api is not None and isinstance(value, api.ExtensionArray)


def is_column(value: Any) -> bool:
    """A Series and its like: one dimension."""
    return _is(value, *_PANDAS_COLUMNS, *_POLARS_COLUMNS, *_ARROW_COLUMNS) or _is_extension_array(value)


def is_table(value: Any) -> bool:
    """A data frame or one column of it."""
    return _is(value, *_TABLES) or is_column(value)


def is_lazy(value: Any) -> bool:
    return _is(value, "polars.LazyFrame")


def is_index(value: Any) -> bool:
    return _is(value, "pandas.Index")


def is_missing(value: Any) -> bool:
    """pandas' NA."""
    missing = getattr(sys.modules.get("pandas"), "NA", None)
    return missing is not None and value is missing


def labels(value: Any) -> tuple[Label, ...] | None:
    """The names of the columns of a data frame, as words and whole numbers; None for everything else."""
    if isinstance(value, np.ndarray | list | tuple):
        return None
    if _is(value, *_ARROW_TABLES):
        return tuple(value.schema.names)
    if not _is(value, "pandas.DataFrame", "polars.DataFrame") and not hasattr(value, "__array__"):
        return None
    names = getattr(value, "columns", None)
    if names is None or getattr(value, "ndim", 2) != 2:
        return None
    return tuple(_label(name) for name in names)


def _label(name: Any) -> Label:
    if isinstance(name, int | np.integer) and not isinstance(name, bool):
        return int(name)
    return str(name)


def plain(value: Any) -> Array | None:
    """The whole pandas frame at once, where its columns are plain NumPy numbers; a view where that is possible."""
    if not _is(value, "pandas.DataFrame") or not value.shape[1]:
        return None
    if not _has_plain_columns(value):
        return None
    types = set(value.dtypes)
    array: Array = value.to_numpy() if len(types) == 1 else value.to_numpy(dtype=np.result_type(*types))
    return array


def is_mixed(value: Any) -> bool:
    """Whether it is a table that needs `columns`: not of pandas or polars with nothing but plain numbers."""
    if _is(value, *_ARROW_TABLES):
        return True
    if _is(value, "polars.DataFrame"):
        return not all((s.dtype.is_float() or s.dtype.is_integer()) and not s.null_count() for s in value.get_columns())
    return _is(value, "pandas.DataFrame") and bool(value.shape[1]) and not _has_plain_columns(value)


def like(value: Any, array: Array) -> Any:
    """A table with the names (and the index) of another one, and these numbers."""
    if _is(value, *_ARROW_TABLES):
        return sys.modules["pyarrow"].Table.from_arrays(list(array.T), names=value.schema.names)
    if _is(value, "polars.DataFrame"):
        return sys.modules["polars"].DataFrame(array, schema=value.columns, orient="row")
    return sys.modules["pandas"].DataFrame(array, columns=value.columns, index=value.index)


def _has_plain_columns(frame: Any) -> bool:
    return all(isinstance(t, np.dtype) and t.kind in "fiub" and t.itemsize <= 8 for t in set(frame.dtypes))


def columns(value: Any) -> Iterator[tuple[Any, Array]]:
    """(name, values) of each column, in order. Missing numbers are NaN, other missing values None or pandas.NA."""
    if _is(value, "pandas.DataFrame"):
        for i, name in enumerate(value.columns):
            yield _label(name), _pandas(value.iloc[:, i])
    elif _is(value, "polars.DataFrame"):
        for series in value.get_columns():
            yield series.name, _polars(series)
    elif _is(value, *_ARROW_TABLES):
        for i, name in enumerate(value.schema.names):
            yield name, _arrow(value.column(i))
    elif _is(value, *_POLARS_COLUMNS):
        yield value.name or None, _polars(value)
    elif _is(value, *_ARROW_COLUMNS):
        yield None, _arrow(value)
    else:
        series = value if _is(value, "pandas.Series") else sys.modules["pandas"].Series(value)
        yield None if series.name is None else _label(series.name), _pandas(series)


def _pandas(series: Any) -> Array:
    types = sys.modules["pandas"].api.types
    dtype = series.dtype
    array: Array
    if isinstance(dtype, np.dtype):
        array = series.to_numpy()
    elif isinstance(dtype, sys.modules["pandas"].CategoricalDtype):
        array = _categories(series)
    elif isinstance(dtype, sys.modules["pandas"].SparseDtype):
        array = np.asarray(series)
    elif types.is_numeric_dtype(dtype) or types.is_bool_dtype(dtype):
        array = _nullable(series, np.dtype(getattr(dtype, "numpy_dtype", object)))
    else:
        array = series.to_numpy(dtype=object)
    return array


def _nullable(series: Any, dtype: np.dtype[Any]) -> Array:
    """Numbers and booleans of pandas' own types and of arrow's, which may be missing."""
    array: Array
    if dtype.kind not in "fiub":
        array = series.to_numpy(dtype=object)
    elif not series.isna().any():
        array = series.to_numpy(dtype=dtype)
    else:
        array = series.to_numpy(dtype=dtype if dtype.kind == "f" else np.float64, na_value=np.nan)
    return array


def _categories(series: Any) -> Array:
    """The categories themselves, where they are numbers; objects where not."""
    values = _pandas(sys.modules["pandas"].Series(series.dtype.categories))
    if values.dtype.kind not in "fiub":
        objects: Array = np.asarray(series, object)
        return objects
    codes = series.cat.codes.to_numpy()
    if (codes >= 0).all():
        every: Array = values[codes]
        return every
    return np.where(codes >= 0, np.append(values, np.nan)[codes], np.nan)


def _polars(series: Any) -> Array:
    polars = sys.modules["polars"]
    dtype, array = series.dtype, None
    if dtype == polars.Null:
        return np.full(len(series), np.nan)
    if dtype.is_numeric() or dtype == polars.Boolean:
        if dtype.is_decimal() or str(dtype).endswith("nt128") or (series.null_count() and not dtype.is_float()):
            series = series.cast(polars.Float64)
        array = np.asarray(series.to_numpy())
    if array is None or array.dtype.kind not in "fiub":
        array = _objects(series.to_list())
    return array


def _arrow(column: Any) -> Array:
    if hasattr(column.type, "value_type") and hasattr(column.type, "index_type"):  # a dictionary: categories
        column = column.cast(column.type.value_type)
    if str(column.type) == "null":
        return np.full(len(column), np.nan)
    try:
        return np.asarray(column.to_numpy(zero_copy_only=False))
    except TypeError:  # older versions' chunked arrays have no such argument
        return np.asarray(column.to_numpy())


def _objects(values: list[Any]) -> Array:
    array = np.empty(len(values), object)
    for i, value in enumerate(values):
        array[i] = value
    return array
