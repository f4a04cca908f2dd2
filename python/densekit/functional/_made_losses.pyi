"""Made by `make docs`, of densekit.reference.losses."""

from typing import Any

from numpy.typing import ArrayLike, NDArray

from densekit._arrays import Out, Reduction

def mse(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> tuple[Any, NDArray[Any]]:
    """Mean squared error: the mean of (pred - target)^2, without a half, with its gradient.

    pred, target: floats of one shape. sample_weight, reduction, out: as every loss (see the module).
    Elsewhere: scikit-learn's MLP and CS231n have half the mean, DLFS half the sum.

    >>> loss, gradient = densekit.functional.mse([1.0, 2.0], [0.0, 4.0])
    >>> loss, gradient
    (2.5, array([ 1., -2.]))
    """

def mae(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> tuple[Any, NDArray[Any]]:
    """Mean absolute error: the mean of |pred - target|, with its gradient, which is 0 where they agree.

    pred, target: floats of one shape. sample_weight, reduction, out: as every loss (see the module).

    >>> loss, gradient = densekit.functional.mae([1.0, 2.0], [0.0, 4.0])
    >>> loss, gradient
    (1.5, array([ 0.5, -0.5]))
    """

def huber(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    delta: float = 1.0,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> tuple[Any, NDArray[Any]]:
    """Huber loss: d^2 / 2 where |d| <= delta, delta (|d| - delta / 2) beyond, d = pred - target; with its gradient.

    pred, target: floats of one shape. delta: greater than 0; 1 as in PyTorch and Keras.
    sample_weight, reduction, out: as every loss (see the module). Huber, Ann. Math. Statist. 35 (1964).

    >>> loss, gradient = densekit.functional.huber([0.5, 4.0], [0.0, 0.0])
    >>> loss, gradient
    (1.8125, array([0.25, 0.5 ]))
    """

def log_cosh(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> tuple[Any, NDArray[Any]]:
    """Log-cosh loss: log cosh(pred - target), about d^2 / 2 near 0 and |d| - log 2 far away, with its gradient tanh d.

    pred, target: floats of one shape. Accurate for small differences, and no difference overflows.
    sample_weight, reduction, out: as every loss (see the module).

    >>> loss, gradient = densekit.functional.log_cosh([1.0, 0.0], [0.0, 0.0])
    >>> round(loss, 6), gradient.round(6)
    (0.21689, array([0.380797, 0.      ]))
    """

def pinball(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    quantile: float = 0.5,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> tuple[Any, NDArray[Any]]:
    """Pinball loss: quantile u where u = target - pred is positive, (quantile - 1) u where negative; with its gradient.

    pred, target: floats of one shape. quantile: in (0, 1), which quantile of target the best pred is; 1/2 gives half
    the absolute error. The gradient is 0 where they agree. sample_weight, reduction, out: as every loss (see the
    module). Koenker and Bassett, Econometrica 46 (1978).

    >>> loss, gradient = densekit.functional.pinball([0.0, 0.0], [4.0, -4.0], quantile=0.75)
    >>> loss, gradient
    (2.0, array([-0.375,  0.125]))
    """

__all__ = [
    "huber",
    "log_cosh",
    "mae",
    "mse",
    "pinball",
]
