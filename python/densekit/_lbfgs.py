"""L-BFGS over a function of one vector, by SciPy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit.optimizers import LBFGS

Objective = Callable[[NDArray[np.float64]], tuple[float, NDArray[Any]]]
# (number of the iteration from 0, theta, objective) -> whether to stop
Watcher = Callable[[int, NDArray[np.float64], float], bool]


@dataclass(frozen=True)
class Minimum:
    """Where the search ended: theta, its objective, and how it came there."""

    theta: NDArray[np.float64]
    objective: float
    iterations: int
    evaluations: int
    converged: bool
    message: str


def minimise(
    function: Objective, theta: ArrayLike, settings: LBFGS | None = None, callback: Watcher | None = None
) -> Minimum:
    """Searches the theta with the least objective; function(theta) gives (objective, gradient).

    theta: where to begin, (p,). settings: an LBFGS, with its defaults if None. callback: is asked after each iteration
    whether to stop. The theta that function gets is its own copy. ImportError without SciPy; ArithmeticError if the
    objective at the beginning is not finite.

    >>> from densekit._lbfgs import minimise
    >>> minimum = minimise(lambda t: (float(((t - 3) ** 2).sum()), 2 * (t - 3)), np.zeros(2))
    >>> minimum.theta.round(6), minimum.converged
    (array([3., 3.]), True)
    """
    try:
        from scipy import optimize
    except ImportError as error:
        raise ImportError("L-BFGS needs SciPy, which is not installed: pip install scipy") from error
    settings = settings or LBFGS()
    start = np.array(theta, np.float64)
    if start.ndim != 1:
        raise ValueError(f"L-BFGS: theta is {start.shape}, expected one dimension")
    began = False

    def evaluate(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        nonlocal began
        value, gradient = function(theta.copy())
        slope = np.asarray(gradient, np.float64)
        if slope.shape != theta.shape:
            raise ValueError(f"L-BFGS: theta is {theta.shape} but its gradient is {slope.shape}")
        if not began and not np.isfinite(value):
            raise ArithmeticError(
                f"L-BFGS: the objective at the beginning is {value}; scale the data, or begin smaller"
            )
        began = True
        return float(value), slope

    iteration = -1

    def watch(intermediate_result: Any) -> None:  # SciPy knows by the name what to give
        nonlocal iteration
        iteration += 1
        if callback is not None and callback(iteration, intermediate_result.x.copy(), float(intermediate_result.fun)):
            raise StopIteration

    found = optimize.minimize(
        evaluate,
        start,
        method="L-BFGS-B",
        jac=True,
        callback=watch,
        options={
            "maxiter": settings.maxiter,
            "maxfun": settings.maxfun,
            "gtol": settings.tol,
            "ftol": settings.ftol,
            "maxcor": settings.history,
        },
    )
    return Minimum(
        np.asarray(found.x, np.float64),
        float(found.fun),
        int(found.nit),
        int(found.nfev),
        bool(found.success),
        str(found.message),
    )
