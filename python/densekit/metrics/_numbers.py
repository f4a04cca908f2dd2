"""Metrics of numbers: each over the whole set, for one column or several."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit._arrays import one_of
from densekit.metrics._inputs import columns, weights_of

Multioutput = Literal["all", "uniform_average", "raw_values"]


def _means(name: str, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None, power: int) -> Any:
    """The weighted mean of abs(y_true - y_pred)^power of each column."""
    true, pred = columns(name, y_true, y_pred)
    weights = weights_of(name, sample_weight, len(true))
    apart = np.abs(true - pred) ** power
    return (apart * weights[:, None]).sum(axis=0) / weights.sum()


def _averaged(name: str, values: NDArray[np.float64], multioutput: str) -> Any:
    one_of(name, "multioutput", multioutput, ("all", "uniform_average", "raw_values"))
    return values if multioutput == "raw_values" else float(values.mean())


def mse(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: Multioutput = "all",
) -> Any:
    """The mean of (y_true - y_pred)^2. multioutput: "raw_values" is an array, one number a column.

    >>> densekit.metrics.mse([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    return _averaged("mse", _means("mse", y_true, y_pred, sample_weight, 2), multioutput)


def mae(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: Multioutput = "all",
) -> Any:
    """The mean of abs(y_true - y_pred). multioutput: "raw_values" is an array, one number a column.

    >>> densekit.metrics.mae([1.0, 2.0], [1.0, 4.0])
    1.0
    """
    return _averaged("mae", _means("mae", y_true, y_pred, sample_weight, 1), multioutput)


def rmse(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: Multioutput = "all",
) -> Any:
    """The root of the mean of (y_true - y_pred)^2 over the whole set, which is not the mean of the roots of batches.

    multioutput: "all": one root over all elements (Keras). "uniform_average": the mean of the columns' roots
    (scikit-learn). "raw_values": an array, one root a column.

    >>> round(densekit.metrics.rmse([1.0, 2.0], [1.0, 4.0]), 6)
    1.414214
    """
    squares = _means("rmse", y_true, y_pred, sample_weight, 2)
    if one_of("rmse", "multioutput", multioutput, ("all", "uniform_average", "raw_values")) == "all":
        return float(np.sqrt(squares.mean()))
    return _averaged("rmse", np.sqrt(squares), multioutput)


def r2(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    multioutput: Literal["uniform_average", "variance_weighted", "raw_values"] = "uniform_average",
) -> Any:
    """The share of the variance that is explained: 1 - sum (y_true - y_pred)^2 / sum (y_true - its mean)^2.

    multioutput: the mean of the columns, that weighted by their variance, or an array. A constant column that is
    predicted exactly counts 1, otherwise 0; of less than two rows it is NaN. All as scikit-learn's r2_score.

    >>> densekit.metrics.r2([1.0, 2.0, 3.0], [1.0, 2.0, 4.0])
    0.5
    """
    name = "r2"
    one_of(name, "multioutput", multioutput, ("uniform_average", "variance_weighted", "raw_values"))
    true, pred = columns(name, y_true, y_pred)
    weights = weights_of(name, sample_weight, len(true))[:, None]
    if len(true) < 2:
        return np.full(true.shape[1], np.nan) if multioutput == "raw_values" else float("nan")
    residual = (weights * (true - pred) ** 2).sum(axis=0)
    spread = (weights * (true - (weights * true).sum(axis=0) / weights.sum()) ** 2).sum(axis=0)
    exact = np.where(residual == 0, 1.0, 0.0)
    values = np.where(spread == 0, exact, 1 - residual / np.where(spread == 0, 1.0, spread))
    if multioutput == "raw_values":
        return values
    if multioutput == "variance_weighted" and spread.any():
        return float((values * spread).sum() / spread.sum())
    return float(values.mean())
