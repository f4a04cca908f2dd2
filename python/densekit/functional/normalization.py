"""Batch and layer normalisation with their backward passes. Statistics are float64, whatever the data are."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core, reference
from densekit._arrays import Floats, Output, check_target, flag, floats, number, one_of, out_tuple, same_shape
from densekit._refuse import MOMENTUM, refuses
from densekit.functional._channels import Channels, channels_along, doubles, rows_along
from densekit.registry import Call, Tolerance, op

_GRADIENTS = ("dx", "dgamma", "dbeta")


def _save(op: str, saved: NDArray[np.float64], shape: tuple[int, ...], out: Any) -> NDArray[np.float64]:
    saved = saved.reshape(2, *shape)
    if out is None:
        return saved
    check_target(op, "saved", out, saved.shape, np.dtype(np.float64))
    out[...] = saved
    return out  # type: ignore[no-any-return]


def _updated_in_place(op: str, name: str, value: Any, channels: Channels, dtype: Any) -> tuple[Any, Any]:
    """The caller's array, and the flat contiguous array that the kernel updates: its own memory where possible."""
    if value is None:
        return None, None
    check_target(op, name, value, channels.statistics, dtype)
    direct = value.flags.c_contiguous and value.flags.aligned and value.dtype.isnative
    return value, (value if direct else np.array(value, dtype, order="C")).reshape(-1)


def _statistics(x: Floats, axis: int) -> NDArray[np.float64]:
    wide = x.astype(np.float64)
    return np.stack([wide.mean(axis=axis), 1 / np.sqrt(wide.var(axis=axis) + 1e-5)])


