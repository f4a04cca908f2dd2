"""Likelihood: a function of the parameters with the data fixed; where it is largest, and its surface.

For independent data it is the product of the densities. Its logarithm is what losses are made of: for one prediction a
row, the squared error is the Gaussian's with a fixed std, the absolute error Laplace's, the binary cross entropy
Bernoulli's, the categorical one the categorical distribution's negative log-likelihood, but for constants.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit._arrays import one_of, real, whole
from densekit._checks import mapping
from densekit.functional import likelihood, log_likelihood
from densekit.functional.likelihoods import _PARAMETERS, _data

DISTRIBUTIONS: dict[str, tuple[str, ...]] = {name: tuple(ranges) for name, ranges in _PARAMETERS.items()}


def mle(distribution: str, data: ArrayLike, *, classes: int | None = None) -> dict[str, Any]:
    """The parameters under which the data are most likely, in closed form, as arguments of log_likelihood.

    gaussian: the mean, and the std with 1 / n, which is biased: it is too small by (n − 1) / n in the variance.
    laplace: the median, and the mean distance from it. bernoulli, poisson: the mean. categorical: the shares, of
    `classes` classes (by default the largest label + 1). exponential: 1 / mean.
    data: (n,), n > 0. ValueError where no parameters are the best, as for equal data of a Gaussian: the narrower, the
    likelier.

    >>> densekit.likelihood.mle("gaussian", [1.0, 3.0])
    {'mean': 2.0, 'std': 1.0}
    >>> densekit.likelihood.mle("categorical", [0, 0, 2, 0])["p"]
    array([0.75, 0.  , 0.25])
    """
    op = "mle"
    one_of(op, "distribution", distribution, tuple(DISTRIBUTIONS))
    x = _data(op, distribution, data).astype(np.float64)
    if not x.size:
        raise ValueError(f"{op}: data are {x.shape}: there are none")
    bad = ~np.isfinite(x)
    if bad.any():
        at = int(bad.argmax())
        raise ValueError(f"{op}: data[{at}] is {x[at]}, expected a finite number")
    if classes is not None and distribution != "categorical":
        raise TypeError(f"{op}: classes belongs to categorical, not to {distribution}")
    if distribution == "categorical":
        largest = int(x.max())
        count = largest + 1 if classes is None else whole(op, "classes", classes, low=largest + 1)
        return {"p": np.bincount(x.astype(np.int64), minlength=count) / x.size}
    # In units of a power of two, which changes no digit, so that neither sums nor squares overflow or are lost.
    unit = math.frexp(float(np.abs(x).max()))[1]
    if -500 < unit < 500:
        unit = 0
    x = np.ldexp(x, -unit)

    def back(value: float) -> float:
        return math.ldexp(value, unit)

    mean = math.fsum(x) / x.size
    if distribution == "bernoulli":
        return {"p": mean}
    if distribution == "poisson":
        return {"rate": back(mean)}
    if distribution == "exponential":
        if mean == 0:
            raise ValueError(f"{op}: all data are 0; the larger the rate, the likelier: there is no best one")
        if math.frexp(1 / mean)[1] - unit > 1024:
            raise ValueError(f"{op}: the data are so small that the best rate is larger than the largest number")
        return {"rate": math.ldexp(1 / mean, -unit)}
    if x.min() == x.max():
        raise ValueError(f"{op}: all data are {back(x[0]):g}; the narrower, the likelier: there is no best spread")
    if distribution == "laplace":
        middle = float(np.median(x))
        return {"mean": back(middle), "scale": back(math.fsum(abs(x - middle)) / x.size)}
    return {"mean": back(mean), "std": back(math.sqrt(math.fsum((x - mean) ** 2) / x.size))}


@dataclass(frozen=True)
class Surface:
    """The log-likelihood on a grid: `log_likelihood[i, j]` at names[0] = grids[0][i], names[1] = grids[1][j].

    With one parameter it is (points,). best: the point of the grid where it is largest. distribution, data: what it is
    of.
    """

    distribution: str
    data: NDArray[Any]
    names: tuple[str, ...]
    grids: tuple[NDArray[np.float64], ...]
    log_likelihood: NDArray[np.float64]

    @property
    def best(self) -> dict[str, float]:
        """The parameters of the largest element; ValueError where every point has the likelihood 0."""
        self._largest()
        at = np.unravel_index(int(np.argmax(self.log_likelihood)), self.log_likelihood.shape)
        return {name: float(grid[i]) for name, grid, i in zip(self.names, self.grids, at, strict=True)}

    @property
    def relative(self) -> NDArray[np.float64]:
        """Likelihood by that of the best point, which does not underflow however many data there are.

        ValueError where every point has the likelihood 0.
        """
        return np.asarray(np.exp(self.log_likelihood - self._largest()))

    def _largest(self) -> float:
        largest = float(self.log_likelihood.max())
        if not math.isfinite(largest):
            raise ValueError(f"surface: the largest log-likelihood of the grid is {largest}, so no point is the best")
        return largest


def surface(distribution: str, data: ArrayLike, grids: Mapping[str, ArrayLike]) -> Surface:
    """The log-likelihood at every point of a grid of parameters.

    distribution: one of numbers, all but "categorical". data: (n,). grids: {parameter: (points,)} for each parameter of
    the distribution.

    >>> found = densekit.likelihood.surface("bernoulli", [1, 1, 0, 1], {"p": np.linspace(0, 1, 5)})
    >>> found.best, found.relative.round(3)
    ({'p': 0.75}, array([0.   , 0.111, 0.593, 1.   , 0.   ]))
    """
    op = "surface"
    one_of(op, "distribution", distribution, tuple(name for name in DISTRIBUTIONS if name != "categorical"))
    names = DISTRIBUTIONS[distribution]
    for name in mapping(op, "grids", grids, "{parameter: (points,)}"):
        one_of(op, "the name of a grid", name, names)
    missing = [name for name in names if name not in grids]
    if missing:
        raise TypeError(f"{op}: {distribution} needs a grid for {' and '.join(missing)}, too")
    axes = [real(op, f"the grid of {name}", grids[name]) for name in names]
    for name, axis in zip(names, axes, strict=True):
        if axis.ndim != 1 or not axis.size:
            raise ValueError(f"{op}: the grid of {name} is {axis.shape}, expected (points,)")
    x = _data(op, distribution, data).astype(np.float64)
    points = dict(zip(names, np.meshgrid(*axes, indexing="ij"), strict=True))
    return Surface(distribution, x, names, tuple(axes), log_likelihood(distribution, x, **points))


__all__ = ["DISTRIBUTIONS", "Surface", "likelihood", "log_likelihood", "mle", "surface"]
