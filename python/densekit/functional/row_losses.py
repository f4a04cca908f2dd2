"""Losses of rows, one for each sample: classes and distributions. What every loss shares is in losses.py."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from densekit import _core, reference
from densekit._arrays import (
    Floats,
    Out,
    Reduction,
    _as_array,
    flag,
    floats,
    number,
    same_shape,
)
from densekit.functional.losses import (
    Kind,
    Loss,
    _pointwise,
    require_range,
)
from densekit.functional.softmax import reduce_rows, split_targets
from densekit.registry import Call, Tolerance, op


def _log_probabilities(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    rows = max(1, -(-size // 7))
    return Call((np.log(rng.dirichlet(np.ones(7), rows)).astype(dtype), rng.dirichlet(np.ones(7), rows).astype(dtype)))


@op(reference=reference.nll, domain=_log_probabilities, tolerance=Tolerance(ulps=4), gradient_of_first=True)
def nll(
    log_probs: ArrayLike,
    targets: ArrayLike,
    *,
    class_weight: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    ignore_index: int | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> Loss:
    """Negative log-likelihood of the targets under given log-probabilities, with its gradient: -sum_j q_j log p_j.

    log_probs: (n, classes), as log_softmax gives them. targets: class indices (n) or probabilities q (n, classes).
    class_weight, sample_weight, ignore_index, reduction: as softmax_cross_entropy. 0 times infinity is 0.

    >>> loss, gradient = densekit.functional.nll(np.log([[0.25, 0.75]]), [1])
    >>> round(loss, 6), gradient
    (0.287682, array([[ 0., -1.]]))
    """

    def kernel(log_p: Floats, labels: Any, soft: Any, per_row: Any, per_class: Any, *rest: Any) -> float:
        return float(_core.nll(log_p, labels, soft, per_row, per_class, *rest))

    return reduce_rows(
        "nll", "log_probs", kernel, log_probs, targets, class_weight, sample_weight, ignore_index, reduction, out
    )


def _scores(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    # Halves, so that with this margin no score is within 1/4 of a kink.
    rows = max(1, -(-size // 7))
    return Call((rng.integers(-6, 7, (rows, 7)).astype(dtype) / 2, rng.integers(0, 7, rows)), {"margin": 0.75})


@op(reference=reference.hinge, domain=_scores, tolerance=Tolerance(ulps=2), gradient_of_first=True)
def hinge(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    margin: float = 1.0,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> Loss:
    """Hinge loss, with its gradient: sum over j != y of max(0, s_j - s_y + margin), or max(0, margin - t p).

    pred: scores s (n, classes) with target class indices y (n): Weston and Watkins, ESANN 1999, as CS231n's SVM; the
    mean is over rows. Or any shape with a target t of the same shape, all -1 or 1: the loss of each element.
    margin: 0 or more. The slope at the kink is 0. sample_weight, reduction, out: as every loss (see the module).

    >>> loss, gradient = densekit.functional.hinge([[3.0, 2.5, -1.0]], [0])
    >>> loss, gradient
    (0.5, array([[-1.,  1.,  0.]]))
    >>> densekit.functional.hinge([0.5, -2.0], [1, -1])[0]
    0.25
    """
    name = "hinge"
    margin = number(name, "margin", margin, low=0)
    (scores,) = floats(name, "pred", pred)
    labels = _as_array(name, "target", target)
    if margin > 0:  # in float32 it must not vanish, for at a tie the slope depends on it
        margin = max(margin, float(np.finfo(scores.dtype).smallest_subnormal))
    if scores.ndim == 2 and labels.ndim == 1:
        return _multiclass_hinge(name, scores, labels, margin, sample_weight, reduction, out)

    def check(pred: Floats, target: Floats) -> None:
        bad = np.abs(target) != 1
        if bad.any():
            at = np.unravel_index(int(bad.argmax()), bad.shape)
            index = f"[{', '.join(map(str, at))}]" if at else ""
            raise ValueError(
                f"{name}: target{index} is {target[at]}, expected -1 or 1 "
                "(or class indices (n,) with pred (n, classes))"
            )

    return _pointwise(name, Kind.hinge, pred, target, sample_weight, reduction, out, a=margin, check=check)


def _multiclass_hinge(
    name: str, scores: Floats, target: Any, margin: float, sample_weight: ArrayLike | None, reduction: str, out: Out
) -> Loss:
    labels, _ = split_targets(name, target, scores)

    def kernel(scores: Floats, labels: Any, soft: Any, per_row: Any, per_class: Any, ignore: Any, *rest: Any) -> float:
        return float(_core.multiclass_hinge(scores, labels, per_row, margin, *rest))

    return reduce_rows(name, "pred", kernel, scores, labels, None, sample_weight, None, reduction, out)


def _two_distributions(rng: np.random.Generator, dtype: Any, size: int) -> Call:
    rows = max(1, -(-size // 7))
    return Call((rng.uniform(0.2, 0.8, (rows, 7)).astype(dtype), rng.dirichlet(np.ones(7), rows).astype(dtype)))


def _divergence_scale(call: Call, expected: Any) -> Any:
    p, t = (np.asarray(a, np.float64) for a in call.args[:2])
    return (t * (abs(np.log(t)) + abs(np.log(p)))).sum() / len(t) if np.ndim(expected) == 0 else 0.0


@op(
    reference=reference.kl_divergence,
    domain=_two_distributions,
    tolerance=Tolerance(ulps=4, epsilons=2, scale=_divergence_scale),
    gradient_of_first=True,
)
def kl_divergence(
    pred: ArrayLike,
    target: ArrayLike,
    *,
    log_input: bool = False,
    sample_weight: ArrayLike | None = None,
    reduction: Reduction = "mean",
    out: Out = None,
) -> Loss:
    """Kullback-Leibler divergence of rows, in nats, with its gradient: sum_j t_j (log t_j - log p_j), 0 log 0 = 0.

    pred: p (n, classes), probabilities, or with log_input their logarithms. target: probabilities t (n, classes).
    The mean is over rows (PyTorch's "batchmean"; its "mean" divides by the classes, too). t > 0 with p = 0 gives
    infinity. Rows need not sum to 1. sample_weight, reduction, out: as every loss (see the module).
    Kullback and Leibler, Ann. Math. Statist. 22 (1951).

    >>> loss, gradient = densekit.functional.kl_divergence([[0.5, 0.5]], [[0.25, 0.75]])
    >>> round(loss, 6), gradient
    (0.130812, array([[-0.5, -1.5]]))
    """
    name = "kl_divergence"
    log_input = flag(name, "log_input", log_input)
    (p, t) = floats(name, "pred", pred, "target", target)
    same_shape(name, "pred", p, "target", t)
    require_range(name, "target", t, 0, 1, "a probability from 0 to 1", nan=False)
    if not log_input:
        expected = "a probability from 0 to 1 (logarithms need log_input=True)"
        require_range(name, "pred", p, 0, 1, expected, nan=True)

    def kernel(p: Floats, labels: Any, soft: Any, per_row: Any, per_class: Any, ignore: Any, *rest: Any) -> float:
        return float(_core.kl_divergence(p, soft, per_row, log_input, *rest))

    return reduce_rows(name, "pred", kernel, p, t, None, sample_weight, None, reduction, out)


__all__ = ["hinge", "kl_divergence", "nll"]
