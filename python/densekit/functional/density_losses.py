"""Losses of a location and the logarithm of a scale, predicted together. What every loss shares is in losses.py."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from densekit import _core, reference
from densekit._arrays import (
    Out,
    Output,
    Reduction,
    contiguous,
    flag,
)
from densekit.functional.losses import (
    Loss,
    _setup,
)
from densekit.registry import Call, Scale, Tolerance, longest_chain, op


def _location_and_scale(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    rows = max(1, -(-size // 3))
    target = rng.normal(size=(rows, 3))
    apart = target + rng.choice([-1, 1], target.shape) * rng.uniform(0.5, 3, target.shape)
    return Call((np.hstack([apart, rng.uniform(-2, 2, target.shape)]).astype(dtype), target.astype(dtype)))


def _density_scale(power: int) -> Scale:
    def scale(call: Call, expected: Any) -> Any:
        pred, target = (np.asarray(a, np.float64) for a in call.args[:2])
        mean, log_scale = np.split(pred, 2, axis=1)
        ratio = np.exp(-log_scale) * abs(mean - target) ** power  # of d^2 to the variance, or of |d| to the scale
        if np.ndim(expected) == 0:
            parts = np.mean(abs(log_scale) + ratio)
            return parts * (4 + longest_chain(target.size, call.args[0].dtype))
        return 4 * np.hstack([np.zeros_like(ratio), 1 + ratio]) / target.size

    return scale


def _density(
    name: str,
    kind: Any,
    pred: ArrayLike,
    target: ArrayLike,
    constant: float,
    sample_weight: ArrayLike | None,
    reduction: str,
    out: Out,
) -> Loss:
    p, t, weight, reduce = _setup(name, pred, target, sample_weight, reduction)
    expected = (t.shape[0], 2 * (t.shape[1] if t.ndim == 2 else 1)) if t.ndim in (1, 2) else None
    if p.shape != expected:
        raise ValueError(
            f"{name}: pred is {p.shape} but target is {t.shape}; target (n, d), or (n,) for d = 1, "
            "needs pred (n, 2 d): d means, then d logarithms of scales"
        )
    gradient = Output(name, out, p.shape, p.dtype, (p, t), elementwise=True)
    losses = np.empty(t.shape, p.dtype) if reduction == "none" else None
    loss = _core.density_loss(kind, contiguous(p), contiguous(t), weight, reduce, constant, losses, gradient.target)
    return (loss if losses is None else losses), gradient.done()


@op(
    reference=reference.gaussian_nll,
    domain=_location_and_scale,
    tolerance=Tolerance(ulps=6, epsilons=1, scale=_density_scale(2)),
    gradient_of_first=True,
)
def gaussian_nll(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    full: bool = False,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> Loss:
    """Gaussian negative log-likelihood, with its gradient: (v + (y - m)^2 e^-v) / 2, v the logarithm of the variance.

    pred: (n, 2 d), the first d columns the means m, the last d the v. target: y, (n, d), or (n,) with pred (n, 2).
    full: adds log(2 pi) / 2 to each element. The mean is over n d elements. No variance is clamped (PyTorch, which
    takes the variance itself, clamps at 1e-6). sample_weight, reduction, out: as every loss (see the module).
    Nix and Weigend, ICNN 1994.

    >>> loss, gradient = densekit.functional.gaussian_nll([[1.0, 0.0]], [3.0])
    >>> loss, gradient
    (2.0, array([[-2. , -1.5]]))
    """
    constant = 0.5 * math.log(2 * math.pi) if flag("gaussian_nll", "full", full) else 0.0
    return _density("gaussian_nll", _core.DensityLoss.gaussian, pred, target, constant, sample_weight, reduction, out)


@op(
    reference=reference.laplace_nll,
    domain=_location_and_scale,
    tolerance=Tolerance(ulps=6, epsilons=1, scale=_density_scale(1)),
    gradient_of_first=True,
)
def laplace_nll(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    full: bool = False,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> Loss:
    """Laplace negative log-likelihood, with its gradient: s + |y - m| e^-s, s the logarithm of the scale b.

    pred: (n, 2 d), the first d columns the medians m, the last d the s. target: y, (n, d), or (n,) with pred (n, 2).
    full: adds log 2 to each element. The mean is over n d elements; the slope is 0 where y = m.
    sample_weight, reduction, out: as every loss (see the module).

    >>> loss, gradient = densekit.functional.laplace_nll([[1.0, 0.0]], [3.0])
    >>> loss, gradient
    (2.0, array([[-1., -1.]]))
    """
    constant = math.log(2) if flag("laplace_nll", "full", full) else 0.0
    return _density("laplace_nll", _core.DensityLoss.laplace, pred, target, constant, sample_weight, reduction, out)


__all__ = ["gaussian_nll", "laplace_nll"]
