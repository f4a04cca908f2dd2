"""Likelihoods as functions of the parameters, with the data fixed, in nats."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core, reference
from densekit._arrays import Floats, Out, Output, _as_array, contiguous, floats, one_of
from densekit._checks import short
from densekit.functional._distributions import distributions, finished
from densekit.functional.losses import require_range
from densekit.registry import Call, Tolerance, op

# What each distribution takes: its parameters, each with (lowest, highest, whether the lowest is excluded).
_ANY, _POSITIVE, _PROBABILITY = (-math.inf, math.inf, False), (0.0, math.inf, True), (0.0, 1.0, False)
_PARAMETERS: dict[str, dict[str, tuple[float, float, bool]]] = {
    "gaussian": {"mean": _ANY, "std": _POSITIVE},
    "laplace": {"mean": _ANY, "scale": _POSITIVE},
    "bernoulli": {"p": _PROBABILITY},
    "categorical": {"p": _PROBABILITY},
    "poisson": {"rate": (0.0, math.inf, False)},
    "exponential": {"rate": _POSITIVE},
}


def _parameters(name: str, distribution: str, given: dict[str, Any]) -> list[NDArray[np.float64]]:
    ranges = _PARAMETERS[distribution]
    call = f"{distribution} takes {' and '.join(ranges)}"
    for parameter in given:
        if parameter not in ranges:
            raise TypeError(f"{name}: {distribution} has no parameter {short(parameter)}; {call}")
    missing = [parameter for parameter in ranges if parameter not in given]
    if missing:
        raise TypeError(f"{name}: {' and '.join(missing)} missing; {call}")
    values = []
    for parameter, (low, high, open_low) in ranges.items():
        value = _as_array(name, parameter, given[parameter]).astype(np.float64)
        bad = np.isnan(value) | (value < low) | (value > high) | (open_low & (value == low))
        if bad.any():
            at = np.unravel_index(int(bad.argmax()), bad.shape)
            index = f"[{', '.join(map(str, at))}]" if at else ""
            left, right = "(" if open_low or low == -math.inf else "[", ")" if high == math.inf else "]"
            raise ValueError(
                f"{name}: {parameter}{index} is {value[at]}, expected a number in {left}{low:g}, {high:g}{right}"
            )
        values.append(value)
    return values


def _data(name: str, distribution: str, data: ArrayLike) -> Floats:
    x: NDArray[Any] = floats(name, "data", data)[0]
    if x.ndim != 1:
        raise ValueError(f"{name}: data are {x.shape}, expected (n,)")
    if distribution == "exponential":
        require_range(name, "data", x, 0, math.inf, "a number, 0 or more", nan=True)
    elif distribution in ("bernoulli", "poisson", "categorical"):
        high = 1 if distribution == "bernoulli" else math.inf
        expected = "0 or 1" if high == 1 else "a whole number, 0 or more"
        require_range(name, "data", x, 0, high, expected, nan=False)
        bad = x != np.floor(x)
        if bad.any() or np.isinf(x).any():
            at = int((bad | np.isinf(x)).argmax())
            raise ValueError(f"{name}: data[{at}] is {x[at]}, expected {expected}")
    return x


def _likelihood(
    name: str, distribution: str, data: ArrayLike, parameters: dict[str, Any], out: Out, exponential: bool
) -> Any:
    one_of(name, "distribution", distribution, tuple(_PARAMETERS))
    values = _parameters(name, distribution, parameters)
    x = _data(name, distribution, data)
    if distribution == "categorical":
        return _categorical(name, x, values[0], out, exponential)
    try:
        first, second = np.broadcast_arrays(values[0], values[-1])
    except ValueError:
        shapes = " but ".join(f"{n} is {v.shape}" for n, v in zip(_PARAMETERS[distribution], values, strict=True))
        raise ValueError(f"{name}: {shapes}, which do not broadcast") from None
    y = Output(name, out, first.shape, x.dtype, (x,))
    kind = _core.Distribution.__members__[distribution]
    _core.log_likelihood(
        kind, contiguous(x), np.ascontiguousarray(first).reshape(-1), np.ascontiguousarray(second).reshape(-1),
        y.target.reshape(-1), exponential,
    )  # fmt: skip
    return finished(y.done(), out)


def _categorical(name: str, x: Floats, p: NDArray[np.float64], out: Out, exponential: bool) -> Any:
    if p.ndim == 0 or p.shape[-1] == 0:
        raise ValueError(f"{name}: p is {p.shape}, expected (..., classes)")
    classes = p.shape[-1]
    require_range(name, "data", x, 0, classes - 1, f"a class from 0 to {classes - 1}", nan=False)
    rows = distributions(name, "p", p, p.ndim - 1)
    counts = np.bincount(x.astype(np.int64), minlength=classes).astype(np.float64)
    y = Output(name, out, p.shape[:-1], x.dtype, (x,))
    _core.categorical_log_likelihood(counts, rows, y.target.reshape(-1), exponential)
    return finished(y.done(), out)


def _surface(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    data = rng.normal(3, 2, size).astype(dtype)
    return Call(("gaussian", data), {"mean": np.linspace(2, 4, 5)[:, None], "std": np.linspace(1, 3, 4)})


def _likelihood_surface(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    call = _surface(rng, dtype, size % 17)  # more data underflow to 0, so the grid grows instead
    return Call(call.args, call.kwargs | {"mean": np.linspace(2, 4, 5 + size // 100)[:, None]})


def _squares(call: Call, expected: Any) -> Any:
    """The size of the terms: float32 data are summed in float64, and only the result is rounded, see `ulps`."""
    x, mean, std = call.args[1], call.kwargs["mean"][..., None], call.kwargs["std"][..., None]
    size = (((x - mean) / std) ** 2 / 2 + abs(np.log(std)) + 1).sum(axis=-1)
    chain = min(x.size, 4096) / 2 + x.size / 4096  # additions at two lanes, each rounded by half an eps
    return size * (8 + chain / 2) * (1.0 if x.dtype == np.float64 else 2.0**-29)


@op(reference=reference.log_likelihood, domain=_surface, tolerance=Tolerance(ulps=1, epsilons=1, scale=_squares))
def log_likelihood(distribution: str, data: ArrayLike, *, out: Out = None, **parameters: ArrayLike) -> Any:
    """Log-likelihood of the parameters, given independent data: the sum over data of the log-density, in nats.

    distribution: "gaussian" (mean, std), "laplace" (mean, scale), "bernoulli" (p), "categorical" (p, the last axis is
    the classes, which sum to 1), "poisson" (rate) or "exponential" (rate). data: (n,), of whole numbers for bernoulli,
    categorical and poisson. The parameters broadcast among themselves, so arrays give the likelihood surface, of their
    shape (one number for numbers), with the dtype of data (float64 for integers); sums are carried in float64.
    Fisher, Phil. Trans. R. Soc. A 222 (1922).

    >>> data = [1.0, 2.0, 3.0]
    >>> round(float(densekit.functional.log_likelihood("gaussian", data, mean=2.0, std=1.0)), 6)
    -3.756816
    >>> densekit.functional.log_likelihood("bernoulli", [1, 1, 0], p=[0.5, 2 / 3]).round(6)
    array([-2.079442, -1.909543])
    """
    return _likelihood("log_likelihood", distribution, data, parameters, out, False)


@op(
    reference=reference.likelihood,
    domain=_likelihood_surface,
    # An error of the exponent times the result.
    tolerance=Tolerance(ulps=2, epsilons=1, scale=lambda call, expected: expected * _squares(call, expected)),
)
def likelihood(distribution: str, data: ArrayLike, *, out: Out = None, **parameters: ArrayLike) -> Any:
    """Likelihood of the parameters, given independent data: the product of the densities, e^log_likelihood.

    A function of the parameters with the data fixed, which does not integrate to 1 over them. Arguments as
    log_likelihood. Much data underflow to 0: use log_likelihood there.

    >>> densekit.functional.likelihood("bernoulli", [1, 1, 0], p=[0.0, 0.5, 1.0])
    array([0.   , 0.125, 0.   ])
    """
    return _likelihood("likelihood", distribution, data, parameters, out, True)


__all__ = ["likelihood", "log_likelihood"]
