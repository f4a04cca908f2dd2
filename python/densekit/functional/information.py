"""Surprisal, entropies, and likelihoods as functions of the parameters. Logarithms are natural: nats, or any base."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core, reference
from densekit._arrays import Floats, Out, Output, _as_array, contiguous, floats, number, one_of, same_shape
from densekit.functional.losses import require_range
from densekit.functional.softmax import _as_rows, _axis
from densekit.registry import Call, Tolerance, op, vectors


def _per_nat(name: str, base: float | None) -> float:
    if base is None:
        return 1.0
    base = number(name, "base", base, low=0, open_low=True)
    if base == 1:
        raise ValueError(f"{name}: base is 1, which has no logarithm")
    return 1.0 / math.log(base)


def _finished(result: NDArray[Any], out: Out) -> Any:
    """A NumPy number where nothing but one number is left, as NumPy's own reductions do."""
    return result[()] if out is None and result.ndim == 0 else result


@op(reference=reference.surprisal, domain=vectors(1e-30, 1), tolerance=Tolerance(ulps=3))
def surprisal(p: ArrayLike, *, base: float | None = None, out: Out = None) -> NDArray[Any]:
    """Surprisal (self-information) of each probability: I = -log p.

    p: probabilities in [0, 1], any shape; 0 gives infinity. base: of the logarithm, greater than 0 and not 1: None
    gives nats, 2 bits. Shannon, Bell Syst. Tech. J. 27 (1948).

    >>> densekit.functional.surprisal([0.999, 0.001], base=2).round(6)
    array([1.443000e-03, 9.965784e+00])
    """
    name = "surprisal"
    (x,) = floats(name, "p", p)
    require_range(name, "p", x, 0, 1, "a probability from 0 to 1", nan=False)
    y = Output(name, out, x.shape, x.dtype, (x,), elementwise=True)
    _core.surprisal(contiguous(x), y.target, _per_nat(name, base))
    return y.done()


def _distributions(name: str, argument: str, p: Floats, axis: int) -> Floats:
    """Rows of probabilities that sum to 1 within the square root of the dtype's eps; ValueError otherwise."""
    require_range(name, argument, p, 0, 1, "a probability from 0 to 1", nan=False)
    rows = _as_rows(p, axis)
    sums = np.add.reduce(rows, axis=1, dtype=np.float64)
    bad = np.abs(sums - 1) > math.sqrt(np.finfo(rows.dtype).eps)
    if bad.any():
        at = int(bad.argmax())
        where = f"{argument} {p.shape} sums to {sums[at]:.9g} along axis {axis}" + (
            f" (row {at})" if len(sums) > 1 else ""
        )
        raise ValueError(f"{name}: {where}, expected 1 (divide it by its sum)")
    return rows


def _information(
    name: str,
    kind: Any,
    p: ArrayLike,
    q: ArrayLike | None,
    axis: int,
    base: float | None,
    out: Out,
    *,
    exponential: bool = False,
    optional: bool = False,
) -> Any:
    # Only the entropy (and its perplexity) has no q.
    first, second = (floats(name, "p", p)[0], None) if q is None and optional else floats(name, "p", p, "q", q)
    same_shape(name, "p", first, "q", second)
    axis = _axis(name, axis, first)
    factor = _per_nat(name, base)
    from_rows = _distributions(name, "p", first, axis)
    to_rows = None if second is None else _distributions(name, "q", second, axis)
    shape = first.shape[:axis] + first.shape[axis + 1 :]
    y = Output(name, out, shape, first.dtype, (first, second))
    _core.information(kind, from_rows, to_rows, y.target.reshape(-1), factor, exponential)
    return _finished(y.done(), out)


