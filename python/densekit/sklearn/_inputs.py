"""What scikit-learn's users pass as X, y and weights, checked as scikit-learn checks it, in all its versions."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_sample_weight, check_array

from densekit import _frames
from densekit._columns import warn_of_other_rows
from densekit._intake import as_array, refuse_batches

try:  # scikit-learn 1.6
    from sklearn.utils.validation import validate_data as _validate_data
except ImportError:
    _validate_data = BaseEstimator._validate_data

_FINITE = "ensure_all_finite"
if _FINITE not in inspect.signature(check_array).parameters:
    _FINITE = "force_all_finite"  # before 1.6


def checked(estimator: Any, X: Any, y: Any = "no_validation", *, reset: bool, **options: Any) -> Any:
    """X, or (X, y), as float32 or float64, dense or CSR; the names and the number of columns are kept or compared.

    NaN and infinity are refused with scikit-learn's message and the column.
    """
    names = {} if isinstance(y, str) else {"y": y}
    X = _of_numbers(type(estimator).__name__, X)
    if names:
        warn_of_other_rows(type(estimator).__name__, X, y)
    try:
        return validated(estimator, X, reset=reset, accept_sparse="csr", **names, **options)
    except ValueError as error:
        text = str(error)
        if not text.startswith("Input X contains"):
            raise
        first, _, rest = text.partition("\n")
        raise ValueError("\n".join(filter(None, [f"{first.rstrip('.')}{_place(X)}.", rest]))) from None


def validated(
    estimator: Any,
    X: Any,
    *,
    reset: bool,
    finite: Any = True,
    dtype: tuple[Any, ...] = (np.float64, np.float32),
    **options: Any,
) -> Any:
    """What scikit-learn's validate_data returns, by the names of this version.

    What is no array, list or table is refused before NumPy sees it; mixed columns of a frame are taken by `_intake`.
    """
    op = type(estimator).__name__
    X = _of_numbers(op, X)
    if "y" in options:
        refuse_batches(op, "y", options["y"])
    try:
        return _validate_data(estimator, X, reset=reset, dtype=dtype, **{_FINITE: finite}, **options)
    except OverflowError:
        raise ValueError(f"{op}: X has a number that float64 does not hold, larger than 1.8e308") from None


def _of_numbers(op: str, X: Any) -> Any:
    """X; a table with other columns than plain numbers as a table of numbers.

    ValueError, as in scikit-learn, that names the column where that cannot be.
    """
    refuse_batches(op, "X", X)
    if not _frames.is_mixed(X):
        return X
    try:
        return _frames.like(X, as_array(op, "X", X))
    except TypeError as error:
        raise ValueError(str(error)) from None


def _place(X: Any) -> str:
    """Where the first NaN or infinity is."""
    names = _frames.labels(X) or ()
    if hasattr(X, "tocsr"):
        found = X.tocoo()
        bad = np.flatnonzero(~np.isfinite(found.data))
        at = sorted(zip(found.row[bad].tolist(), found.col[bad].tolist(), strict=True))
    else:
        at = np.argwhere(~np.isfinite(np.asarray(X, np.float64))).tolist()
    if not at:
        return ""
    row, column = at[0]
    name = f" ({names[column]!r})" if column < len(names) else ""
    return f" in column {column}{name}, first in row {row}"


def row_weights(X: Any, sample_weight: Any) -> Any:
    """float64 (n,), not negative and not all zero; None stays None."""
    if sample_weight is None:
        return None
    refuse_batches("fit", "sample_weight", sample_weight)
    try:
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
    except OverflowError:
        raise ValueError("sample_weight has a number that float64 does not hold, larger than 1.8e308") from None
    if (weights < 0).any():
        at = int((weights < 0).argmax())
        raise ValueError(f"sample_weight[{at}] is {weights[at]}; weights are not negative")
    if not weights.any():
        raise ValueError("every sample_weight is zero")
    return weights
