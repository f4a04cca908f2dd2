"""Is this the gradient of that function? Central differences, the complex step, or the Taylor remainder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from densekit._arrays import flag, number, one_of, real, whole
from densekit._checks import given, short
from densekit.diagnostics._objective import Array, Objective, objective

_HALVINGS = 26
# A remainder this many times the rounding of the values counts as seen; below it the digits are noise.
_ABOVE_ROUNDING = 200
_WINDOW = 6  # of the smallest steps above rounding, where the expansion holds best
_SLOPES = (0.9, 1.9, 2.9)  # least that R0, R1, R2 must fall with; R0 is only shown


@dataclass(frozen=True)
class GradCheck:
    """passed: the verdict, also what `bool` says. evaluations: of the function alone; gradients: with its gradient."""

    method: str
    passed: bool
    message: str
    evaluations: int
    gradients: int

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return f"gradcheck({self.method}): {'passed' if self.passed else 'FAILED'}. {self.message}"


@dataclass(frozen=True)
class TaylorCheck(GradCheck):
    """h: step lengths (k,), halving. remainders: (directions, 2 or 3, k), R0, R1, R2. slopes: (directions, 2 or 3).

    A slope is NaN where the remainder is at rounding for every h. rounding: (directions, k).
    """

    h: Array = field(repr=False)
    remainders: Array = field(repr=False)
    rounding: Array = field(repr=False)
    slopes: Array


@dataclass(frozen=True)
class CoordinateCheck(GradCheck):
    """coordinates: which elements. numeric, analytic: their derivatives. worst: the element that differs most.

    error: abs(numeric − analytic) / max(abs(numeric), abs(analytic)) of that element.
    """

    coordinates: Array = field(repr=False)
    numeric: Array = field(repr=False)
    analytic: Array = field(repr=False)
    worst: str
    error: float


def gradcheck(
    fn: Any,
    *at: Any,
    method: Literal["taylor", "central", "complex"] = "taylor",
    gradient: Callable[[Array], ArrayLike] | None = None,
    hvp: Callable[[Array, Array], ArrayLike] | Literal["central"] | None = None,
    directions: int = 3,
    coordinates: int | None = None,
    rtol: float | None = None,
    training: bool = True,
    seed: int = 0,
) -> Any:
    """Compares a gradient with the function: gradcheck(fn, w), or gradcheck(model, X, y).

    fn: of w (any shape) to (value, gradient); or to the value alone, with gradient=, a function of w. A compiled model
    is checked on these rows in a float64 copy: loss and penalties, all trainable parameters, batch norm and dropout as
    in training (one mask) or with training=False as in inference.

    method "taylor": along random directions v with h halving, R0 = abs(f(w + hv) − f(w)) falls with slope 1 and
    R1 = abs(f(w + hv) − f(w) − h⟨g, v⟩) with slope 2 if and only if g is the gradient; with `hvp`,
    R2 = abs(… − h²⟨v, Hv⟩/2) with slope 3. Passed: the slope of R1 is at least 1.9 (R2: 2.9), fitted at the smallest h
    above rounding, median over the directions; or R1 is at rounding for every h. Needs no choice of h, and about 30
    evaluations a direction. hvp: hvp(w, v) = Hv, or "central" for differences of gradients; for smooth functions.
    "central": (f(w + h) − f(w − h)) / 2h for each of `coordinates` random elements (None: all), within `rtol` (1e-5).
    "complex": Im f(w + ih) / h with h = 1e-200, exact to rounding (rtol 1e-10), for functions that take complex w.
    Returns a TaylorCheck or a CoordinateCheck, true if it passed.

    >>> from densekit.diagnostics import gradcheck
    >>> gradcheck(lambda w: ((w**4).sum(), 4 * w**3), np.array([1.0, 2.0])).slopes.round(2)[0]
    array([1., 2.])
    >>> bool(gradcheck(lambda w: ((w**4).sum(), 8 * w**3), np.array([1.0, 2.0])))
    False
    """
    name = "gradcheck"
    one_of(name, "method", method, ("taylor", "central", "complex"))
    directions = whole(name, "directions", directions, low=1)
    target = objective(name, fn, at, gradient, flag(name, "training", training))
    rng = np.random.default_rng(whole(name, "seed", seed))
    if method == "taylor":
        return _taylor(target, hvp, directions, rng)
    if hvp is not None:
        raise TypeError(f"gradcheck: hvp is for method='taylor', got method={short(method)}")
    if method == "complex" and target.real:
        raise TypeError("gradcheck: a model takes real numbers only; write method='taylor' or 'central'")
    count = target.point.size
    wanted = count if coordinates is None else min(count, whole(name, "coordinates", coordinates, low=1))
    places = np.arange(count) if wanted == count else np.sort(rng.choice(count, wanted, replace=False))
    default = 1e-5 if method == "central" else 1e-10
    if target.point.dtype == np.float32:
        default = 2e-2 if method == "central" else 1e-4
    return _by_coordinate(target, method, places, default if rtol is None else number(name, "rtol", rtol, low=0))


# Along directions.


def _taylor(f: Objective, hvp: Any, directions: int, rng: np.random.Generator) -> TaylorCheck:
    w, eps = f.point, float(np.finfo(f.point.dtype).eps)
    start, g = f.gradient(w)
    if not np.isfinite(start) or not np.isfinite(g).all():
        raise ArithmeticError(f"gradcheck: the value is {start} at w, and its gradient must be finite, too")
    h = 0.5 ** np.arange(2, 2 + _HALVINGS)
    order = 2 if hvp is None else 3
    remainders = np.empty((directions, order, len(h)))
    rounding = np.empty((directions, len(h)))
    slopes = np.full((directions, order), np.nan)
    for d in range(directions):
        v = rng.standard_normal(w.size).astype(w.dtype)
        v *= max(1.0, float(np.linalg.norm(w))) / float(np.linalg.norm(v))
        first = float(np.dot(g.astype(np.float64), v))
        second = float(np.dot(v.astype(np.float64), _curvature(f, hvp, v))) if hvp is not None else 0.0
        with np.errstate(all="ignore"):  # far away the function may overflow; such steps are left out
            values = np.array([float(f.value((w + step * v).astype(w.dtype))) for step in h])
            change = values - start
            rests = [change, change - h * first, change - h * first - h**2 * second / 2]
            remainders[d] = np.abs(rests[:order])
        # The value is rounded, and so is the point: w + hv moves by eps · abs(w) and the value by its slope.
        moved = float(np.abs(g.astype(np.float64) * w).sum())
        rounding[d] = eps * (np.fmax(np.abs(values), abs(start)) + moved + h * abs(first) + h**2 * abs(second))
        for k in range(order):
            slopes[d, k] = _slope(h, remainders[d, k], _ABOVE_ROUNDING * rounding[d])
    # The median: along a single direction two terms of the expansion may cancel, or a kink lie close.
    typical = np.median(np.where(np.isnan(slopes), np.inf, slopes), axis=0)
    failures = [
        f"R{k} falls with slope {typical[k]:.2f}, expected {k + 1}" for k in range(1, order) if typical[k] < _SLOPES[k]
    ]
    message = "; ".join(failures) or _what_was_seen(typical)
    if failures and failures[0].startswith("R1"):
        message += ": the gradient is not that of the function, or w is at a kink, as a ReLU of exactly 0"
    return TaylorCheck("taylor", not failures, message, f.values, f.gradients, h, remainders, rounding, slopes)


def _curvature(f: Objective, hvp: Any, v: Array) -> Array:
    if isinstance(hvp, str) and hvp == "central":
        return f.hessian_times(v).astype(np.float64)
    if not callable(hvp):
        raise TypeError(f"gradcheck: hvp must be a function of (w, v) or 'central', got {given(hvp)}")
    found = real("gradcheck", "what hvp returned", hvp(f.point, v))
    if found.size != v.size:
        raise ValueError(f"gradcheck: hvp returned {found.shape}, expected {v.shape}")
    return found.reshape(-1)


def _slope(h: Array, rest: Array, floor: Array) -> float:
    """That of log rest over log h at the smallest steps above the floor; NaN if the rest is at rounding."""
    seen = np.flatnonzero(np.isfinite(rest) & (rest > floor))
    if len(seen) < 3:
        return float("nan")
    use = seen[-_WINDOW:]
    return float(np.polyfit(np.log2(h[use]), np.log2(rest[use]), 1)[0])


def _what_was_seen(typical: Array) -> str:
    return ", ".join(
        f"R{k} slope {slope:.2f}" if np.isfinite(slope) else f"R{k} at rounding" for k, slope in enumerate(typical)
    )


# Element by element.


def _by_coordinate(f: Objective, method: str, places: Array, rtol: float) -> CoordinateCheck:
    start, g = f.gradient(f.point)
    derivative = _central if method == "central" else _complex
    numeric = np.array([derivative(f, int(i)) for i in places])
    analytic = g[places].astype(np.float64)
    larger = np.maximum(np.abs(numeric), np.abs(analytic))
    gap = np.abs(numeric - analytic)
    eps = float(np.finfo(f.point.dtype).eps)
    # What rounding alone may do to a difference of two values of this size.
    floor = 20 * abs(start) * eps ** (2 / 3) if method == "central" else 20 * abs(start) * eps
    excess = gap - floor
    error = np.divide(gap, larger, out=np.zeros_like(gap), where=larger > 0)
    bad = ~(excess <= rtol * larger)  # NaN is bad
    worst = int(np.argmax(np.where(np.isnan(gap), np.inf, excess - rtol * larger)))
    where = f.place(int(places[worst]))
    message = (
        f"{len(places)} of {f.point.size} elements, worst {where}: numeric {numeric[worst]:.6g}, "
        f"analytic {analytic[worst]:.6g}"
    )
    if bad.any():
        message = f"{int(bad.sum())} differ by more than {rtol:g}; " + message
    return CoordinateCheck(
        method,
        not bad.any(),
        message,
        f.values,
        f.gradients,
        places,
        numeric,
        analytic,
        where,
        float(error[worst]),
    )


def _central(f: Objective, i: int) -> float:
    h = np.cbrt(np.finfo(f.point.dtype).eps) * max(1.0, abs(float(f.point[i])))
    up, down = f.point.copy(), f.point.copy()
    up[i] += h
    down[i] -= h
    return float((float(f.value(up)) - float(f.value(down))) / (float(up[i]) - float(down[i])))


def _complex(f: Objective, i: int) -> float:
    h = 1e-200 if f.point.dtype == np.float64 else 1e-30
    w = f.point.astype(np.complex128 if f.point.dtype == np.float64 else np.complex64)
    w[i] += 1j * h
    try:
        value = f.value(w)
    except TypeError as error:
        raise TypeError(f"gradcheck: method='complex' needs a function that takes complex w: {error}") from error
    if not np.iscomplexobj(value):
        raise TypeError(
            "gradcheck: the function made real numbers of complex ones (abs, float, max …); write method='taylor'"
        )
    return float(np.imag(value) / h)
