"""A playground in two dimensions: surfaces with known minima, and the paths of every optimizer over them.

>>> from densekit import optim2d
>>> path = optim2d.trajectory("rosenbrock", "adam", start=(-1.5, 2.0), steps=2000, lr=0.05)
>>> bool(path.reached)
True
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import functional as F
from densekit._arrays import number, one_of, vector, whole
from densekit._checks import short
from densekit.reference import optimizers as formulas
from densekit.reference._twin import twins
from densekit.reference.optimizers import states_of

Array: TypeAlias = NDArray[np.float64]
OPTIMIZERS = tuple(twins(formulas))


@dataclass(frozen=True)
class Surface:
    """value(x, y) and gradient(x, y) → (∂x, ∂y), for arrays of one shape. minima: (k, 2), the global ones; none for a
    saddle. low, high: of both axes, for pictures and random starts."""

    name: str
    value: Callable[[Any, Any], Any]
    gradient: Callable[[Any, Any], tuple[Any, Any]]
    minima: Array
    low: float
    high: float
    about: str

    def at(self, w: ArrayLike) -> tuple[float, Array]:
        """(value, gradient) at a point w = (x, y), as `gradcheck` and `stationary_point` take them."""
        x, y = np.asarray(w, np.float64)
        return float(self.value(x, y)), np.array(self.gradient(x, y), np.float64)


def _saddle() -> Surface:
    return Surface(
        "saddle",
        lambda x, y: x**2 - y**2,
        lambda x, y: (2 * x, -2 * y),
        np.empty((0, 2)),
        -2.0,
        2.0,
        "x² − y²: stationary at 0, but no minimum; whoever starts exactly on y = 0 stays there",
    )


def _beale() -> Surface:
    factors = ((1.5, 1), (2.25, 2), (2.625, 3))

    def value(x: Any, y: Any) -> Any:
        return sum((c - x + x * y**k) ** 2 for c, k in factors)

    def gradient(x: Any, y: Any) -> tuple[Any, Any]:
        rests = [(c - x + x * y**k, k) for c, k in factors]
        return sum(2 * r * (y**k - 1) for r, k in rests), sum(2 * r * x * k * y ** (k - 1) for r, k in rests)

    minima = np.array([[3.0, 0.5]])
    return Surface("beale", value, gradient, minima, -4.5, 4.5, "flat valleys between steep walls")


def _rosenbrock() -> Surface:
    return Surface(
        "rosenbrock",
        lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
        lambda x, y: (-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)),
        np.array([[1.0, 1.0]]),
        -2.0,
        3.0,
        "a bent valley: easy to reach, slow to follow",
    )


def _himmelblau() -> Surface:
    minima = [[3.0, 2.0], [-2.805118086952745, 3.131312518250573]]
    minima += [[-3.779310253377747, -3.283185991286170], [3.584428340330492, -1.848126526964404]]
    return Surface(
        "himmelblau",
        lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
        lambda x, y: (
            4 * x * (x**2 + y - 11) + 2 * (x + y**2 - 7),
            2 * (x**2 + y - 11) + 4 * y * (x + y**2 - 7),
        ),
        np.array(minima),
        -5.0,
        5.0,
        "four minima of the same depth",
    )


def _rastrigin() -> Surface:
    tau = 2 * np.pi
    return Surface(
        "rastrigin",
        lambda x, y: 20 + x**2 - 10 * np.cos(tau * x) + y**2 - 10 * np.cos(tau * y),
        lambda x, y: (2 * x + 10 * tau * np.sin(tau * x), 2 * y + 10 * tau * np.sin(tau * y)),
        np.zeros((1, 2)),
        -5.12,
        5.12,
        "a local minimum near every pair of whole numbers, one of them global",
    )


SURFACES: dict[str, Surface] = {s.name: s for s in (_saddle(), _beale(), _rosenbrock(), _himmelblau(), _rastrigin())}


def surface(which: str | Surface) -> Surface:
    """One of `SURFACES` by its name."""
    return which if isinstance(which, Surface) else SURFACES[one_of("optim2d", "surface", which, list(SURFACES))]


@dataclass(frozen=True)
class Trajectory:
    """points: (steps + 1, 2) from the start on, shorter if it left for infinity. values: of the surface.

    path_length: sum of the steps. displacement: from start to end. reached: whether the end is near a global minimum.
    """

    surface: Surface
    optimizer: str
    points: Array
    values: Array
    reached: bool

    @property
    def path_length(self) -> float:
        return float(np.linalg.norm(np.diff(self.points, axis=0), axis=1).sum())

    @property
    def displacement(self) -> float:
        return float(np.linalg.norm(self.points[-1] - self.points[0]))


# Rates that get somewhere on most of the surfaces.
_RATES = {"sgd": 1e-3, "momentum": 1e-3, "nesterov": 1e-3, "adadelta": 1.0, "adagrad": 0.5, "lion": 0.01}


def trajectory(
    which: str | Surface,
    optimizer: str = "adam",
    *,
    start: ArrayLike = (-1.5, 2.0),
    steps: int = 200,
    lr: float | None = None,
    within: float = 0.1,
    **options: Any,
) -> Trajectory:
    """The path of an optimizer (`OPTIMIZERS`) over a surface, by the updates of densekit.functional in float64.

    start: (x, y). lr: None takes one that suits the optimizer. options: its hyper-parameters, e.g. momentum=0.9.
    within: distance from a global minimum at the end that counts as reached. It ends early where the point is no longer
    finite.

    >>> densekit.optim2d.trajectory("saddle", "sgd", start=(1.0, 0.0), steps=2, lr=0.25).points
    array([[1.  , 0.  ],
           [0.5 , 0.  ],
           [0.25, 0.  ]])
    """
    name = "trajectory"
    target = surface(which)
    one_of(name, "optimizer", optimizer, OPTIMIZERS)
    steps, within = whole(name, "steps", steps, low=1), number(name, "within", within, low=0)
    rate = _RATES.get(optimizer, 0.05) if lr is None else number(name, "lr", lr, low=0)
    point = vector(name, "start", start).copy()
    if point.shape != (2,) or not np.isfinite(point).all():
        raise ValueError(f"{name}: start must be two finite numbers (x, y), got {short(start)}")
    step = _stepper(name, optimizer, point.shape, rate, options)
    points = [point.copy()]
    with np.errstate(all="ignore"):
        for count in range(1, steps + 1):
            step(point, np.array(target.gradient(point[0], point[1]), np.float64), count)
            if not np.isfinite(point).all() or np.abs(point).max() > 1e8:
                break
            points.append(point.copy())
    path = np.array(points)
    return Trajectory(
        target, optimizer, path, target.value(path[:, 0], path[:, 1]), bool(_near(target, path[-1], within))
    )


def _stepper(
    name: str, optimizer: str, shape: tuple[int, ...], rate: float, options: dict[str, Any]
) -> Callable[[Array, Array, int], None]:
    """One update in place, with states of its own: step(w, dw, number)."""
    update = getattr(F, optimizer)
    known = inspect.signature(update).parameters
    settings = [k for k, p in known.items() if p.kind is p.KEYWORD_ONLY and k not in ("lr", "step")]
    for key in options:
        one_of(name, "option", key, settings)
    states = {state: np.zeros(shape) for state in states_of(optimizer, options)}

    def step(w: Array, dw: Array, count: int) -> None:
        update(w, dw, **states, lr=rate, **({"step": count} if "step" in known else {}), **options)

    return step


def _near(target: Surface, points: Array, within: float) -> Any:
    """Whether each point (…, 2) is within reach of a global minimum."""
    gaps = np.linalg.norm(points[..., None, :] - target.minima, axis=-1)
    return (gaps <= within).any(axis=-1)


@dataclass(frozen=True)
class Restarts:
    """Of many single starts: `share` of them reach a global minimum, p. rates[n − 1]: how often the best of n starts
    does, counted over trials // n groups; expected: 1 − (1 − p)ⁿ."""

    starts: Array
    ends: Array
    reached: NDArray[np.bool_]
    share: float
    rates: Array
    expected: Array


