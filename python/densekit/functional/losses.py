"""Losses with their gradients: each takes (pred, target) and returns (loss, the gradient with respect to pred).

Axis 0 is the samples, `sample_weight` is one a sample. reduction: "mean" divides by the sum of the weights (times the
elements of a sample where every element has a loss; ValueError if all are zero), "sum" does not (then it is 0), "none"
gives the weighted losses themselves. The
gradient is that of the mean, or of the sum. `out` receives the gradient. A loss is a Python float, summed in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core, reference
from densekit._arrays import (
    Floats,
    Out,
    Output,
    Reduction,
    contiguous,
    flag,
    floats,
    number,
    one_of,
    same_shape,
    sample_weights,
)
from densekit.registry import Call, Domain, Scale, Tolerance, op

Kind = _core.PointwiseLoss
Magnitude = Callable[[Any, Any], Any]
Loss = tuple[Any, NDArray[Any]]


# Domains and scales for the tests.


def _pairs(
    pred: tuple[float, float],
    target: Callable[[np.random.Generator, NDArray[Any]], Any],
    columns: int | None = None,
    **kwargs: Any,
) -> Domain:
    """Predictions uniform in a range, and targets made from them; vectors, or matrices of `columns`; never empty."""

    def make(rng: np.random.Generator, dtype: Any, size: int) -> Call:
        shape = (max(1, size),) if columns is None else (max(1, -(-size // columns)), columns)
        p = rng.uniform(*pred, shape).astype(dtype)
        return Call((p, np.asarray(target(rng, p), dtype)), dict(kwargs))

    return make


def _uniform(low: float, high: float) -> Callable[[np.random.Generator, NDArray[Any]], Any]:
    return lambda rng, p: rng.uniform(low, high, p.shape)


def _apart(rng: np.random.Generator, p: NDArray[Any]) -> Any:
    """At least 1/2 away, for losses with a kink where prediction and target agree."""
    return p + rng.choice([-1, 1], p.shape) * rng.uniform(0.5, 5, p.shape)


def _counts(rng: np.random.Generator, p: NDArray[Any]) -> Any:
    return rng.integers(0, 20, p.shape)


def longest_chain(terms: int, dtype: Any) -> float:
    """How many roundings a float64 sum of blocks of strips of two lanes can collect, in units of the dtype's eps."""
    chain = min(terms, 512) / 2 + 8 + terms / 4096
    return chain / 2 * (1.0 if dtype == np.float64 else 2.0**-29)


def _scale(loss: Magnitude, slope: Magnitude, epsilons: float = 4) -> Scale:
    """`epsilons` times the size of the parts that a loss and a slope are made of, as the mean weighs them.

    For the loss the roundings of its sum are added, which are measurable in float64.
    """

    def scale(call: Call, expected: Any) -> Any:
        p, t = (np.asarray(a, np.float64) for a in call.args[:2])
        if np.ndim(expected) > 0:
            return epsilons * slope(p, t) / t.size
        parts = np.mean(loss(p, t))
        return epsilons * parts + longest_chain(t.size, call.args[0].dtype) * (parts + abs(expected))

    return scale


_SUM = _scale(lambda p, t: 0, lambda p, t: 0)  # every part is right to some ulp and of one sign: only the sum is left


# Losses of elements.


def _setup(
    name: str, pred: ArrayLike, target: ArrayLike, sample_weight: ArrayLike | None, reduction: str
) -> tuple[Floats, Floats, NDArray[np.float64] | None, Any]:
    p, t = floats(name, "pred", pred, "target", target)
    return p, t, *_reduction(name, p, sample_weight, reduction)


def _reduction(
    name: str, pred: Floats, sample_weight: ArrayLike | None, reduction: str
) -> tuple[NDArray[np.float64] | None, Any]:
    kind = getattr(_core.Reduction, one_of(name, "reduction", reduction, ("mean", "sum", "none")))
    if reduction == "mean" and pred.size == 0:
        raise ValueError(f"{name}: pred is {pred.shape}; the mean over no elements is not defined")
    rows = pred.shape[0] if pred.ndim else 1
    return sample_weights(name, sample_weight, rows, zeros=reduction != "mean"), kind


