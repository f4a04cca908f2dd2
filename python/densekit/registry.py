"""The register of operations: one record each, from which tests, benchmarks and the documentation table are made.

@op(reference=reference.relu, domain=vectors(-10, 10), tolerance=Tolerance(ulps=0))
def relu(x, *, out=None): ...
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Call:
    """Arguments for one call of an operation."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any] = field(default_factory=dict)


# (generator, dtype, size) -> a call whose main array has about `size` elements or rows; size may be 0.
Domain = Callable[[np.random.Generator, Any, int], Call]
# (call, reference's result in float64) -> what one unit of `epsilons` is measured in, broadcast against the result
Scale = Callable[[Call, NDArray[np.float64]], Any]


@dataclass(frozen=True)
class Tolerance:
    """How far a result may be from the float64 reference: ulps * ulp(result) + epsilons * eps * scale."""

    ulps: float = 0
    epsilons: float = 0
    scale: Scale | None = None  # default: 1, an absolute bound
    unit: str = "1"  # the scale in words, for the documentation

    def allowed(self, call: Call, expected: NDArray[np.float64], dtype: Any) -> Any:
        info = np.finfo(dtype)
        finite = np.where(np.isfinite(expected), np.abs(expected), 0)
        ulp = np.spacing(np.minimum(finite, info.max / 2).astype(dtype)).astype(np.float64)
        ulp = np.where(finite > info.max / 2, 2.0 ** (info.maxexp - 1 - info.nmant), ulp)  # spacing(max) is NaN
        scale = 1.0 if self.scale is None else self.scale(call, expected)
        return self.ulps * ulp + self.epsilons * float(info.eps) * scale


@dataclass(frozen=True)
class Op:
    """One operation: the function, its NumPy twin, where it is tested and how closely it must agree."""

    name: str
    family: str
    function: Callable[..., Any]
    reference: Callable[..., Any]
    domain: Domain
    tolerance: Tolerance | tuple[Tolerance, ...]  # for every result, or one for each
    # What the gradient tests differentiate. `backward_of`: this operation is the vector-Jacobian product of that one.
    # `gradient_of_first`: the result is (loss, gradient with respect to the first argument).
    backward_of: str | None = None
    gradient_of_first: bool = False
    in_place: tuple[str, ...] = ()  # parameters that are updated in place; the function returns None

    def tolerance_of(self, result: int) -> Tolerance:
        return self.tolerance if isinstance(self.tolerance, Tolerance) else self.tolerance[result]

    @property
    def module(self) -> str:
        """Where people find it: densekit.functional or densekit.info; twins are in reference or reference.info."""
        return "densekit.info" if self.function.__module__ == "densekit.info" else "densekit.functional"

    @property
    def summary(self) -> str:
        return (self.function.__doc__ or "").strip().splitlines()[0]


OPS: dict[str, Op] = {}


def op(
    *,
    reference: Callable[..., Any],
    domain: Domain,
    tolerance: Tolerance | tuple[Tolerance, ...],
    backward_of: str | None = None,
    gradient_of_first: bool = False,
    in_place: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Registers a function of densekit.functional or densekit.info under its own name."""

    def register(function: F) -> F:
        name, family = function.__name__, function.__module__.rsplit(".", 1)[-1]
        if name in OPS:
            raise RuntimeError(f"operation {name!r} is registered twice")
        OPS[name] = Op(name, family, function, reference, domain, tolerance, backward_of, gradient_of_first, in_place)
        return function

    return register


# Domains that several operations share.


def vectors(low: float = -10.0, high: float = 10.0, **kwargs: Any) -> Domain:
    """One vector, uniform in [low, high]."""

    def make(rng: np.random.Generator, dtype: Any, size: int) -> Call:
        return Call((rng.uniform(low, high, size).astype(dtype),), dict(kwargs))

    return make


def vector_pairs(low: float = -10.0, high: float = 10.0, **kwargs: Any) -> Domain:
    """Two vectors of one length: standard normal (a gradient from above), and uniform in [low, high]."""

    def make(rng: np.random.Generator, dtype: Any, size: int) -> Call:
        return Call((rng.normal(size=size).astype(dtype), rng.uniform(low, high, size).astype(dtype)), dict(kwargs))

    return make


def matrices(columns: int = 7, low: float = -10.0, high: float = 10.0, **kwargs: Any) -> Domain:
    """A matrix of `size` elements or somewhat more: (size / columns rounded up, columns)."""

    def make(rng: np.random.Generator, dtype: Any, size: int) -> Call:
        shape = (-(-size // columns), columns)
        return Call((rng.uniform(low, high, shape).astype(dtype),), dict(kwargs))

    return make


# Domains and scales of losses of elements.

Magnitude = Callable[[Any, Any], Any]


def predictions(
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


def uniform(low: float, high: float) -> Callable[[np.random.Generator, NDArray[Any]], Any]:
    return lambda rng, p: rng.uniform(low, high, p.shape)


def apart_from(rng: np.random.Generator, p: NDArray[Any]) -> Any:
    """At least 1/2 away, for losses with a kink where prediction and target agree."""
    return p + rng.choice([-1, 1], p.shape) * rng.uniform(0.5, 5, p.shape)


def longest_chain(terms: int, dtype: Any) -> float:
    """How many roundings a float64 sum of blocks of strips of two lanes can collect, in units of the dtype's eps."""
    chain = min(terms, 512) / 2 + 8 + terms / 4096
    return chain / 2 * (1.0 if dtype == np.float64 else 2.0**-29)


def of_parts(loss: Magnitude, slope: Magnitude, epsilons: float = 4) -> Scale:
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


# Where every part is right to some ulp and of one sign.
SUM_ALONE = of_parts(lambda p, t: 0, lambda p, t: 0)
