"""Losses with their gradients: each takes (pred, target) and returns (loss, the gradient with respect to pred).

Axis 0 is the samples, `sample_weight` is one a sample. reduction: "mean" divides by the sum of the weights (times the
elements of a sample where every element has a loss; ValueError if all are zero), "sum" does not (then it is 0), "none"
gives the weighted losses themselves. The gradient is that of the mean, or of the sum. `out` receives the gradient. A
loss is a Python float, summed in float64. Those of any prediction and any target are made from the functions of
densekit.reference.losses.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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
from densekit.functional._made import made
from densekit.reference import losses
from densekit.reference._twin import Twin, twins
from densekit.registry import SUM_ALONE, Tolerance, of_parts, op, predictions, uniform

Kind = _core.PointwiseLoss
Loss = tuple[Any, NDArray[Any]]


# Losses of elements.


def _counts(rng: np.random.Generator, p: NDArray[Any]) -> Any:
    return rng.integers(0, 20, p.shape)


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
    domain=predictions((-10, 10), lambda rng, p: rng.choice([0, 1, 0.25], p.shape)),
    # The loss is a sum of positive parts, each to 4 ulp; the slope is a difference of parts in [0, 1].
    tolerance=Tolerance(ulps=6, epsilons=1, scale=of_parts(lambda p, t: 0, lambda p, t: 1)),
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
    reference=reference.rmse,
    domain=predictions((-10, 10), uniform(-10, 10)),
    tolerance=Tolerance(ulps=4, epsilons=1, scale=SUM_ALONE),
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
    reference=reference.poisson_nll,
    domain=predictions((-2, 3), _counts),
    tolerance=Tolerance(
        ulps=2, epsilons=1, scale=of_parts(lambda p, t: np.exp(p) + abs(t * p), lambda p, t: np.exp(p) + abs(t))
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
    domain=predictions((-2, 3), uniform(0.1, 10), shape=2.5),
    tolerance=Tolerance(
        ulps=2,
        epsilons=1,
        scale=of_parts(lambda p, t: 2.5 * (t * np.exp(-p) + abs(p)), lambda p, t: 2.5 * (t * np.exp(-p) + 1)),
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


def _of_elements(twin: Twin) -> Callable[..., Any]:
    """The loss that is the functor of its name in losses.def."""
    name, kind = twin.name, Kind.__members__[twin.name]
    limits = {option: twin.range(option).limits for option in twin.options if option not in _SHARED}

    def run(arrays: tuple[ArrayLike, ArrayLike], out: Out, *options: Any) -> Loss:
        *given, sample_weight, reduction = options
        numbers = [number(name, option, x, **limits[option]) for option, x in zip(limits, given, strict=True)]
        a, b = [*numbers, 0.0, 0.0][:2]
        return _pointwise(name, kind, *arrays, sample_weight, reduction, out, a=a, b=b)

    return made(twin, run, gradient_of_first=True)


_SHARED = ("sample_weight", "reduction")  # of all losses, in this order the last of their options
if TYPE_CHECKING:
    from densekit.functional._made_losses import *  # noqa: F403
else:
    for _name, _twin in twins(losses).items():
        if _twin.domain is not None:
            globals()[_name] = _of_elements(_twin)

    __all__ = [name for name in losses.__all__ if name in globals()]