def _one_distribution(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    p, _ = _two_distributions(rng, dtype, size).args
    return Call((p,))


def _two_distributions(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    """Rows p and q of seven probabilities, with zeros: two in p, one of them in q, too."""
    p, q = (rng.dirichlet(np.ones(7), -(-size // 7)) for _ in range(2))
    p[:, 2] = p[:, 5] = q[:, 5] = 0
    return Call(tuple((a / a.sum(axis=1, keepdims=True)).astype(dtype) for a in (p, q)))


def _parts(call: Call, expected: Any) -> Any:
    """What is summed, in float64; of a float32 input only the result is rounded to float32, which `ulps` allows for."""
    p, q = np.asarray(call.args[0], np.float64), np.asarray(call.args[-1], np.float64)
    if call.args[0].dtype == np.float32:
        return 2.0**-29 * 4
    logs = [abs(np.log(np.where(a > 0, a, 1))) for a in (p, q)]
    return (p * (1 + logs[0] + logs[1])).sum(axis=-1)


@op(reference=reference.entropy, domain=_one_distribution, tolerance=Tolerance(ulps=1, epsilons=2, scale=_parts))
def entropy(p: ArrayLike, *, axis: int = -1, base: float | None = None, out: Out = None) -> Any:
    """Entropy, the expected surprisal: H(p) = -sum p log p along an axis, 0 log 0 = 0.

    p: probabilities that sum to 1 along axis, within the square root of the dtype's eps (ValueError otherwise: nothing
    is normalised silently). base: None gives nats, 2 bits. Result: p's shape without axis, summed in float64.
    Shannon, Bell Syst. Tech. J. 27 (1948).

    >>> round(float(densekit.functional.entropy([0.999, 0.001], base=2)), 6)
    0.011408
    """
    return _information("entropy", _core.RowInformation.entropy, p, None, axis, base, out, optional=True)


@op(reference=reference.cross_entropy, domain=_two_distributions, tolerance=Tolerance(ulps=1, epsilons=2, scale=_parts))
def cross_entropy(p: ArrayLike, q: ArrayLike, *, axis: int = -1, base: float | None = None, out: Out = None) -> Any:
    """Cross entropy of given distributions: H(p, q) = -sum p log q = H(p) + KL(p || q) along an axis, 0 log 0 = 0.

    p, q: probabilities of one shape, checked as entropy does. p > 0 where q = 0 gives infinity. base: None gives
    nats, 2 bits. (The loss of logits is softmax_cross_entropy.)

    >>> float(densekit.functional.cross_entropy([0.5, 0.5], [0.25, 0.75], base=2).round(6))
    1.207519
    """
    return _information("cross_entropy", _core.RowInformation.cross_entropy, p, q, axis, base, out)


@op(reference=reference.kl, domain=_two_distributions, tolerance=Tolerance(ulps=1, epsilons=2, scale=_parts))
def kl(p: ArrayLike, q: ArrayLike, *, axis: int = -1, base: float | None = None, out: Out = None) -> Any:
    """Kullback-Leibler divergence of p from q: KL(p || q) = sum p log(p / q) along an axis, 0 log 0 = 0.

    p, q: probabilities of one shape, checked as entropy does. p > 0 where q = 0 gives infinity. base: None gives
    nats, 2 bits. Kullback and Leibler, Ann. Math. Statist. 22 (1951).

    >>> float(densekit.functional.kl([0.5, 0.5], [0.25, 0.75], base=2).round(6))
    0.207519
    """
    return _information("kl", _core.RowInformation.kl, p, q, axis, base, out)


@op(
    reference=reference.perplexity,
    domain=_two_distributions,
    # An error of the exponent times the result.
    tolerance=Tolerance(ulps=2, epsilons=2, scale=lambda call, expected: expected * _parts(call, expected)),
)
def perplexity(p: ArrayLike, q: ArrayLike | None = None, *, axis: int = -1, out: Out = None) -> Any:
    """Perplexity: e^H(p), or e^H(p, q) with a second distribution, along an axis; the base cancels.

    p, q: probabilities of one shape, checked as entropy does. K equal probabilities have perplexity K.
    Jelinek et al., J. Acoust. Soc. Am. 62 (1977).

    >>> round(float(densekit.functional.perplexity([0.25, 0.25, 0.25, 0.25])), 6)
    4.0
    """
    kind = _core.RowInformation.entropy if q is None else _core.RowInformation.cross_entropy
    return _information("perplexity", kind, p, q, axis, None, out, exponential=True, optional=True)


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
            raise TypeError(f"{name}: {distribution} has no parameter {parameter!r}; {call}")
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
    return _finished(y.done(), out)


def _categorical(name: str, x: Floats, p: NDArray[np.float64], out: Out, exponential: bool) -> Any:
    if p.ndim == 0 or p.shape[-1] == 0:
        raise ValueError(f"{name}: p is {p.shape}, expected (..., classes)")
    classes = p.shape[-1]
    require_range(name, "data", x, 0, classes - 1, f"a class from 0 to {classes - 1}", nan=False)
    rows = _distributions(name, "p", p, p.ndim - 1)
    counts = np.bincount(x.astype(np.int64), minlength=classes).astype(np.float64)
    y = Output(name, out, p.shape[:-1], x.dtype, (x,))
    _core.categorical_log_likelihood(counts, rows, y.target.reshape(-1), exponential)
    return _finished(y.done(), out)


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


__all__ = [
    "cross_entropy",
    "entropy",
    "kl",
    "likelihood",
    "log_likelihood",
    "perplexity",
    "surprisal",
]
