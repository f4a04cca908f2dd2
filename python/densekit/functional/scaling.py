"""Scaling of data by column. Statistics can be returned (fitted to training data) and handed in (for test data)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core, reference
from densekit._arrays import Floats, Output, check_target, flag, floats, number, out_tuple
from densekit._checks import short
from densekit.functional._channels import Channels, columns_along, doubles
from densekit.registry import Call, Tolerance, op


def _given(name: str, first: str, a: Any, second: str, b: Any, columns: Channels) -> tuple[Any, Any] | None:
    """The two statistics that the caller hands in, flat, or None."""
    if (a is None) != (b is None):
        missing = first if a is None else second
        raise ValueError(f"{name}: {missing} is None; give both {first} and {second} or neither")
    if a is None:
        return None
    return tuple(doubles(name, word, s, columns.statistics).reshape(-1) for word, s in ((first, a), (second, b)))  # type: ignore[return-value]


def _require_rows(name: str, x: Floats, axis: int, columns: Channels) -> None:
    if columns.count == 0:
        raise ValueError(f"{name}: x is {x.shape} with axis={axis}: an empty column has no statistics")


def _with_statistics(
    name: str, y: NDArray[Any], words: tuple[str, str], values: Any, columns: Channels, outs: Any
) -> Any:
    results = [y]
    for word, value, out in zip(words, values, outs, strict=True):
        statistic = value.reshape(columns.statistics)
        if out is not None:
            check_target(name, word, out, statistic.shape, np.dtype(np.float64))
            out[...] = statistic
        results.append(statistic if out is None else out)
    return tuple(results)


def _table(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    return Call((rng.normal(3, 2, (max(1, -(-size // 7)), 7)).astype(dtype),))


def _standard_scale(call: Call, _: Any) -> Any:
    x = np.asarray(call.args[0], np.float64)
    std = x.std(axis=0)
    return (np.abs(x) + np.abs(x.mean(axis=0))) / np.where(std == 0, 1, std)


@op(reference=reference.standardize, domain=_table, tolerance=Tolerance(ulps=1, epsilons=4, scale=_standard_scale))
def standardize(
    x: ArrayLike,
    mean: ArrayLike | None = None,
    std: ArrayLike | None = None,
    *,
    axis: int = 0,
    return_statistics: bool = False,
    out: Any = None,
) -> Any:
    """The z-score of each column: y = (x - mean) / std.

    x: floats, at least one dimension, rows along `axis`. mean, std: one value a column, both or neither; not given,
    they are the column's mean and its standard deviation, divided by n (ddof 0). Where std is 0, a constant
    column, the division is by 1, so that such a column gives zeros. NaN or infinity in a column makes its statistics,
    and with them the whole column, NaN: fill gaps first.
    With return_statistics: (y, mean, std), the statistics in float64, to be handed in for the test data. out: an array
    for y; with return_statistics, (y, mean, std), each an array or None.
    As scikit-learn's StandardScaler, which ignores NaN when it fits.

    >>> train, test = np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[4.0, 6.0]])
    >>> z, mean, std = densekit.functional.standardize(train, return_statistics=True)
    >>> z, mean, std
    (array([[-1.,  0.],
           [ 1.,  0.]]), array([2., 5.]), array([1., 0.]))
    >>> densekit.functional.standardize(test, mean, std)
    array([[2., 1.]])
    """
    name = "standardize"
    (data,) = floats(name, "x", x)
    columns = columns_along(name, data.shape, axis)
    statistics = _given(name, "mean", mean, "std", std, columns)
    flag(name, "return_statistics", return_statistics)
    y_out, *outs = out_tuple(name, out, ("y", "mean", "std")) if return_statistics else (out,)
    y = Output(name, y_out, data.shape, data.dtype, (data,), elementwise=True)
    view = columns.view(data)
    if statistics is None:
        _require_rows(name, data, axis, columns)
        moments = np.empty((2, columns.cube[1]))
        _core.channel_moments(view, moments)
        statistics = moments[0], np.sqrt(moments[1] / columns.count)
    center, spread = statistics
    if (spread < 0).any():
        raise ValueError(f"{name}: std has {spread[spread < 0][0]}, and a standard deviation is not negative")
    target = columns.target(y)
    _core.normalize(view, center, 1 / np.where(spread == 0, 1.0, spread), None, None, target)
    result = columns.done(y, target)
    return _with_statistics(name, result, ("mean", "std"), statistics, columns, outs) if return_statistics else result


@op(reference=reference.min_max_scale, domain=_table, tolerance=Tolerance(ulps=1, epsilons=3))
def min_max_scale(
    x: ArrayLike,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    *,
    feature_range: tuple[float, float] = (0.0, 1.0),
    clip: bool = False,
    axis: int = 0,
    return_statistics: bool = False,
    out: Any = None,
) -> Any:
    """Each column mapped from [low, high] to feature_range = (a, b): y = (x - low) / (high - low) (b - a) + a.

    x: floats, at least one dimension, rows along `axis`. low, high: one value a column, both or neither; not given,
    they are the column's least and largest value. Where they are equal, a constant column, the division is by 1,
    so that such a column gives a. clip: values of other data that fall outside become a or b; by default they stay
    outside. NaN in a column makes its statistics, and with them the whole column, NaN: fill gaps first.
    With return_statistics: (y, low, high), the statistics in float64, to be handed in for the test data. out: an array
    for y; with return_statistics, (y, low, high), each an array or None.
    As scikit-learn's MinMaxScaler, which ignores NaN when it fits.

    >>> train, test = np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[4.0, 5.0]])
    >>> y, low, high = densekit.functional.min_max_scale(train, return_statistics=True)
    >>> y, densekit.functional.min_max_scale(test, low, high)
    (array([[0., 0.],
           [1., 0.]]), array([[1.5, 0. ]]))
    """
    name = "min_max_scale"
    (data,) = floats(name, "x", x)
    if not isinstance(feature_range, tuple | list) or len(feature_range) != 2:
        raise TypeError(f"{name}: feature_range must be two numbers (a, b), got {short(feature_range)}")
    a, b = (number(name, "feature_range", limit) for limit in feature_range)
    if a >= b:
        raise ValueError(f"{name}: feature_range must rise, got {short(feature_range)}")
    columns = columns_along(name, data.shape, axis)
    statistics = _given(name, "low", low, "high", high, columns)
    clips = flag(name, "clip", clip)
    flag(name, "return_statistics", return_statistics)
    y_out, *outs = out_tuple(name, out, ("y", "low", "high")) if return_statistics else (out,)
    y = Output(name, y_out, data.shape, data.dtype, (data,), elementwise=True)
    view = columns.view(data)
    if statistics is None:
        _require_rows(name, data, axis, columns)
        least, most = np.empty(columns.cube[1], data.dtype), np.empty(columns.cube[1], data.dtype)
        _core.channel_range(view, least, most)
        statistics = least.astype(np.float64), most.astype(np.float64)
    least, most = statistics
    if (most < least).any():
        at = int((most < least).argmax())
        raise ValueError(f"{name}: low is {least[at]} but high is {most[at]} in column {at}")
    with np.errstate(invalid="ignore", over="ignore"):
        width = most - least
    target = columns.target(y)
    shift = np.full(columns.cube[1], a, data.dtype)
    _core.normalize(view, least, (b - a) / np.where(width == 0, 1.0, width), None, shift, target)
    if clips:
        _core.clamp(target, a, b)
    result = columns.done(y, target)
    return _with_statistics(name, result, ("low", "high"), statistics, columns, outs) if return_statistics else result


__all__ = ["min_max_scale", "standardize"]