def _batch_call(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    x = rng.normal(3, 2, (max(2, -(-size // 7)), 7)).astype(dtype)
    return Call((x, rng.normal(size=7).astype(dtype), rng.normal(size=7).astype(dtype)))


def _batch_backward_call(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    x, gamma, _ = _batch_call(rng, dtype, size).args
    saved = _statistics(x, 0)
    return Call((rng.normal(size=x.shape).astype(dtype), x, gamma), {"saved": saved})


def _layer_call(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    x = rng.normal(3, 2, (-(-size // 7), 7)).astype(dtype)
    return Call((x, rng.normal(size=7).astype(dtype), rng.normal(size=7).astype(dtype)))


def _layer_backward_call(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    x, gamma, _ = _layer_call(rng, dtype, size).args
    saved = _statistics(x, -1)
    return Call((rng.normal(size=x.shape).astype(dtype), x, gamma), {"saved": saved})


def _finite(scale: Any) -> Any:
    """A scale that overflows is no smaller than the largest number."""
    return np.minimum(scale, np.finfo(np.float64).max)


def _scale_over(axis: int) -> Any:
    """abs(gamma) (abs(x) + abs(mean)) / std: what rounding the mean costs in float64 (float32 does better)."""

    def scale(call: Call, _: Any) -> Any:
        x, gamma = (np.abs(np.asarray(a, np.float64)) for a in call.args[:2])
        mean, inverse = (np.expand_dims(s, axis) for s in _statistics(np.asarray(call.args[0]), axis))
        return _finite(gamma * ((x + np.abs(mean)) * inverse))

    return scale


def _backward_scale_over(axis: int) -> Any:
    """The sizes of the terms of each gradient, added up without their signs."""

    def scale(call: Call, expected: Any) -> Any:
        dy, x, gamma = (np.asarray(a, np.float64) for a in call.args)
        mean, inverse = (np.expand_dims(s, axis) for s in np.asarray(call.kwargs["saved"]))
        size = np.abs(dy), (np.abs(x) + np.abs(mean)) * inverse
        if expected.shape != x.shape:
            return _finite((size[0] * (size[1] + 1)).sum(axis=0))
        g = size[0] * np.abs(gamma)
        n = max(1, x.shape[axis])
        sums = g.sum(axis=axis, keepdims=True) / n, (g * size[1]).sum(axis=axis, keepdims=True) / n
        return _finite(inverse * (g + sums[0] + size[1] * sums[1]))

    return scale


@op(
    reference=reference.batch_norm,
    domain=_batch_call,
    tolerance=Tolerance(ulps=1, epsilons=4, scale=_scale_over(0)),
)
@refuses(momentum=MOMENTUM)
def batch_norm(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    running_mean: Floats | None = None,
    running_var: Floats | None = None,
    *,
    training: bool = True,
    stats_decay: float = 0.9,
    running_var_kind: Literal["biased", "unbiased"] = "biased",
    eps: float = 1e-5,
    axis: int | tuple[int, ...] = -1,
    return_saved: bool = False,
    out: Any = None,
) -> Any:
    """Batch normalisation: y = gamma (x - mean) / sqrt(var + eps) + beta, by channel.

    x: floats of any shape. axis: the channels; statistics are taken over all other axes. -1 suits (n, c) and images
    (n, h, w, c), 1 suits (n, c, h, w), and (1, 2, 3) normalises every activation of those by itself.
    gamma, beta: one value a channel, or None for 1 and 0. eps: 0 or more; a channel that never varies gives beta.
    training: mean and var are those of x, var biased (divided by n, not n - 1), from at least 2 values a channel.
    running_mean and running_var, both or neither, of the dtype of x, are then updated in place:
    r <- stats_decay r + (1 - stats_decay) batch, the batch's variance being "biased" or "unbiased" (n / (n - 1)) as
    running_var_kind says; start them at 0 and 1. With training=False they are what x is normalised by.
    With return_saved: (y, saved), saved being float64 (2, channels), mean and 1 / sqrt(var + eps), which
    batch_norm_backward needs.
    out: an array for y; with return_saved, (y, saved), each an array or None.
    Ioffe and Szegedy, arXiv 1502.03167.

    >>> densekit.functional.batch_norm(np.array([[1.0, 5.0], [3.0, 5.0]])).round(4)
    array([[-1.,  0.],
           [ 1.,  0.]])
    """
    name = "batch_norm"
    data, weight, bias = floats(name, "x", x, "gamma?", gamma, "beta?", beta)
    channels = channels_along(name, data.shape, axis)
    scale, shift = channels.parameter(name, "gamma", weight), channels.parameter(name, "beta", bias)
    eps = number(name, "eps", eps, low=0)
    decay = number(name, "stats_decay", stats_decay, low=0, high=1)
    unbiased = one_of(name, "running_var_kind", running_var_kind, ("biased", "unbiased")) == "unbiased"
    if (running_mean is None) != (running_var is None):
        missing = "running_mean" if running_mean is None else "running_var"
        raise ValueError(f"{name}: {missing} is None; give both running_mean and running_var or neither")
    flag(name, "return_saved", return_saved)
    y_out, saved_out = out_tuple(name, out, ("y", "saved")) if return_saved else (out, None)
    y = Output(name, y_out, data.shape, data.dtype, (data,), elementwise=True)
    view = channels.view(data)
    saved, target = np.empty((2, channels.cube[1])), channels.target(y)
    if flag(name, "training", training):
        if channels.count < 2:
            raise ValueError(
                f"{name}: x is {data.shape} with axis={axis}: {channels.count} value(s) a channel have no variance to "
                "divide by; training needs at least 2 (training=False uses the running statistics)"
            )
        mean, flat_mean = _updated_in_place(name, "running_mean", running_mean, channels, data.dtype)
        var, flat_var = _updated_in_place(name, "running_var", running_var, channels, data.dtype)
        _core.batch_norm(view, scale, shift, eps, flat_mean, flat_var, decay, unbiased, saved, target)
        for given, flat in ((mean, flat_mean), (var, flat_var)):
            if given is not None and not np.may_share_memory(given, flat):
                given[...] = flat.reshape(given.shape)
    else:
        if running_mean is None:
            raise ValueError(f"{name}: training=False needs running_mean and running_var")
        _, mean, var = floats(name, "x", data, "running_mean", running_mean, "running_var", running_var)
        for word, statistic in (("running_mean", mean), ("running_var", var)):
            channels.require(name, word, statistic)
        with np.errstate(divide="ignore", invalid="ignore"):
            saved[0] = mean.reshape(-1)
            saved[1] = 1 / np.sqrt(var.astype(np.float64).reshape(-1) + eps)
        _core.normalize(view, saved[0], saved[1], scale, shift, target)
    result = channels.done(y, target)
    return (result, _save(name, saved, channels.statistics, saved_out)) if return_saved else result


@op(
    reference=reference.batch_norm_backward,
    domain=_batch_backward_call,
    tolerance=Tolerance(ulps=1, epsilons=8, scale=_backward_scale_over(0)),
    backward_of="batch_norm",
)
@refuses(momentum=MOMENTUM)
def batch_norm_backward(
    dy: ArrayLike,
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    *,
    saved: ArrayLike,
    training: bool = True,
    axis: int | tuple[int, ...] = -1,
    out: Any = None,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The gradients of batch_norm: dx, dgamma, dbeta for a gradient dy from above, of the shape of x.

    With z = (x - mean) / sqrt(var + eps): dbeta = sum dy, dgamma = sum dy z, and, by channel of n values,
    dx = gamma / sqrt(var + eps) (dy - dbeta / n - z dgamma / n). With training=False the statistics are constants, and
    dx = gamma / sqrt(var + eps) dy. saved: what batch_norm(..., return_saved=True) returned. out: (dx, dgamma, dbeta),
    each an array or None.

    >>> x = np.array([[1.0], [3.0], [8.0]])
    >>> y, saved = densekit.functional.batch_norm(x, return_saved=True)
    >>> dx, dgamma, dbeta = densekit.functional.batch_norm_backward(np.array([[1.0], [0.0], [0.0]]), x, saved=saved)
    >>> dx.ravel().round(4), dgamma.round(4), dbeta
    (array([ 0.1089, -0.1524,  0.0435]), array([-1.019]), array([1.]))
    """
    name = "batch_norm_backward"
    upstream, data, weight = floats(name, "dy", dy, "x", x, "gamma?", gamma)
    same_shape(name, "x", data, "dy", upstream)
    channels = channels_along(name, data.shape, axis)
    scale = channels.parameter(name, "gamma", weight)
    kept = doubles(name, "saved", saved, (2, *channels.statistics)).reshape(2, channels.cube[1])
    outs = out_tuple(name, out, _GRADIENTS)
    dx = Output(name, outs[0], data.shape, data.dtype, (upstream, data, kept), elementwise=True, name="dx")
    dgamma = Output(name, outs[1], channels.statistics, data.dtype, (upstream, data, weight, kept), name="dgamma")
    dbeta = Output(name, outs[2], channels.statistics, data.dtype, (upstream, data, weight, kept), name="dbeta")
    target = channels.target(dx)
    flat = dgamma.target.reshape(-1), dbeta.target.reshape(-1)
    _core.batch_norm_backward(
        channels.view(upstream), channels.view(data), kept, scale, flag(name, "training", training), target, *flat
    )
    return channels.done(dx, target), dgamma.done(), dbeta.done()


@op(
    reference=reference.layer_norm,
    domain=_layer_call,
    tolerance=Tolerance(ulps=1, epsilons=4, scale=_scale_over(-1)),
)
def layer_norm(
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    *,
    eps: float = 1e-5,
    axis: int = -1,
    return_saved: bool = False,
    out: Any = None,
) -> Any:
    """Layer normalisation: y = gamma (x - mean) / sqrt(var + eps) + beta, with the mean and variance of each row.

    x: floats, at least one dimension. axis: along which a row lies; var is biased. gamma, beta: (length of a row), or
    None for 1 and 0. eps: 0 or more. A row gives the same bits alone as in any batch.
    With return_saved: (y, saved), saved being float64 (2, rows...), mean and 1 / sqrt(var + eps), which
    layer_norm_backward needs.
    out: an array for y; with return_saved, (y, saved), each an array or None.
    Ba, Kiros and Hinton, arXiv 1607.06450.

    >>> densekit.functional.layer_norm(np.array([[1.0, 3.0], [10.0, 30.0]])).round(4)
    array([[-1.,  1.],
           [-1.,  1.]])
    """
    name = "layer_norm"
    data, weight, bias = floats(name, "x", x, "gamma?", gamma, "beta?", beta)
    rows = rows_along(name, data.shape, axis)
    shape = rows.cube[:2]
    scale, shift = rows.parameter(name, "gamma", weight), rows.parameter(name, "beta", bias)
    eps = number(name, "eps", eps, low=0)
    flag(name, "return_saved", return_saved)
    y_out, saved_out = out_tuple(name, out, ("y", "saved")) if return_saved else (out, None)
    # gamma and beta are read again for each row: y must not lie over them.
    y = Output(name, y_out, data.shape, data.dtype, (data, weight, bias), elementwise=data.ndim > 1)
    saved = np.full((2, shape[0]), np.nan)  # what an empty row has
    target = rows.target(y)
    _core.layer_norm(rows.view(data).reshape(shape), eps, scale, shift, saved, target.reshape(shape))
    result = rows.done(y, target)
    return (result, _save(name, saved, rows.others, saved_out)) if return_saved else result


@op(
    reference=reference.layer_norm_backward,
    domain=_layer_backward_call,
    tolerance=Tolerance(ulps=1, epsilons=8, scale=_backward_scale_over(-1)),
    backward_of="layer_norm",
)
def layer_norm_backward(
    dy: ArrayLike,
    x: ArrayLike,
    gamma: ArrayLike | None = None,
    *,
    saved: ArrayLike,
    axis: int = -1,
    out: Any = None,
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The gradients of layer_norm: dx, dgamma, dbeta for a gradient dy from above, of the shape of x.

    With z = (x - mean) / sqrt(var + eps) and g = dy gamma: dx = (g - mean(g) - z mean(g z)) / sqrt(var + eps), means
    along the row; dgamma = sum dy z and dbeta = sum dy over the rows. saved: what layer_norm(..., return_saved=True)
    returned. out: (dx, dgamma, dbeta), each an array or None.

    >>> x = np.array([[1.0, 3.0, 8.0]])
    >>> y, saved = densekit.functional.layer_norm(x, return_saved=True)
    >>> dx, dgamma, dbeta = densekit.functional.layer_norm_backward(np.array([[1.0, 0.0, 0.0]]), x, saved=saved)
    >>> dx.round(4), dbeta
    (array([[ 0.1089, -0.1524,  0.0435]]), array([1., 0., 0.]))
    """
    name = "layer_norm_backward"
    upstream, data, weight = floats(name, "dy", dy, "x", x, "gamma?", gamma)
    same_shape(name, "x", data, "dy", upstream)
    rows = rows_along(name, data.shape, axis)
    shape = rows.cube[:2]
    scale = rows.parameter(name, "gamma", weight)
    kept = doubles(name, "saved", saved, (2, *rows.others)).reshape(2, shape[0])
    outs = out_tuple(name, out, _GRADIENTS)
    inputs = (upstream, data, weight, kept)
    dx = Output(name, outs[0], data.shape, data.dtype, inputs, elementwise=data.ndim > 1, name="dx")
    dgamma = Output(name, outs[1], shape[1:], data.dtype, inputs, name="dgamma")
    dbeta = Output(name, outs[2], shape[1:], data.dtype, inputs, name="dbeta")
    target = rows.target(dx)
    views = rows.view(upstream).reshape(shape), rows.view(data).reshape(shape)
    _core.layer_norm_backward(*views, kept, scale, target.reshape(shape), dgamma.target, dbeta.target)
    return rows.done(dx, target), dgamma.done(), dbeta.done()


__all__ = ["batch_norm", "batch_norm_backward", "layer_norm", "layer_norm_backward"]
