"""Softmax, its logarithm, and the cross-entropy of logits."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core, reference
from densekit._arrays import (
    Floats,
    Out,
    Output,
    Reduction,
    contiguous,
    floats,
    number,
    one_of,
    same_shape,
    sample_weights,
    weights,
    whole,
)
from densekit.registry import Call, Tolerance, matrices, op


def _axis(name: str, axis: int, array: Floats) -> int:
    if array.ndim == 0:
        raise ValueError(f"{name}: the argument has shape (), expected at least one dimension")
    return whole(name, "axis", axis, low=-array.ndim, high=array.ndim - 1) % array.ndim


def _as_rows(array: Floats, axis: int) -> Floats:
    """Two dimensions, contiguous, with `axis` last."""
    moved = contiguous(np.moveaxis(array, axis, -1))
    return moved.reshape(math.prod(moved.shape[:-1]), moved.shape[-1])


def _along_axis(
    name: str, kernel: Any, arrays: tuple[Floats, ...], axis: int, temperature: float, out: Out
) -> NDArray[Any]:
    first = arrays[0]
    axis = _axis(name, axis, first)
    temperature = number(name, "temperature", temperature, low=0, open_low=True)
    scale = 1.0 / temperature  # infinity for the smallest of all
    y = Output(name, out, first.shape, first.dtype, arrays)
    rows = [_as_rows(a, axis) for a in arrays]
    in_place = axis == first.ndim - 1
    target = y.target.reshape(rows[0].shape) if in_place else np.empty_like(rows[0])
    kernel(*rows, target, scale)
    if not in_place:
        moved_shape = np.moveaxis(first, axis, -1).shape
        y.target[...] = np.moveaxis(target.reshape(moved_shape), -1, axis)
    return y.done()


def _softmax(rows: Floats, y: Floats, scale: float) -> None:
    _core.softmax(False, rows, y, scale)


def _log_softmax(rows: Floats, y: Floats, scale: float) -> None:
    _core.softmax(True, rows, y, scale)


def _softmax_backward(dy: Floats, y: Floats, dz: Floats, scale: float) -> None:
    _core.softmax_backward(False, dy, y, dz, scale)


def _log_softmax_backward(dy: Floats, y: Floats, dz: Floats, scale: float) -> None:
    _core.softmax_backward(True, dy, y, dz, scale)


def _probability_rows(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    p = rng.dirichlet(np.ones(7), -(-size // 7))
    return Call((rng.normal(size=p.shape).astype(dtype), p.astype(dtype)))


def _log_probability_rows(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    dy, p = _probability_rows(rng, np.float64, size).args
    return Call((dy.astype(dtype), np.log(p).astype(dtype)))


def _largest_gap(call: Call, expected: Any) -> Any:
    z = np.asarray(call.args[0], np.float64)
    return 4 * max(1.0, float(np.ptp(z))) if z.size else 1.0


def _row_magnitude(call: Call, expected: Any) -> Any:
    dy, y = (np.abs(np.asarray(a, np.float64)) for a in call.args[:2])
    return 4 * (1 + (dy * (1 + y)).sum(axis=-1, keepdims=True))


@op(reference=reference.softmax, domain=matrices(), tolerance=Tolerance(ulps=32))
def softmax(z: ArrayLike, *, axis: int = -1, temperature: float = 1.0, out: Out = None) -> NDArray[Any]:
    """Probabilities from scores: y_i = e^(z_i / temperature) / sum_j e^(z_j / temperature), along an axis.

    z: floats, at least one dimension. temperature: greater than 0; below 1 sharpens. The largest score is subtracted
    first, so nothing overflows; a score of -infinity has probability 0, and a row of them alone is NaN.

    >>> densekit.functional.softmax(np.float32([0, 0, 0, 0]))
    array([0.25, 0.25, 0.25, 0.25], dtype=float32)
    """
    return _along_axis("softmax", _softmax, tuple(floats("softmax", "z", z)), axis, temperature, out)


@op(
    reference=reference.softmax_backward,
    domain=_probability_rows,
    tolerance=Tolerance(ulps=4, epsilons=1, scale=_row_magnitude),
    backward_of="softmax",
)
def softmax_backward(
    dy: ArrayLike, y: ArrayLike, *, axis: int = -1, temperature: float = 1.0, out: Out = None
) -> NDArray[Any]:
    """The gradient of softmax with respect to z, from its output y: y (dy - sum(dy y)) / temperature."""
    dy, y = floats("softmax_backward", "dy", dy, "y", y)
    same_shape("softmax_backward", "dy", dy, "y", y)
    return _along_axis("softmax_backward", _softmax_backward, (dy, y), axis, temperature, out)


@op(reference=reference.log_softmax, domain=matrices(), tolerance=Tolerance(ulps=1, epsilons=1, scale=_largest_gap))
def log_softmax(z: ArrayLike, *, axis: int = -1, temperature: float = 1.0, out: Out = None) -> NDArray[Any]:
    """The logarithm of softmax, from the log-sum-exp, so that small probabilities keep their digits.

    >>> densekit.functional.log_softmax(np.float32([0, 1000]))
    array([-1000.,     0.], dtype=float32)
    """
    return _along_axis("log_softmax", _log_softmax, tuple(floats("log_softmax", "z", z)), axis, temperature, out)


@op(
    reference=reference.log_softmax_backward,
    domain=_log_probability_rows,
    tolerance=Tolerance(ulps=4, epsilons=4, scale=_row_magnitude),
    backward_of="log_softmax",
)
def log_softmax_backward(
    dy: ArrayLike, y: ArrayLike, *, axis: int = -1, temperature: float = 1.0, out: Out = None
) -> NDArray[Any]:
    """The gradient of log_softmax with respect to z, from its output y: (dy - e^y sum(dy)) / temperature."""
    dy, y = floats("log_softmax_backward", "dy", dy, "y", y)
    same_shape("log_softmax_backward", "dy", dy, "y", y)
    return _along_axis("log_softmax_backward", _log_softmax_backward, (dy, y), axis, temperature, out)


def split_targets(name: str, targets: Any, logits: Floats) -> tuple[NDArray[np.int64] | None, Floats | None]:
    """(labels, None) when the targets are class indices, (None, probabilities) when they have the logits' shape."""
    try:
        array = np.asarray(targets)
    except ValueError:
        raise ValueError(f"{name}: targets are not a rectangular array: their rows have different lengths") from None
    if isinstance(targets, np.ma.MaskedArray):
        raise TypeError(f"{name}: targets are a masked array; fill it first, e.g. targets.filled(0)")
    rows = logits.shape[0]
    if array.shape == (rows,) and array.dtype.kind in "iu":
        if array.dtype.kind == "u" and rows and array.max() > 2**63 - 1:
            raise ValueError(f"{name}: target {array.max()} is not a class: expected 0 to {logits.shape[1] - 1}")
        return np.require(array, np.int64, ["C", "ALIGNED"]), None
    if array.shape == (rows,) and array.size == 0:
        return np.empty(0, np.int64), None
    if array.shape == logits.shape and array.dtype.kind in "fiub":
        soft = np.require(array, logits.dtype, ["C", "ALIGNED"])
        bad = ~((soft >= 0) & (soft <= 1))
        if bad.any():
            at = np.unravel_index(int(bad.argmax()), bad.shape)
            raise ValueError(f"{name}: targets[{at[0]}, {at[1]}] is {soft[at]}; target probabilities are from 0 to 1")
        return None, soft
    raise (TypeError if array.dtype.kind not in "fiub" or array.shape == (rows,) else ValueError)(
        f"{name}: targets are {array.dtype} {array.shape}, expected class indices (integers, ({rows},)) "
        f"or probabilities {logits.shape}"
    )