def _pointwise(
    name: str,
    kind: Any,
    pred: ArrayLike,
    target: ArrayLike,
    sample_weight: ArrayLike | None,
    reduction: str,
    out: Out,
    *,
    a: float = 0.0,
    b: float = 0.0,
    check: Callable[[Floats, Floats], None] | None = None,
) -> Loss:
    p, t, weight, reduce = _setup(name, pred, target, sample_weight, reduction)
    same_shape(name, "pred", p, "target", t)
    if check is not None:
        check(p, t)
    gradient = Output(name, out, p.shape, p.dtype, (p, t), elementwise=True)
    losses = np.empty(p.shape, p.dtype) if reduction == "none" else None
    loss = _core.pointwise_loss(kind, contiguous(p), contiguous(t), weight, reduce, a, b, losses, gradient.target)
    return (loss if losses is None else losses), gradient.done()


def require_range(
    name: str, argument: str, array: Floats, low: float, high: float, expected: str, *, nan: bool
) -> None:
    """ValueError that quotes the first element outside [low, high]; NaN passes if `nan`."""
    if not array.size or (array.min() >= low and array.max() <= high):  # false if there is a NaN
        return
    bad = (array < low) | (array > high) | (np.isnan(array) & (not nan))
    if bad.any():
        at = np.unravel_index(int(bad.argmax()), bad.shape)
        index = f"[{', '.join(map(str, at))}]" if at else ""
        raise ValueError(f"{name}: {argument}{index} is {array[at]}, expected {expected}")


