"""Losses with their gradients.

Of those that are `of_elements` densekit.functional makes its functions: a functor of that name in
cpp/kernels/losses.def, of any prediction and any target, whose parameters are the options in their order.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from densekit._arrays import Out, _as_array
from densekit.reference._twin import Array, OpenShare, Positive, twin
from densekit.registry import SUM_ALONE, Domain, Tolerance, apart_from, of_parts, predictions, uniform

_log_factorial = np.vectorize(lambda count: math.lgamma(count + 1) if count > -1 else math.nan, otypes=[np.float64])


def of_elements(*, domain: Domain, tolerance: Tolerance) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The twin of a loss that every element has, with its gradient."""
    return twin("pred", "target", outputs=("gradient",), domain=domain, tolerance=tolerance)


def _times(count: Any, x: Any) -> Any:
    return np.where(count == 0, 0.0, count * x)  # 0 log 0 = 0


def _ratio(count: Any, x: Any) -> Any:
    return np.where(count == 0, 0.0, count / x)


def _slope(gap: Any, slope: Any) -> Any:
    """Of max(0, gap): 0 where it is 0; NaN stays NaN."""
    return np.where(gap > 0, slope, np.where(gap <= 0, 0.0, gap))


def _reduce(losses: Any, slopes: Any, sample_weight: Any, reduction: Any) -> Any:
    """Weighs losses and slopes along axis 0; the mean is over the weighted losses."""
    w = np.ones(len(losses) if losses.ndim else 1) if sample_weight is None else np.asarray(sample_weight, np.float64)
    total = w.sum() * (losses.size / w.size if w.size else 1)

    def weigh(a: Any) -> Any:
        return _times(w.reshape(-1, *[1] * (a.ndim - 1)) if a.ndim else w[0], a)

    losses, slopes = weigh(losses), weigh(slopes)
    if reduction == "mean":
        return float(losses.sum() / total), slopes / total
    return (float(losses.sum()) if reduction == "sum" else losses), slopes


@twin("pred", "target", outputs=("gradient",))
def binary_cross_entropy(
    pred: Array,
    target: Array,
    *,
    from_logits: bool = True,
    label_smoothing: float = 0.0,
    sample_weight: Any = None,
    reduction: str = "mean",
    out: Out = None,
) -> Any:
    t = target * (1 - label_smoothing) + label_smoothing / 2
    if from_logits:
        e = np.exp(-np.abs(pred))
        # max(z, 0) - z t + log1p(e^-|z|), without the difference of two large numbers
        losses = _times(np.where(pred < 0, t, 1 - t), np.abs(pred)) + np.log1p(e)
        sigmoid, other = np.where(pred < 0, e, 1.0) / (1 + e), np.where(pred < 0, 1.0, e) / (1 + e)
        return _reduce(losses, np.where(pred < 0, sigmoid - t, (1 - t) - other), sample_weight, reduction)
    losses = -_times(t, np.log(pred)) - _times(1 - t, np.log1p(-pred))
    return _reduce(losses, _ratio(1 - t, 1 - pred) - _ratio(t, pred), sample_weight, reduction)


@of_elements(domain=predictions((-10, 10), uniform(-10, 10)), tolerance=Tolerance(ulps=4, epsilons=1, scale=SUM_ALONE))
def mse(pred: Array, target: Array, *, sample_weight: Any = None, reduction: str = "mean", out: Out = None) -> Any:
    """Mean squared error: the mean of (pred - target)^2, without a half, with its gradient.

    pred, target: floats of one shape. sample_weight, reduction, out: as every loss (see the module).
    Elsewhere: scikit-learn's MLP and CS231n have half the mean, DLFS half the sum.

    >>> loss, gradient = densekit.functional.mse([1.0, 2.0], [0.0, 4.0])
    >>> loss, gradient
    (2.5, array([ 1., -2.]))
    """
    d = pred - target
    return _reduce(d**2, 2 * d, sample_weight, reduction)


@of_elements(domain=predictions((-10, 10), apart_from), tolerance=Tolerance(ulps=2, epsilons=1, scale=SUM_ALONE))
def mae(pred: Array, target: Array, *, sample_weight: Any = None, reduction: str = "mean", out: Out = None) -> Any:
    """Mean absolute error: the mean of |pred - target|, with its gradient, which is 0 where they agree.

    pred, target: floats of one shape. sample_weight, reduction, out: as every loss (see the module).

    >>> loss, gradient = densekit.functional.mae([1.0, 2.0], [0.0, 4.0])
    >>> loss, gradient
    (1.5, array([ 0.5, -0.5]))
    """
    d = pred - target
    return _reduce(np.abs(d), np.sign(d), sample_weight, reduction)