def reduce_rows(
    name: str,
    argument: str,
    kernel: Any,
    scores: ArrayLike,
    targets: Any,
    class_weight: ArrayLike | None,
    sample_weight: ArrayLike | None,
    ignore_index: int | None,
    reduction: str,
    out: Out,
) -> tuple[Any, NDArray[Any]]:
    """A loss of rows of scores with its gradient: checks, calls the kernel, and reduces as `reduction` says.

    kernel(scores, labels, soft, sample weights, class weights, ignore_index, reduction, losses, gradient) fills the
    weighted losses of the rows and the gradient, and returns the divisor of their sum.
    """
    (s,) = floats(name, argument, scores)
    if s.ndim != 2 or s.shape[1] == 0:
        raise ValueError(f"{name}: {argument} are {s.shape}, expected (rows, classes)")
    rows, classes = s.shape
    labels, soft = split_targets(name, targets, s)
    kind = getattr(_core.Reduction, one_of(name, "reduction", reduction, ("mean", "sum", "none")))
    if ignore_index is not None:
        ignore_index = whole(name, "ignore_index", ignore_index, low=-(2**63))
        if labels is not None and rows and reduction == "mean" and (labels == ignore_index).all():
            raise ValueError(f"{name}: every target is ignore_index ({ignore_index}), so there is no mean")
    if rows == 0 and reduction == "mean":
        raise ValueError(f"{name}: {argument} are {s.shape}; the mean over no rows is not defined")
    per_row = sample_weights(name, sample_weight, rows, zeros=reduction != "mean")
    per_class = weights(name, "class_weight", class_weight, classes, zeros=reduction != "mean")
    gradient = Output(name, out, s.shape, s.dtype, (s, soft))
    losses = np.empty(rows)
    try:
        divisor = kernel(contiguous(s), labels, soft, per_row, per_class, ignore_index, kind, losses, gradient.target)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if divisor == 0:
        raise ValueError(f"{name}: the weights of all {rows} rows are zero, so there is no mean")
    if reduction == "none":
        return losses.astype(s.dtype), gradient.done()
    return float(np.add.reduce(losses)) / divisor, gradient.done()