def restart_rates(
    which: str | Surface,
    optimizer: str = "adam",
    *,
    most: int = 10,
    trials: int = 1000,
    steps: int = 300,
    lr: float | None = None,
    within: float = 0.1,
    seed: int = 0,
    **options: Any,
) -> Restarts:
    """How much restarts help: the share of n random starts whose best end is a global minimum, for n = 1 … `most`.

    trials: single starts, at least `most`, drawn evenly from the surface's square and taken n at a time. The other
    arguments are those of `trajectory`.

    >>> found = densekit.optim2d.restart_rates("himmelblau", most=2, trials=10, steps=300)
    >>> found.share, found.expected.tolist()
    (1.0, [1.0, 1.0])
    """
    name = "restart_rates"
    target = surface(which)
    most = whole(name, "most", most, low=1)
    trials = whole(name, "trials", trials, low=most)
    rng = np.random.default_rng(whole(name, "seed", seed))
    one_of(name, "optimizer", optimizer, OPTIMIZERS)
    starts = rng.uniform(target.low, target.high, (trials, 2))
    ends = starts.copy()
    rate = _RATES.get(optimizer, 0.05) if lr is None else number(name, "lr", lr, low=0)
    step = _stepper(name, optimizer, ends.shape, rate, options)  # updates go element by element: all starts at once
    with np.errstate(all="ignore"):
        for count in range(1, whole(name, "steps", steps, low=1) + 1):
            step(ends, np.stack(target.gradient(ends[:, 0], ends[:, 1]), axis=1), count)
        reached = _near(target, ends, number(name, "within", within, low=0))
    share = float(reached.mean())
    groups = (reached[: trials // n * n].reshape(-1, n) for n in range(1, most + 1))
    rates = [float(group.any(axis=1).mean()) for group in groups]
    expected: Array = 1 - (1 - share) ** np.arange(1, most + 1, dtype=np.float64)
    return Restarts(starts, ends, reached, share, np.array(rates), expected)


__all__ = ["OPTIMIZERS", "SURFACES", "Restarts", "Surface", "Trajectory", "restart_rates", "surface", "trajectory"]