@twin("pred", "target", outputs=("gradient",))
def rmse(pred: Array, target: Array, *, sample_weight: Any = None, reduction: str = "mean", out: Out = None) -> Any:
    if reduction == "none":
        raise ValueError("rmse: reduction 'none' has no meaning")
    d = pred - target
    square, slopes = _reduce(d**2, 2 * d, sample_weight, reduction)
    root = math.sqrt(square)
    return root, np.zeros_like(d) if root == 0 else slopes / (2 * root)


@of_elements(domain=predictions((-3, 3), uniform(-3, 3)), tolerance=Tolerance(ulps=8, epsilons=1, scale=SUM_ALONE))
def huber(
    pred: Array,
    target: Array,
    *,
    delta: Positive = 1.0,
    sample_weight: Any = None,
    reduction: str = "mean",
    out: Out = None,
) -> Any:
    """Huber loss: d^2 / 2 where |d| <= delta, delta (|d| - delta / 2) beyond, d = pred - target; with its gradient.

    pred, target: floats of one shape. delta: greater than 0; 1 as in PyTorch and Keras.
    sample_weight, reduction, out: as every loss (see the module). Huber, Ann. Math. Statist. 35 (1964).

    >>> loss, gradient = densekit.functional.huber([0.5, 4.0], [0.0, 0.0])
    >>> loss, gradient
    (1.8125, array([0.25, 0.5 ]))
    """
    d = pred - target
    losses = np.where(np.abs(d) > delta, delta * (np.abs(d) - delta / 2), d**2 / 2)
    return _reduce(losses, np.clip(d, -delta, delta), sample_weight, reduction)


@of_elements(domain=predictions((-10, 10), uniform(-10, 10)), tolerance=Tolerance(ulps=12, epsilons=1, scale=SUM_ALONE))
def log_cosh(pred: Array, target: Array, *, sample_weight: Any = None, reduction: str = "mean", out: Out = None) -> Any:
    """Log-cosh loss: log cosh(pred - target), about d^2 / 2 near 0 and |d| - log 2 far away, with its gradient tanh d.

    pred, target: floats of one shape. Accurate for small differences, and no difference overflows.
    sample_weight, reduction, out: as every loss (see the module).

    >>> loss, gradient = densekit.functional.log_cosh([1.0, 0.0], [0.0, 0.0])
    >>> round(loss, 6), gradient.round(6)
    (0.21689, array([0.380797, 0.      ]))
    """
    d = pred - target
    size = np.abs(d)
    near = np.minimum(size, 2)
    # cosh d - 1 = (e^d - 1)^2 e^-d / 2
    losses = np.where(
        size > 2,
        size - math.log(2) + np.log1p(np.exp(-2 * size)),
        np.log1p(np.expm1(near) ** 2 * np.exp(-near) / 2),
    )
    return _reduce(losses, np.tanh(d), sample_weight, reduction)


@of_elements(
    domain=predictions((-10, 10), apart_from, quantile=0.9),
    # 1 - quantile is taken from the rounded quantile: an absolute error of eps.
    tolerance=Tolerance(ulps=2, epsilons=1, scale=of_parts(lambda p, t: abs(p - t), lambda p, t: 1, epsilons=1)),
)
def pinball(
    pred: Array,
    target: Array,
    *,
    quantile: OpenShare = 0.5,
    sample_weight: Any = None,
    reduction: str = "mean",
    out: Out = None,
) -> Any:
    """Pinball loss: quantile u where u = target - pred is positive, (quantile - 1) u where negative; with its gradient.

    pred, target: floats of one shape. quantile: in (0, 1), which quantile of target the best pred is; 1/2 gives half
    the absolute error. The gradient is 0 where they agree. sample_weight, reduction, out: as every loss (see the
    module). Koenker and Bassett, Econometrica 46 (1978).

    >>> loss, gradient = densekit.functional.pinball([0.0, 0.0], [4.0, -4.0], quantile=0.75)
    >>> loss, gradient
    (2.0, array([-0.375,  0.125]))
    """
    u = target - pred
    slopes = np.where(u > 0, -quantile, np.where(u < 0, 1 - quantile, u - u))
    return _reduce(np.where(u > 0, quantile * u, (quantile - 1) * u), slopes, sample_weight, reduction)


@twin("pred", "target", outputs=("gradient",))
def poisson_nll(
    pred: Array,
    target: Array,
    *,
    log_input: bool = True,
    full: bool = False,
    sample_weight: Any = None,
    reduction: str = "mean",
    out: Out = None,
) -> Any:
    constant = _log_factorial(target) if full and target.size else 0.0
    if log_input:
        rate = np.exp(pred)
        return _reduce(rate - _times(target, pred) + constant, rate - target, sample_weight, reduction)
    losses = pred - _times(target, np.log(pred)) + constant
    return _reduce(losses, 1 - _ratio(target, pred), sample_weight, reduction)


