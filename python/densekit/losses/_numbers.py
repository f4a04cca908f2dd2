"""Losses of numbers: regression, and the likelihoods of counts, amounts and uncertain values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit._arrays import flag, number
from densekit.losses._base import Loss, LossAndGradient
from densekit.losses._targets import elements


@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """The mean of (pred - target)^2, without a half. compat "sklearn": half of it; "dlfs": half of the sum.

    >>> densekit.losses.MeanSquaredError(compat="sklearn")([[1.0], [2.0]], [[0.0], [4.0]])[0]
    1.25
    """

    kind: ClassVar[str] = "mse"
    names: ClassVar[tuple[str, ...]] = ("mean_squared_error", "squared_error")
    _defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        **Loss._defaults,
        "sklearn": {"factor": 0.5},
        "dlfs": {"factor": 0.5, "reduction": "sum"},
    }

    def _scale(self, elements: int) -> float:
        return super()._scale(elements) * (elements if self.compat == "dlfs" else 1)


@dataclass(frozen=True)
class MeanAbsoluteError(Loss):
    """The mean of |pred - target|; its slope where they agree is 0.

    >>> densekit.losses.MeanAbsoluteError()([[1.0], [2.0]], [[0.0], [4.0]])[0]
    1.5
    """

    kind: ClassVar[str] = "mae"
    names: ClassVar[tuple[str, ...]] = ("mean_absolute_error", "absolute_error", "l1_loss")


@dataclass(frozen=True)
class RootMeanSquaredError(Loss):
    """The root of the mean of (pred - target)^2 over a batch; the mean over batches is not the set's: use the metric.

    >>> densekit.losses.RootMeanSquaredError()([[1.0], [2.0]], [[0.0], [3.0]])[0]
    1.0
    """

    kind: ClassVar[str] = "rmse"
    names: ClassVar[tuple[str, ...]] = ("root_mean_squared_error",)

    def _scaled(self, loss: Any, gradient: NDArray[Any], scale: float) -> LossAndGradient:
        # What divides the mean stands under the root, the factor beside it.
        factor = self._scale(1)
        return super()._scaled(loss, gradient, factor * math.sqrt(scale / factor) if factor else 0.0)


@dataclass(frozen=True)
class Huber(Loss):
    """d^2 / 2 where |d| <= delta, delta (|d| - delta / 2) beyond, d = pred - target; the mean. delta: greater than 0.

    Huber, Ann. Math. Statist. 35 (1964).

    >>> densekit.losses.Huber(1.0)([[0.5], [4.0]], [[0.0], [0.0]])[0]
    1.8125
    """

    delta: float = 1.0
    kind: ClassVar[str] = "huber"
    names: ClassVar[tuple[str, ...]] = ("smooth_l1",)
    _options: ClassVar[tuple[str, ...]] = ("delta",)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "delta", number(self.name, "delta", self.delta, low=0, open_low=True))


@dataclass(frozen=True)
class LogCosh(Loss):
    """The mean of log cosh(pred - target): about d^2 / 2 near 0, |d| - log 2 far away.

    >>> round(densekit.losses.LogCosh()([[1.0]], [[0.0]])[0], 6)
    0.433781
    """

    kind: ClassVar[str] = "log_cosh"


@dataclass(frozen=True)
class Pinball(Loss):
    """The mean of quantile u where u = target - pred is positive, (quantile - 1) u where negative.

    quantile: between 0 and 1, which quantile of the target the best pred is.
    Koenker and Bassett, Econometrica 46 (1978).

    >>> densekit.losses.Pinball(0.75)([[0.0], [0.0]], [[4.0], [-4.0]])[0]
    2.0
    """

    quantile: float = 0.5
    kind: ClassVar[str] = "pinball"
    names: ClassVar[tuple[str, ...]] = ("quantile",)
    _options: ClassVar[tuple[str, ...]] = ("quantile",)

    def __post_init__(self) -> None:
        super().__post_init__()
        checked = number(self.name, "quantile", self.quantile, low=0, high=1, open_low=True, open_high=True)
        object.__setattr__(self, "quantile", checked)


# Likelihoods.


@dataclass(frozen=True)
class PoissonNLL(Loss):
    """e^z - y z, pred z the logarithm of the rate, targets y counts, 0 or more.

    log_input=False: pred is the rate p, the loss p - y log p; this is Keras's "poisson". full: adds log Gamma(y + 1).
    torch.nn.PoissonNLLLoss, which approximates it.

    >>> densekit.losses.PoissonNLL()([[0.0]], [[3.0]])[0]
    1.0
    """

    log_input: bool = True
    full: bool = False
    kind: ClassVar[str] = "poisson_nll"
    _options: ClassVar[tuple[str, ...]] = ("log_input", "full")

    def __post_init__(self) -> None:
        super().__post_init__()
        flag(self.name, "log_input", self.log_input)
        flag(self.name, "full", self.full)

    def targets(self, target: ArrayLike, outputs: int, dtype: Any = np.float32) -> NDArray[Any]:
        return elements(self.name, target, outputs, dtype, 0, np.inf, "a count, 0 or more")


@dataclass(frozen=True)
class _Full(Loss):
    full: bool = False
    _options: ClassVar[tuple[str, ...]] = ("full",)

    def __post_init__(self) -> None:
        super().__post_init__()
        flag(self.name, "full", self.full)


@dataclass(frozen=True)
class GammaNLL(_Full):
    """y e^-z + z, pred z the logarithm of the mean, targets y greater than 0.

    Half the gamma deviance but for a constant, and the complete likelihood of the exponential distribution: full adds
    nothing.

    >>> densekit.losses.GammaNLL()([[0.0]], [[3.0]])[0]
    3.0
    """

    kind: ClassVar[str] = "gamma_nll"

    def targets(self, target: ArrayLike, outputs: int, dtype: Any = np.float32) -> NDArray[Any]:
        smallest = float(np.finfo(dtype).smallest_subnormal)
        return elements(self.name, target, outputs, dtype, smallest, np.inf, "a number greater than 0")


@dataclass(frozen=True)
class _Density(_Full):
    """Two outputs for each column of the targets: locations first, then logarithms of scales."""

    def outputs_for(self, columns: int) -> int:
        return 2 * columns

    def targets(self, target: ArrayLike, outputs: int, dtype: Any = np.float32) -> NDArray[Any]:
        if outputs % 2:
            raise ValueError(
                f"{self.name}: the network has {outputs} outputs, expected two for each column of the targets: "
                f"first the locations, then the logarithms of the scales"
            )
        return elements(self.name, target, outputs // 2, dtype)

    def _elements(self, shape: tuple[int, ...]) -> int:
        return super()._elements(shape) // 2


@dataclass(frozen=True)
class GaussianNLL(_Density):
    """(v + (y - m)^2 e^-v) / 2, the mean; pred (n, 2 d): d means m, then d logarithms v of variances; targets (n, d).

    full: adds log(2 pi) / 2. Nix and Weigend, ICNN 1994. PyTorch's takes the variance itself.

    >>> densekit.losses.GaussianNLL()([[1.0, 0.0]], [[3.0]])[0]
    2.0
    """

    kind: ClassVar[str] = "gaussian_nll"


@dataclass(frozen=True)
class LaplaceNLL(_Density):
    """s + |y - m| e^-s, the mean; pred (n, 2 d): d medians m, then d logarithms s of scales; targets (n, d).

    full: adds log 2.

    >>> densekit.losses.LaplaceNLL()([[1.0, 0.0]], [[3.0]])[0]
    2.0
    """

    kind: ClassVar[str] = "laplace_nll"


__all__ = [
    "GammaNLL",
    "GaussianNLL",
    "Huber",
    "LaplaceNLL",
    "LogCosh",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Pinball",
    "PoissonNLL",
    "RootMeanSquaredError",
]