def _classification(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    rows = max(1, -(-size // 7))  # an empty batch has no mean
    return Call((rng.uniform(-10, 10, (rows, 7)).astype(dtype), rng.integers(0, 7, rows)))


@op(
    reference=reference.softmax_cross_entropy,
    domain=_classification,
    tolerance=Tolerance(ulps=4, epsilons=4, scale=_largest_gap),
    gradient_of_first=True,
)
def softmax_cross_entropy(
    logits: ArrayLike,
    targets: ArrayLike,
    *,
    class_weight: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    compat: Literal["torch"] | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> tuple[Any, NDArray[Any]]:
    """Cross entropy of softmax(logits) against the targets, in nats, with its gradient: (loss, dlogits).

    logits: (n, classes). targets: class indices (n) or probabilities (n, classes). The loss of a row is
    -sum_j q_j log p_j with q = (1 - label_smoothing) * target + label_smoothing / classes.
    A row weighs sample_weight (n) times the class_weight (classes) of its class (for probabilities: their mean weight);
    rows whose target is ignore_index weigh nothing. reduction: "mean" divides by the sum of the weights, "sum" does
    not, "none" gives the weighted loss of each row. The gradient is that of the mean or of the sum.
    compat: "torch" takes class_weight as PyTorch, which differs with label_smoothing or probabilities: the loss of a
    row is -sum_j class_weight_j q_j log p_j, and the mean divides by the sum of the weights of the labels, for
    probabilities by that of sample_weight alone (PyTorch: the number of rows). out: receives dlogits.

    >>> loss, dlogits = densekit.functional.softmax_cross_entropy(np.zeros((1, 2)), [0])
    >>> round(loss, 6), dlogits
    (0.693147, array([[-0.5,  0.5]]))
    """
    name = "softmax_cross_entropy"
    smoothing = number(name, "label_smoothing", label_smoothing, low=0, high=1)
    by_term = compat is not None and one_of(name, "compat", compat, ("torch",)) == "torch" and class_weight is not None

    def torch_kernel(z: Floats, labels: Any, soft: Any, per_row: Any, per_class: Any, ignore: Any, *rest: Any) -> float:
        return _weighted_terms(z, labels, soft, per_row, per_class, smoothing, ignore, *rest)

    def kernel(z: Floats, labels: Any, soft: Any, per_row: Any, per_class: Any, *rest: Any) -> float:
        return float(_core.softmax_cross_entropy(z, labels, soft, per_row, per_class, smoothing, *rest))

    return reduce_rows(
        name,
        "logits",
        torch_kernel if by_term else kernel,
        logits,
        targets,
        class_weight,
        sample_weight,
        ignore_index,
        reduction,
        out,
    )


def _weighted_terms(
    z: Floats,
    labels: NDArray[np.int64] | None,
    soft: Floats | None,
    per_row: NDArray[np.float64] | None,
    per_class: NDArray[np.float64],
    smoothing: float,
    ignore: int | None,
    reduction: Any,
    losses: NDArray[np.float64],
    gradient: Floats,
) -> float:
    """PyTorch's class weights: targets class_weight_j q_j; the kernel takes such that do not sum to 1."""
    rows, classes = z.shape
    weight = np.ones(rows) if per_row is None else per_row
    divisor = weight
    if labels is None:
        q = np.asarray(soft, np.float64)
    else:
        kept = np.ones(rows, bool) if ignore is None else labels != ignore
        wrong = kept & ((labels < 0) | (labels >= classes))
        if wrong.any():
            at = int(wrong.argmax())
            raise ValueError(f"targets[{at}] is {labels[at]}, expected a class from 0 to {classes - 1}")
        q = np.zeros((rows, classes))
        q[kept, labels[kept]] = 1
        weight = weight * kept
        divisor = weight * (q @ per_class)
    q = ((1 - smoothing) * q + smoothing / classes) * per_class
    by = float(divisor.sum()) if reduction == _core.Reduction.mean else 1.0
    if by == 0:
        return 0.0
    # The rest of the mean is in the weights of the rows, so the kernel sums.
    weight = np.ascontiguousarray(weight / by)
    how = _core.Reduction.sum if reduction == _core.Reduction.mean else reduction
    terms = q.astype(z.dtype)
    return float(_core.softmax_cross_entropy(z, None, terms, weight, None, 0.0, None, how, losses, gradient))


__all__ = ["log_softmax", "log_softmax_backward", "softmax", "softmax_backward", "softmax_cross_entropy"]
