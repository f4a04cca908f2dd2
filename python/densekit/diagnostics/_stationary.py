"""Where does the training stand: minimum, saddle or maximum? Extreme eigenvalues of the Hessian by Lanczos."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from densekit._arrays import flag, number, real, whole
from densekit._checks import function
from densekit.diagnostics._objective import Array, objective


@dataclass(frozen=True)
class StationaryPoint:
    """verdict: "minimum", "saddle", "maximum", "flat" (the curvature says nothing) or "not stationary".

    gradient_norm: ‖g‖₂. smallest, largest: the extreme eigenvalues of the Hessian, and how far each may be off.
    flat_directions: whether the smallest eigenvalue of a minimum (the largest of a maximum) is zero to the tolerance.
    steps: products of the Hessian with a vector.
    """

    verdict: str
    value: float
    gradient_norm: float
    smallest: float
    largest: float
    smallest_error: float
    largest_error: float
    flat_directions: bool
    steps: int

    def __str__(self) -> str:
        flat = " with flat directions" if self.flat_directions else ""
        return (
            f"{self.verdict}{flat}: value {self.value:.6g}, gradient norm {self.gradient_norm:.3g}, "
            f"eigenvalues of the Hessian from {self.smallest:.4g} to {self.largest:.4g}"
        )


def stationary_point(
    fn: Any,
    *at: Any,
    gradient: Callable[[Array], ArrayLike] | None = None,
    hvp: Callable[[Array, Array], ArrayLike] | None = None,
    tol: float = 1e-4,
    flat: float = 1e-6,
    steps: int = 100,
    training: bool = False,
    seed: int = 0,
) -> StationaryPoint:
    """What kind of point this is: stationary_point(fn, w), or stationary_point(model, X, y).

    fn, gradient: as `gradcheck` takes them; a model is looked at in a float64 copy, in inference mode unless training.
    tol: stationary if ‖g‖₂ ≤ tol · max(1, abs(value)). flat: eigenvalues below this share of the largest absolute one
    are zero. hvp: hvp(w, v) = Hv; None takes central differences of gradients. steps: of Lanczos, at most; with as many
    steps as parameters the eigenvalues are exact. A training that stalls in many dimensions is mostly at a saddle or on
    a plateau, seldom in a poor minimum.

    >>> from densekit.diagnostics import stationary_point
    >>> stationary_point(lambda w: (w[0] ** 2 - w[1] ** 2, np.array([2 * w[0], -2 * w[1]])), np.zeros(2)).verdict
    'saddle'
    """
    name = "stationary_point"
    tol, flat = number(name, "tol", tol, low=0), number(name, "flat", flat, low=0, high=1)
    steps, seed = whole(name, "steps", steps, low=1), whole(name, "seed", seed)
    if hvp is not None:
        function(name, "hvp", hvp, "a function of (w, v)")
    f = objective(name, fn, at, gradient, flag(name, "training", training))
    if f.point.dtype == np.float32:
        f.point = f.point.astype(np.float64)
    value, g = f.gradient(f.point)
    norm = float(np.linalg.norm(g))
    if not np.isfinite(norm) or not np.isfinite(value):
        raise ArithmeticError(f"{name}: the value is {value} and the gradient norm {norm}; both must be finite")

    def product(v: Array) -> Array:
        return f.hessian_times(v) if hvp is None else _product(name, "hvp", hvp(f.point, v), v.size)

    low, high, low_error, high_error, done = extreme_eigenvalues(product, f.point.size, steps, seed)
    size = max(abs(low), abs(high))
    zero = flat * size
    if norm > tol * max(1.0, abs(value)):
        verdict = "not stationary"
    elif size <= 1e-9 * max(1.0, abs(value)):
        verdict = "flat"
    elif low < -zero and high > zero:
        verdict = "saddle"
    else:
        verdict = "minimum" if high > zero else "maximum"
    empty = {"minimum": low <= zero, "maximum": high >= -zero}.get(verdict, False)
    return StationaryPoint(verdict, value, norm, low, high, low_error, high_error, empty, done)


def extreme_eigenvalues(
    product: Callable[[Array], Array], size: int, steps: int = 100, seed: int = 0
) -> tuple[float, float, float, float, int]:
    """Smallest and largest eigenvalue of a symmetric matrix given by its product, their error bounds, and the steps.

    Lanczos with full reorthogonalisation (Golub and Van Loan, Matrix Computations, 10.1): for every Ritz value there is
    an eigenvalue within abs(β s), s the last element of its vector. Ends early when both bounds are small.

    >>> from densekit.diagnostics import extreme_eigenvalues
    >>> low, high, *_ = extreme_eigenvalues(lambda v: np.array([3.0, -1.0, 2.0]) * v, 3)
    >>> round(low, 9), round(high, 9)
    (-1.0, 3.0)
    """
    op = "extreme_eigenvalues"
    function(op, "product", product, "a function of a vector")
    size, steps = whole(op, "size", size, low=1), whole(op, "steps", steps, low=1)
    rng = np.random.default_rng(whole(op, "seed", seed))
    steps = min(steps, size)
    basis = np.empty((steps, size))
    diagonal, beside = np.zeros(steps), np.zeros(steps)
    v = rng.standard_normal(size)
    v /= np.linalg.norm(v)
    low = high = low_error = high_error = 0.0
    for k in range(steps):
        basis[k] = v
        r = _product(op, "product", product(v), size)
        diagonal[k] = v @ r
        for _ in range(2):  # twice is enough (Kahan and Parlett)
            r -= basis[: k + 1].T @ (basis[: k + 1] @ r)
        beside[k] = np.linalg.norm(r)
        t = np.diag(diagonal[: k + 1]) + np.diag(beside[:k], 1) + np.diag(beside[:k], -1)
        values, vectors = np.linalg.eigh(t)
        low, high = float(values[0]), float(values[-1])
        scale = max(abs(low), abs(high))
        low_error, high_error = (float(beside[k] * abs(vectors[-1, i])) for i in (0, -1))
        if k + 1 == steps or (k >= 20 and max(low_error, high_error) <= 1e-8 * scale):
            break
        if beside[k] <= 1e-9 * scale or beside[k] == 0:  # an invariant subspace: go on outside of it
            beside[k] = 0.0
            r = rng.standard_normal(size)
            for _ in range(2):
                r -= basis[: k + 1].T @ (basis[: k + 1] @ r)
        v = r / np.linalg.norm(r)
    if k + 1 == size:
        low_error = high_error = 0.0
    return low, high, low_error, high_error, k + 1


def _product(op: str, name: str, value: Any, size: int) -> Array:
    """What a function of the caller's made of a vector: a new one of the same length."""
    product = real(op, f"what {name} returned", value)
    if product.size != size:
        raise ValueError(f"{op}: {name} returned {product.shape}, expected ({size},)")
    return product.reshape(-1).copy()