@twin("pred", "target", outputs=("gradient",))
def gamma_nll(
    pred: Array,
    target: Array,
    *,
    shape: float = 1.0,
    full: bool = False,
    sample_weight: Any = None,
    reduction: str = "mean",
    out: Out = None,
) -> Any:
    ratio = target * np.exp(-pred)
    losses = shape * (ratio + pred)
    if full:
        losses = losses + math.lgamma(shape) - shape * math.log(shape) + (1 - shape) * np.log(target)
    return _reduce(losses, shape * (1 - ratio), sample_weight, reduction)


def _location_and_log_scale(pred: Any, target: Any) -> Any:
    d = pred.shape[1] // 2
    return pred[:, :d], pred[:, d:], target.reshape(len(pred), d)


@twin("pred", "target", outputs=("gradient",))
def gaussian_nll(
    pred: Array,
    target: Array,
    *,
    full: bool = False,
    sample_weight: Any = None,
    reduction: str = "mean",
    out: Out = None,
) -> Any:
    mean, log_variance, y = _location_and_log_scale(pred, target)
    r = (mean - y) * np.exp(-log_variance / 2)
    losses = (log_variance + r**2) / 2 + (0.5 * math.log(2 * math.pi) if full else 0.0)
    slopes = np.hstack([r * np.exp(-log_variance / 2), (1 - r**2) / 2])
    return _reduce(losses.reshape(target.shape), slopes, sample_weight, reduction)


@twin("pred", "target", outputs=("gradient",))
def laplace_nll(
    pred: Array,
    target: Array,
    *,
    full: bool = False,
    sample_weight: Any = None,
    reduction: str = "mean",
    out: Out = None,
) -> Any:
    median, log_scale, y = _location_and_log_scale(pred, target)
    d = median - y
    r = np.abs(d) * np.exp(-log_scale)
    losses = log_scale + r + (math.log(2) if full else 0.0)
    return _reduce(
        losses.reshape(target.shape),
        np.hstack([_times(np.sign(d), np.exp(-log_scale)), 1 - r]),
        sample_weight,
        reduction,
    )


@twin("log_probs", outputs=("gradient",))
def nll(
    log_probs: Array,
    targets: Any,
    *,
    class_weight: Any = None,
    sample_weight: Any = None,
    ignore_index: Any = None,
    reduction: str = "mean",
    out: Out = None,
) -> Any:
    rows, classes = log_probs.shape
    targets = np.asarray(targets)
    kept = np.ones(rows, bool) if targets.ndim == 2 or ignore_index is None else targets != ignore_index
    q = targets.astype(np.float64)
    if targets.ndim == 1:
        q = np.zeros((rows, classes))
        q[kept, targets[kept].astype(int)] = 1
    weight = kept * (1.0 if class_weight is None else q @ np.asarray(class_weight, np.float64))
    if sample_weight is not None:
        weight = weight * np.asarray(sample_weight, np.float64)
    return _reduce(-_times(q, log_probs).sum(axis=1), -q, weight, reduction)


@twin("pred", outputs=("gradient",))
def hinge(
    pred: Array,
    target: Any,
    *,
    margin: float = 1.0,
    sample_weight: Any = None,
    reduction: str = "mean",
    out: Out = None,
) -> Any:
    target = _as_array("hinge", "target", target)
    if not (pred.ndim == 2 and target.ndim == 1):
        target = target.astype(np.float64)  # the negative of an unsigned 1 is not -1
        gap = margin - target * pred
        return _reduce(np.maximum(0, gap), _slope(gap, -target), sample_weight, reduction)
    rows = np.arange(len(pred))
    gaps = pred - pred[rows, target, None] + margin
    gaps[rows, target] = 0
    slopes = _slope(gaps, 1.0)
    slopes[rows, target] = -slopes.sum(axis=1)
    return _reduce(np.maximum(0, gaps).sum(axis=1), slopes, sample_weight, reduction)


@twin("pred", "target", outputs=("gradient",))
def kl_divergence(
    pred: Array,
    target: Array,
    *,
    log_input: bool = False,
    sample_weight: Any = None,
    reduction: str = "mean",
    out: Out = None,
) -> Any:
    log_p = pred if log_input else np.log(pred)
    losses = _times(target, np.log(target) - log_p).sum(axis=1)
    return _reduce(losses, -target if log_input else -_ratio(target, pred), sample_weight, reduction)


__all__ = [
    "binary_cross_entropy",
    "gamma_nll",
    "gaussian_nll",
    "hinge",
    "huber",
    "kl_divergence",
    "laplace_nll",
    "log_cosh",
    "mae",
    "mse",
    "nll",
    "pinball",
    "poisson_nll",
    "rmse",
]
