"""Scaling of columns: fit on the training data, transform the rest. The same as scikit-learn's, and without it.

NaN is a missing value: it is left out of the statistics and stays NaN; infinity is refused. Where scikit-learn is
installed, the scalers are its estimators: they go into pipelines and grids, and set_output names their columns. Their
classes inherit from its own, so that importing this module imports scikit-learn then.
mixup makes rows between rows.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from densekit import _core
from densekit._arrays import flag, weights
from densekit._checks import short
from densekit._mixup import mixup
from densekit._transformer import Transformer
from densekit.functional._channels import columns_along

Array = NDArray[Any]


def _affine(x: Array, subtract: Any, multiply: Any, add: Any, copy: bool) -> Array:
    """(x - subtract) * multiply + add, column by column; into x itself if not `copy`, where it can be."""
    if x.dtype == np.float16:  # computed in float32, rounded once
        half = _affine(x.astype(np.float32), subtract, multiply, add, True).astype(np.float16)
        if copy or not x.flags.writeable:
            return half
        x[...] = half
        return x
    columns = columns_along("scale", x.shape, 0)
    here = not copy and x.flags.c_contiguous and x.flags.aligned and x.flags.writeable and x.dtype.isnative
    y = x if here else np.empty(x.shape, x.dtype)
    if x.size:
        center, factor = (
            np.ascontiguousarray(np.broadcast_to(a, x.shape[1]), np.float64) for a in (subtract, multiply)
        )
        shift = None if add is None else np.ascontiguousarray(add, x.dtype)
        _core.normalize(columns.view(x), center, factor, None, shift, y.reshape(columns.cube))
    if not copy and not here and x.flags.writeable:
        x[...] = y
        return x
    return y


class StandardScaler(Transformer):
    """The z-score of each column: (x - mean) / std, std divided by n (ddof 0). sklearn.preprocessing.StandardScaler.

    copy: False writes into X itself where that can be. with_mean, with_std: whether to shift, and to scale. A column
    without variance is only shifted. CSR and CSC matrices are taken with with_mean=False.
    Attributes: mean_, var_, scale_ (the std, 1 for a constant column), n_samples_seen_ (a number; with NaN one for each
    column), n_features_in_, feature_names_in_. partial_fit joins statistics by Chan, Golub and LeVeque 1983.

    >>> from densekit.preprocessing import StandardScaler
    >>> scaler = StandardScaler().fit([[1.0, 5.0], [3.0, 5.0]])
    >>> scaler.transform([[4.0, 6.0]])
    array([[2., 1.]])
    """

    mean_: Array | None
    var_: Array | None
    scale_: Array | None
    n_samples_seen_: Any

    def __init__(self, *, copy: bool = True, with_mean: bool = True, with_std: bool = True) -> None:
        self.copy = copy
        self.with_mean = with_mean
        self.with_std = with_std

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Computes mean and standard deviation anew. X: (n, columns); sample_weight: (n,), not negative."""
        if hasattr(self, "n_samples_seen_"):
            del self.n_samples_seen_
        return self.partial_fit(X, y, sample_weight)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Joins these rows to those seen so far."""
        for name in ("copy", "with_mean", "with_std"):
            flag("StandardScaler", name, getattr(self, name))
        first = not hasattr(self, "n_samples_seen_")
        X = self._validated(X, first, sparse=True)
        self._require_dense_or_plain(X)
        w = weights("StandardScaler", "sample_weight", sample_weight, X.shape[0])
        with self._fitting(X, y, {"sample_weight": sample_weight}):
            return self._join(X, w, first)

    def _join(self, X: Any, w: Any, first: bool) -> Self:
        count, mean, square = _moments(X, w)
        if not first:
            # Chan: M2 = M2a + M2b + d² na nb / (na + nb); a side without values has no mean and no variance.
            seen = np.broadcast_to(np.asarray(self.n_samples_seen_, np.float64), count.shape)
            before, variance = (0.0 if a is None else a for a in (self.mean_, self.var_))
            before = np.where(seen > 0, before, mean)
            share = _divided(count, seen + count)
            delta = np.where((seen > 0) & (count > 0), mean - before, 0.0)
            square = square + np.where(seen > 0, variance * seen, 0.0) + delta**2 * seen * share
            mean = before + delta * share
            count = seen + count
        with np.errstate(invalid="ignore", divide="ignore"):
            variance = square / count
        whole = count if w is not None or (not first and np.asarray(self.n_samples_seen_).dtype.kind == "f") else None
        seen_by_column = count.astype(np.int64) if whole is None else count
        self.n_samples_seen_ = seen_by_column[0] if (seen_by_column == seen_by_column[0]).all() else seen_by_column
        uses = self.with_mean or self.with_std
        self.mean_ = mean if uses else None
        self.var_ = variance if self.with_std else None
        self.scale_ = _std(variance, mean, count) if self.with_std else None
        return self

    def transform(self, X: Any, copy: bool | None = None) -> Any:
        """(x - mean_) / scale_; float32 stays float32."""
        self._require_fitted()
        copy = self.copy if copy is None else flag("StandardScaler", "copy", copy)
        X = self._validated(X, False, sparse=True)
        self._require_dense_or_plain(X)
        if not isinstance(X, np.ndarray):
            return _scaled_columns(X, None if self.scale_ is None else 1 / self.scale_, copy)
        mean = self.mean_ if self.with_mean and self.mean_ is not None else 0.0
        return _affine(X, mean, 1.0 if self.scale_ is None else 1 / self.scale_, None, copy)

    def inverse_transform(self, X: Any, copy: bool | None = None) -> Any:
        """x scale_ + mean_."""
        self._require_fitted()
        copy = self.copy if copy is None else flag("StandardScaler", "copy", copy)
        X = self._validated(X, False, sparse=True)
        self._require_dense_or_plain(X)
        if not isinstance(X, np.ndarray):
            return _scaled_columns(X, self.scale_, copy)
        mean = self.mean_ if self.with_mean else None
        return _affine(X, 0.0, 1.0 if self.scale_ is None else self.scale_, mean, copy)

    def _require_dense_or_plain(self, X: Any) -> None:
        if not isinstance(X, np.ndarray) and self.with_mean:
            raise ValueError(
                "Cannot center sparse matrices: pass `with_mean=False` instead, which keeps zeros, or X.toarray()."
            )

    def _takes_sparse(self) -> bool:
        return not self.with_mean


def _moments(X: Any, w: Any) -> tuple[Array, Array, Array]:
    """The weight, the mean and the sum of squares about it of each column's values that are not NaN, in float64.

    A column without values has weight and squares 0 and the mean NaN.
    """
    if not isinstance(X, np.ndarray):
        return _sparse_moments(X, w)
    if w is None and X.dtype != np.float16:
        columns = columns_along("StandardScaler", X.shape, 0)
        moments = np.empty((2, X.shape[1]))
        _core.channel_moments(columns.view(X), moments)
        if np.isfinite(moments).all():
            return np.full(X.shape[1], float(len(X))), moments[0], moments[1]
    values = X.astype(np.float64)
    there = ~np.isnan(values) & (True if w is None else w[:, None] > 0)
    first = values[there.argmax(axis=0), np.arange(X.shape[1])]
    constant = ((values == first) | ~there).all(axis=0)
    w = np.where(there, 1.0 if w is None else w[:, None], 0.0)
    values, count = np.where(there, values, 0.0), w.sum(axis=0)
    mean = np.where(constant, first, _divided((w * values).sum(axis=0), count))
    off = np.where(there, values - mean, 0.0)
    # The corrected two-pass algorithm of Chan, Golub and LeVeque: what the rounding of the mean adds is taken away.
    square = (w * off**2).sum(axis=0) - _divided((w * off).sum(axis=0) ** 2, count)
    return count, np.where(count > 0, mean, np.nan), np.maximum(square, 0.0)


def _sparse_moments(X: Any, w: Any) -> tuple[Array, Array, Array]:
    """The same of a CSR or CSC matrix, where elements that are not stored are 0."""
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    cells, (rows, width) = X.tocoo(), X.shape
    w = np.ones(rows) if w is None else w
    column, values, of_cell = cells.col, cells.data.astype(np.float64), w[cells.row]
    there = ~np.isnan(values)
    lost, missing = np.bincount(column[~there], minlength=width), _sums(column[~there], of_cell[~there], width)
    column, values, of_cell = column[there], values[there], of_cell[there]
    full = np.bincount(column, minlength=width) == rows - lost  # no zeros: their weight must be 0, without rounding
    count = np.where(lost == rows, 0.0, w.sum() - missing)
    zeros = np.where(full, 0.0, np.maximum(count - _sums(column, of_cell, width), 0.0))
    first = np.zeros(width)
    first[column[::-1]] = values[::-1]
    constant = full & (np.bincount(column[values != first[column]], minlength=width) == 0)
    mean = np.where(constant, first, _divided(_sums(column, of_cell * values, width), count))
    off = values - mean[column]
    square = _sums(column, of_cell * off**2, width) + zeros * mean**2
    square -= _divided((_sums(column, of_cell * off, width) - zeros * mean) ** 2, count)
    return count, np.where(count > 0, mean, np.nan), np.maximum(square, 0.0)


def _sums(column: Array, values: Array, width: int) -> Array:
    """The sum of the values of each column."""
    return np.bincount(column, values, minlength=width).astype(np.float64)


def _divided(a: Array, count: Array) -> Array:
    """a / count, 0 where there is nothing."""
    result: Array = np.divide(a, count, out=np.zeros_like(a), where=count > 0)
    return result


def _std(variance: Array, mean: Array, count: Array) -> Array:
    """The square root, 1 where the column is constant: the variance is no more than the rounding of its computation."""
    eps = np.finfo(np.float64).eps
    with np.errstate(invalid="ignore"):
        constant = variance <= count * eps * variance + (count * mean * eps) ** 2
        return np.where(constant, 1.0, np.sqrt(variance))


def _scaled_columns(X: Any, factor: Array | None, copy: bool) -> Any:
    X = X.copy() if copy else X
    if factor is not None:
        columns = X.tocoo().col if X.format == "csr" else np.repeat(np.arange(X.shape[1]), np.diff(X.indptr))
        X.data *= factor[columns].astype(X.dtype)
    return X


class MinMaxScaler(Transformer):
    """Each column mapped from its range to feature_range (a, b): x scale_ + min_. sklearn.preprocessing.MinMaxScaler.

    feature_range: (0, 1). copy: False writes into X itself where that can be. clip: values of other data that fall
    outside become a or b; by default they stay outside. A constant column becomes a.
    Attributes: data_min_, data_max_, data_range_, scale_ = (b - a) / range, min_ = a - data_min_ scale_,
    n_samples_seen_, n_features_in_, feature_names_in_.

    >>> from densekit.preprocessing import MinMaxScaler
    >>> scaler = MinMaxScaler().fit([[1.0, 5.0], [3.0, 5.0]])
    >>> scaler.transform([[4.0, 5.0]])
    array([[1.5, 0. ]])
    """

    data_min_: Array
    data_max_: Array
    n_samples_seen_: int

    def __init__(self, feature_range: tuple[float, float] = (0, 1), *, copy: bool = True, clip: bool = False) -> None:
        self.feature_range = feature_range
        self.copy = copy
        self.clip = clip

    def fit(self, X: Any, y: Any = None) -> Self:
        """Finds the least and the largest value of each column anew."""
        if hasattr(self, "n_samples_seen_"):
            del self.n_samples_seen_
        return self.partial_fit(X, y)

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Joins these rows to those seen so far."""
        for name in ("copy", "clip"):
            flag("MinMaxScaler", name, getattr(self, name))
        if not isinstance(self.feature_range, tuple | list) or len(self.feature_range) != 2:
            raise TypeError(f"MinMaxScaler: feature_range must be two numbers (a, b), got {short(self.feature_range)}")
        a, b = self.feature_range
        if a >= b:
            raise ValueError(
                f"Minimum of desired feature range must be smaller than maximum. Got {self.feature_range}."
            )
        first = not hasattr(self, "n_samples_seen_")
        X = self._validated(X, first, sparse=False)
        with self._fitting(X, y, {}):
            return self._join(X, first, a, b)

    def _join(self, X: Array, first: bool, a: float, b: float) -> Self:
        least, most = _range(X)
        seen = 0 if first else self.n_samples_seen_
        if not first:
            least, most = np.minimum(self.data_min_, least), np.maximum(self.data_max_, most)
        self.data_min_, self.data_max_, self.data_range_ = least, most, most - least
        # Less than ten roundings of 1 is no range: scikit-learn's rule.
        tiny = self.data_range_ < 10 * np.finfo(X.dtype).eps
        self.scale_ = X.dtype.type(b - a) / np.where(tiny, X.dtype.type(1), self.data_range_)
        self.min_ = X.dtype.type(a) - least * self.scale_
        self.n_samples_seen_ = seen + X.shape[0]
        return self

    def transform(self, X: Any) -> Any:
        """x scale_ + min_; float32 stays float32."""
        self._require_fitted()
        x = self._validated(X, False, sparse=False)
        # Rounded twice, as scikit-learn has it: a fused multiply-add differs where a column is far from zero.
        y = np.multiply(x, self.scale_, out=np.empty_like(x) if self.copy or not x.flags.writeable else x)
        y += self.min_
        return np.clip(y, *self.feature_range, out=y) if self.clip else y

    def inverse_transform(self, X: Any) -> Any:
        """(x - min_) / scale_."""
        self._require_fitted()
        return _affine(self._validated(X, False, sparse=False), self.min_, 1 / self.scale_, None, self.copy)


def _range(x: Array) -> tuple[Array, Array]:
    """Least and largest value of each column; NaN is left out, a column of NaN is NaN."""
    if x.dtype == np.float16:
        least, most = _range(x.astype(np.float32))
        return least.astype(np.float16), most.astype(np.float16)
    columns = columns_along("MinMaxScaler", x.shape, 0)
    least, most = np.empty(x.shape[1], x.dtype), np.empty(x.shape[1], x.dtype)
    _core.channel_range(columns.view(x), least, most)
    if np.isnan(least).any():
        there = ~np.isnan(x)
        some = there.any(axis=0)
        least = np.where(some, np.where(there, x, np.inf).min(axis=0), np.nan).astype(x.dtype)
        most = np.where(some, np.where(there, x, -np.inf).max(axis=0), np.nan).astype(x.dtype)
    return least, most


__all__ = ["MinMaxScaler", "StandardScaler", "mixup"]