@op(
    reference=reference.binary_cross_entropy,
    domain=_pairs((-10, 10), lambda rng, p: rng.choice([0, 1, 0.25], p.shape)),
    # The loss is a sum of positive parts, each to 4 ulp; the slope is a difference of parts in [0, 1].
    tolerance=Tolerance(ulps=6, epsilons=1, scale=_scale(lambda p, t: 0, lambda p, t: 1)),
    gradient_of_first=True,
)
def binary_cross_entropy(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    from_logits: bool = True,
    label_smoothing: float = 0.0,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> Loss:
    """Binary cross entropy in nats, with its gradient: of logits max(z, 0) - z t + log(1 + e^-|z|).

    pred: logits, or with from_logits=False probabilities p in [0, 1]: -t log p - (1 - t) log(1 - p), 0 log 0 = 0.
    Nothing is clipped: a certain wrong answer costs infinity (Keras clips at 1e-7, scikit-learn at the dtype's eps).
    target: in [0, 1], pred's shape; label_smoothing s turns t into (1 - s) t + s / 2.
    sample_weight, reduction, out: as every loss (see the module). Good, J. R. Stat. Soc. B 14 (1952).

    >>> loss, gradient = densekit.functional.binary_cross_entropy(np.zeros(2), [1, 0])
    >>> round(loss, 6), gradient
    (0.693147, array([-0.25,  0.25]))
    """
    name = "binary_cross_entropy"
    from_logits = flag(name, "from_logits", from_logits)
    smoothing = number(name, "label_smoothing", label_smoothing, low=0, high=1)

    def check(pred: Floats, target: Floats) -> None:
        require_range(name, "target", target, 0, 1, "a probability from 0 to 1", nan=False)
        if not from_logits:
            require_range(
                name, "pred", pred, 0, 1, "a probability from 0 to 1 (logits need from_logits=True)", nan=True
            )

    kind = Kind.binary_cross_entropy_logits if from_logits else Kind.binary_cross_entropy
    a, b = 1 - smoothing, smoothing / 2
    return _pointwise(name, kind, pred, target, sample_weight, reduction, out, a=a, b=b, check=check)


@op(
    reference=reference.mse,
    domain=_pairs((-10, 10), _uniform(-10, 10)),
    tolerance=Tolerance(ulps=4, epsilons=1, scale=_SUM),
    gradient_of_first=True,
)
def mse(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> Loss:
    """Mean squared error: the mean of (pred - target)^2, without a half, with its gradient.

    pred, target: floats of one shape. sample_weight, reduction, out: as every loss (see the module).
    Elsewhere: scikit-learn's MLP and CS231n have half the mean, DLFS half the sum.

    >>> loss, gradient = densekit.functional.mse([1.0, 2.0], [0.0, 4.0])
    >>> loss, gradient
    (2.5, array([ 1., -2.]))
    """
    return _pointwise("mse", Kind.squared_error, pred, target, sample_weight, reduction, out)


@op(
    reference=reference.mae,
    domain=_pairs((-10, 10), _apart),
    tolerance=Tolerance(ulps=2, epsilons=1, scale=_SUM),
    gradient_of_first=True,
)
def mae(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> Loss:
    """Mean absolute error: the mean of |pred - target|, with its gradient, which is 0 where they agree.

    pred, target: floats of one shape. sample_weight, reduction, out: as every loss (see the module).

    >>> loss, gradient = densekit.functional.mae([1.0, 2.0], [0.0, 4.0])
    >>> loss, gradient
    (1.5, array([ 0.5, -0.5]))
    """
    return _pointwise("mae", Kind.absolute_error, pred, target, sample_weight, reduction, out)


@op(
    reference=reference.rmse,
    domain=_pairs((-10, 10), _uniform(-10, 10)),
    tolerance=Tolerance(ulps=4, epsilons=1, scale=_SUM),
    gradient_of_first=True,
)
def rmse(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> Loss:
    """Root mean squared error: one root, of the mean of (pred - target)^2 over all elements, with its gradient.

    pred, target: floats of one shape. The gradient is 0 where the root is 0. reduction: "sum" is the root of the sum,
    the length of the residual; "none" has no meaning (ValueError). scikit-learn averages the roots of the columns.
    sample_weight, out: as every loss (see the module).

    >>> loss, gradient = densekit.functional.rmse([1.0, 2.0], [0.0, 3.0])
    >>> loss, gradient
    (1.0, array([ 0.5, -0.5]))
    """
    name = "rmse"
    if one_of(name, "reduction", reduction, ("mean", "sum", "none")) == "none":
        raise ValueError(f"{name}: reduction 'none' has no meaning, the root is one for all elements; mse has it")
    p, t, weight, reduce = _setup(name, pred, target, sample_weight, reduction)
    same_shape(name, "pred", p, "target", t)
    gradient = Output(name, out, p.shape, p.dtype, (p, t), elementwise=True)
    loss = _core.rmse(contiguous(p), contiguous(t), weight, reduce, gradient.target)
    return loss, gradient.done()


@op(
    reference=reference.huber,
    domain=_pairs((-3, 3), _uniform(-3, 3)),
    tolerance=Tolerance(ulps=8, epsilons=1, scale=_SUM),
    gradient_of_first=True,
)
def huber(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    delta: float = 1.0,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> Loss:
    """Huber loss: d^2 / 2 where |d| <= delta, delta (|d| - delta / 2) beyond, d = pred - target; with its gradient.

    pred, target: floats of one shape. delta: greater than 0; 1 as in PyTorch and Keras.
    sample_weight, reduction, out: as every loss (see the module). Huber, Ann. Math. Statist. 35 (1964).

    >>> loss, gradient = densekit.functional.huber([0.5, 4.0], [0.0, 0.0])
    >>> loss, gradient
    (1.8125, array([0.25, 0.5 ]))
    """
    delta = number("huber", "delta", delta, low=0, open_low=True)
    return _pointwise("huber", Kind.huber, pred, target, sample_weight, reduction, out, a=delta)


@op(
    reference=reference.log_cosh,
    domain=_pairs((-10, 10), _uniform(-10, 10)),
    tolerance=Tolerance(ulps=12, epsilons=1, scale=_SUM),
    gradient_of_first=True,
)
def log_cosh(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> Loss:
    """Log-cosh loss: log cosh(pred - target), about d^2 / 2 near 0 and |d| - log 2 far away, with its gradient tanh d.

    pred, target: floats of one shape. Accurate for small differences, and no difference overflows.
    sample_weight, reduction, out: as every loss (see the module).

    >>> loss, gradient = densekit.functional.log_cosh([1.0, 0.0], [0.0, 0.0])
    >>> round(loss, 6), gradient.round(6)
    (0.21689, array([0.380797, 0.      ]))
    """
    return _pointwise("log_cosh", Kind.log_cosh, pred, target, sample_weight, reduction, out)


@op(
    reference=reference.pinball,
    domain=_pairs((-10, 10), _apart, quantile=0.9),
    # 1 - quantile is taken from the rounded quantile: an absolute error of eps.
    tolerance=Tolerance(ulps=2, epsilons=1, scale=_scale(lambda p, t: abs(p - t), lambda p, t: 1, epsilons=1)),
    gradient_of_first=True,
)
def pinball(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    quantile: float = 0.5,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> Loss:
    """Pinball loss: quantile u where u = target - pred is positive, (quantile - 1) u where negative; with its gradient.

    pred, target: floats of one shape. quantile: in (0, 1), which quantile of target the best pred is; 1/2 gives half
    the absolute error. The gradient is 0 where they agree. sample_weight, reduction, out: as every loss (see the
    module). Koenker and Bassett, Econometrica 46 (1978).

    >>> loss, gradient = densekit.functional.pinball([0.0, 0.0], [4.0, -4.0], quantile=0.75)
    >>> loss, gradient
    (2.0, array([-0.375,  0.125]))
    """
    quantile = number("pinball", "quantile", quantile, low=0, high=1, open_low=True, open_high=True)
    return _pointwise("pinball", Kind.pinball, pred, target, sample_weight, reduction, out, a=quantile)


@op(
    reference=reference.poisson_nll,
    domain=_pairs((-2, 3), _counts),
    tolerance=Tolerance(
        ulps=2, epsilons=1, scale=_scale(lambda p, t: np.exp(p) + abs(t * p), lambda p, t: np.exp(p) + abs(t))
    ),
    gradient_of_first=True,
)
def poisson_nll(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    log_input: bool = True,
    full: bool = False,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> Loss:
    """Poisson negative log-likelihood, with its gradient: e^z - y z, z = pred the logarithm of the rate, y = target.

    pred, target: floats of one shape; target 0 or more. log_input=False: pred is the rate p, the loss p - y log p with
    0 log 0 = 0. full: adds log Gamma(y + 1), which does not depend on pred (exactly, where PyTorch uses Stirling's
    approximation). sample_weight, reduction, out: as every loss (see the module).

    >>> loss, gradient = densekit.functional.poisson_nll([0.0, 0.0], [3, 0], full=True)
    >>> round(loss, 6), gradient
    (1.89588, array([-1. ,  0.5]))
    """
    name = "poisson_nll"
    log_input, full = flag(name, "log_input", log_input), flag(name, "full", full)

    def check(pred: Floats, target: Floats) -> None:
        require_range(name, "target", target, 0, np.inf, "a count, 0 or more", nan=True)
        if not log_input:
            require_range(
                name, "pred", pred, 0, np.inf, "a rate, 0 or more (its logarithm needs log_input=True)", nan=True
            )

    if log_input:
        kind = Kind.poisson_log_full if full else Kind.poisson_log
    else:
        kind = Kind.poisson_full if full else Kind.poisson
    return _pointwise(name, kind, pred, target, sample_weight, reduction, out, check=check)


@op(
    reference=reference.gamma_nll,
    domain=_pairs((-2, 3), _uniform(0.1, 10), shape=2.5),
    tolerance=Tolerance(
        ulps=2,
        epsilons=1,
        scale=_scale(lambda p, t: 2.5 * (t * np.exp(-p) + abs(p)), lambda p, t: 2.5 * (t * np.exp(-p) + 1)),
    ),
    gradient_of_first=True,
)
def gamma_nll(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    shape: float = 1.0,
    full: bool = False,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> Loss:
    """Gamma negative log-likelihood, with its gradient: shape (y e^-z + z), z = pred the logarithm of the mean.

    pred, target: floats of one shape; y = target greater than 0. shape: of the gamma distribution, greater than 0;
    1 is the exponential distribution, and half the gamma deviance but for a constant. full: adds what does not depend
    on pred, log Gamma(shape) - shape log shape + (1 - shape) log y. sample_weight, reduction, out: as every loss.

    >>> loss, gradient = densekit.functional.gamma_nll([0.0], [3.0])
    >>> loss, gradient
    (3.0, array([-2.]))
    """
    name = "gamma_nll"
    shape = number(name, "shape", shape, low=0, open_low=True)
    constant = math.lgamma(shape) - shape * math.log(shape) if flag(name, "full", full) else 0.0

    def check(pred: Floats, target: Floats) -> None:
        smallest = float(np.finfo(target.dtype).smallest_subnormal)
        require_range(name, "target", target, smallest, np.inf, "a number greater than 0", nan=True)

    kind = Kind.gamma_full if full else Kind.gamma
    return _pointwise(name, kind, pred, target, sample_weight, reduction, out, a=shape, b=constant, check=check)


__all__ = [
    "binary_cross_entropy",
    "gamma_nll",
    "huber",
    "log_cosh",
    "mae",
    "mse",
    "pinball",
    "poisson_nll",
    "rmse",
]
