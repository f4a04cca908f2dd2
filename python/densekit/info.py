"""Surprisal, entropy, cross entropy, Kullback-Leibler divergence and perplexity of distributions, in nats or any base.

Results go to `out=` where it is given. densekit.reference.info has the same names and signatures in plain NumPy;
`frequencies` makes distributions of labels. The loss of logits is functional.softmax_cross_entropy.

A box of 999 black balls and 1 white one: a black ball tells next to nothing, the white one 10 bits, and a draw on
average a hundredth of a bit.

>>> from densekit import info
>>> box = info.frequencies(["black"] * 999 + ["white"])
>>> info.surprisal(box, base=2).round(6)
array([1.443000e-03, 9.965784e+00])
>>> round(float(info.entropy(box, base=2)), 6)
0.011408

Cross entropy is entropy and divergence: H(p, q) = H(p) + KL(p || q).

>>> p, q = [0.5, 0.5], [0.25, 0.75]
>>> bool(np.isclose(info.cross_entropy(p, q), info.entropy(p) + info.kl(p, q)))
True
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from densekit import _core
from densekit._arrays import Out, Output, contiguous, floats, number, same_shape
from densekit._checks import short
from densekit._intake import as_labels
from densekit.functional._distributions import distributions, finished
from densekit.functional.losses import require_range
from densekit.functional.softmax import _axis
from densekit.reference import info as twins
from densekit.registry import Call, Tolerance, op, vectors


def _per_nat(name: str, base: float | None) -> float:
    if base is None:
        return 1.0
    base = number(name, "base", base, low=0, open_low=True)
    if base == 1:
        raise ValueError(f"{name}: base is 1, which has no logarithm")
    return 1.0 / math.log(base)


@op(reference=twins.surprisal, domain=vectors(1e-30, 1), tolerance=Tolerance(ulps=3))
def surprisal(p: ArrayLike, *, base: float | None = None, out: Out = None) -> NDArray[Any]:
    """Surprisal (self-information) of each probability: I = -log p.

    p: probabilities in [0, 1], any shape; 0 gives infinity. base: of the logarithm, greater than 0 and not 1: None
    gives nats, 2 bits. Shannon, Bell Syst. Tech. J. 27 (1948).

    >>> densekit.info.surprisal([0.999, 0.001], base=2).round(6)
    array([1.443000e-03, 9.965784e+00])
    """
    name = "surprisal"
    (x,) = floats(name, "p", p)
    require_range(name, "p", x, 0, 1, "a probability from 0 to 1", nan=False)
    y = Output(name, out, x.shape, x.dtype, (x,), elementwise=True)
    _core.surprisal(contiguous(x), y.target, _per_nat(name, base))
    return y.done()


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
    from_rows = distributions(name, "p", first, axis)
    to_rows = None if second is None else distributions(name, "q", second, axis)
    shape = first.shape[:axis] + first.shape[axis + 1 :]
    y = Output(name, out, shape, first.dtype, (first, second))
    _core.information(kind, from_rows, to_rows, y.target.reshape(-1), factor, exponential)
    return finished(y.done(), out)


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


@op(reference=twins.entropy, domain=_one_distribution, tolerance=Tolerance(ulps=1, epsilons=2, scale=_parts))
def entropy(p: ArrayLike, *, axis: int = -1, base: float | None = None, out: Out = None) -> Any:
    """Entropy, the expected surprisal: H(p) = -sum p log p along an axis, 0 log 0 = 0.

    p: probabilities that sum to 1 along axis, within the square root of the dtype's eps (ValueError otherwise: nothing
    is normalised silently). base: None gives nats, 2 bits. Result: p's shape without axis, summed in float64.
    Shannon, Bell Syst. Tech. J. 27 (1948).

    >>> round(float(densekit.info.entropy([0.999, 0.001], base=2)), 6)
    0.011408
    """
    return _information("entropy", _core.RowInformation.entropy, p, None, axis, base, out, optional=True)


@op(reference=twins.cross_entropy, domain=_two_distributions, tolerance=Tolerance(ulps=1, epsilons=2, scale=_parts))
def cross_entropy(p: ArrayLike, q: ArrayLike, *, axis: int = -1, base: float | None = None, out: Out = None) -> Any:
    """Cross entropy of given distributions: H(p, q) = -sum p log q = H(p) + KL(p || q) along an axis, 0 log 0 = 0.

    p, q: probabilities of one shape, checked as entropy does. p > 0 where q = 0 gives infinity. base: None gives
    nats, 2 bits. (The loss of logits is softmax_cross_entropy.)

    >>> float(densekit.info.cross_entropy([0.5, 0.5], [0.25, 0.75], base=2).round(6))
    1.207519
    """
    return _information("cross_entropy", _core.RowInformation.cross_entropy, p, q, axis, base, out)


@op(reference=twins.kl, domain=_two_distributions, tolerance=Tolerance(ulps=1, epsilons=2, scale=_parts))
def kl(p: ArrayLike, q: ArrayLike, *, axis: int = -1, base: float | None = None, out: Out = None) -> Any:
    """Kullback-Leibler divergence of p from q: KL(p || q) = sum p log(p / q) along an axis, 0 log 0 = 0.

    p, q: probabilities of one shape, checked as entropy does. p > 0 where q = 0 gives infinity. base: None gives
    nats, 2 bits. Kullback and Leibler, Ann. Math. Statist. 22 (1951).

    >>> float(densekit.info.kl([0.5, 0.5], [0.25, 0.75], base=2).round(6))
    0.207519
    """
    return _information("kl", _core.RowInformation.kl, p, q, axis, base, out)


@op(
    reference=twins.perplexity,
    domain=_two_distributions,
    # An error of the exponent times the result.
    tolerance=Tolerance(ulps=2, epsilons=2, scale=lambda call, expected: expected * _parts(call, expected)),
)
def perplexity(p: ArrayLike, q: ArrayLike | None = None, *, axis: int = -1, out: Out = None) -> Any:
    """Perplexity: e^H(p), or e^H(p, q) with a second distribution, along an axis; the base cancels.

    p, q: probabilities of one shape, checked as entropy does. K equal probabilities have perplexity K.
    Jelinek et al., J. Acoust. Soc. Am. 62 (1977).

    >>> round(float(densekit.info.perplexity([0.25, 0.25, 0.25, 0.25])), 6)
    4.0
    """
    kind = _core.RowInformation.entropy if q is None else _core.RowInformation.cross_entropy
    return _information("perplexity", kind, p, q, axis, None, out, exponential=True, optional=True)


def frequencies(labels: Any) -> NDArray[np.float64]:
    """The share of each different value, in sorted order: a distribution for the functions of this module.

    labels: words or numbers, any shape, at least one.

    >>> densekit.info.frequencies([2, 0, 0, 2])
    array([0.5, 0.5])
    """
    values = as_labels("frequencies", "labels", labels)
    if values.size == 0:
        raise ValueError(f"frequencies: labels are {values.shape}: there are none")
    if values.dtype == object:
        values = np.array([short(one, 1000) for one in values.ravel()])
    counts = np.unique(values, return_counts=True)[1]
    return np.asarray(counts / values.size)


__all__ = ["cross_entropy", "entropy", "frequencies", "kl", "perplexity", "surprisal"]
