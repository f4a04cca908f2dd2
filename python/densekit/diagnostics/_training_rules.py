"""Findings about the training: fit, learning rate, gradients, units, batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from densekit._layer import walk
from densekit._network import rows_of_statistics
from densekit.diagnostics._curves import LearningCurve
from densekit.diagnostics._flow import DEAD, SATURATED, Flow
from densekit.diagnostics._layerwise import kernels
from densekit.diagnostics._objective import Array
from densekit.diagnostics._report import Finding
from densekit.diagnostics._scores import Score

# Frozen on seeds 0-9 of tools/planted_problems.py.
_GAP, _LARGE_GAP = 0.1, 0.3
_BEHIND, _FAR_BEHIND = 0.1, 0.25
_MORE_DATA = 0.85
_SMALL_BATCH, _TINY_BATCH = 8, 3
_WILD_START = 10.0


def overfitting(train: Score, val: Score, history: dict[str, Array]) -> Iterator[Finding]:
    """A gap between the scores, or a validation loss that has risen again."""
    gap = train.value - val.value
    doubt = 2 * float(np.hypot(train.error, val.error))
    numbers = {"training score": train.value, "validation score": val.value, "gap": gap}
    advice = "EarlyStopping(), Dropout(0.3), L2(1e-3) or a smaller network; more data is best"
    if gap > _GAP + doubt:
        severity = "severe" if gap > _LARGE_GAP + doubt else "warning"
        yield Finding("overfitting", severity, "much better on the training rows", advice, numbers)  # type: ignore[arg-type]
        return
    losses = history.get("val_loss")
    if losses is None or len(losses) < 5 or not np.isfinite(losses).all():
        return
    best = int(losses.argmin())
    rise, fall = float(losses[-1] - losses[best]), float(losses[0] - losses[best])
    if best <= 0.6 * len(losses) and losses[-1] > 1.25 * losses[best] and rise > 0.25 * fall > 0:
        numbers = {"best validation loss": float(losses[best]), "at epoch": best + 1, "last": float(losses[-1])}
        yield Finding("overfitting", "warning", "the validation loss has risen again", advice, numbers)


def underfitting(model: Any, train: Score, quick: Score) -> Iterator[Finding]:
    """Worse on its own training rows than a quick learner is on rows that it never saw."""
    behind = quick.value - 2 * quick.error - train.value
    if behind <= _BEHIND:
        return
    numbers = {"training score": train.value, "quick learner on new rows": quick.value, "of a constant": train.baseline}
    severity: Any = "severe" if behind > _FAR_BEHIND else "warning"
    yield Finding(
        "underfitting",
        severity,
        "a ridge regression on random features does better on rows that it never saw",
        "more or wider layers, more epochs, another learning rate (densekit.lr_finder), less regularization",
        numbers,
    )
    rates = [float(layer.spec([])["rate"]) for layer in walk(model.layers) if layer.kind == "dropout"]
    if rates and max(rates) >= 0.7:
        yield Finding(
            "too_much_dropout",
            severity,
            "dropout takes most units away and the network does not learn",
            "Dropout(0.2) to Dropout(0.5)",
            {"largest rate": max(rates), **numbers},
        )


def learning_rate(history: dict[str, Array], flow: Flow, constant: float) -> Iterator[Finding]:
    """Too high: the loss diverges, rises, jumps or starts far above that of a constant.

    Too low: at the end it still falls as slowly as at the beginning.
    """
    losses = history.get("data_loss", history.get("loss"))
    if losses is None or len(losses) == 0:
        return
    largest = max((at.update_ratio for at in flow.layers if np.isfinite(at.update_ratio)), default=float("nan"))
    numbers = {"first loss": float(losses[0]), "last loss": float(losses[-1]), "largest update/weight": float(largest)}
    lower = "a learning rate ten times smaller, or densekit.lr_finder(model, X, y).suggestion"
    if not np.isfinite(losses).all():
        yield Finding("learning_rate_too_high", "severe", "the loss is not finite", lower, numbers)
        return
    if losses[0] > _WILD_START * constant > 0:
        severity: Any = "severe" if losses[0] > 100 * _WILD_START * constant else "warning"
        numbers |= {"loss of a constant": constant}
        message = "in the first epoch the loss is far above that of a constant"
        yield Finding("learning_rate_too_high", severity, message, lower, numbers)
        return
    if len(losses) < 5:
        return
    steps = np.diff(losses)
    tail = losses[len(losses) // 2 :]
    jumps = float((steps > 0.1 * np.abs(losses[:-1])).mean())
    rough = float(np.abs(np.diff(tail)).mean() / max(abs(float(tail.mean())), 1e-12))
    if losses[-1] > 1.1 * losses[0] or (jumps >= 0.25 and rough > 0.15 and losses[-1] > 0.3 * losses[0]):
        severity = "severe" if losses[-1] > losses[0] else "warning"
        numbers |= {"share of epochs that rise by a tenth": jumps}
        yield Finding("learning_rate_too_high", severity, "the loss rises or jumps", lower, numbers)
        return
    half = len(losses) // 2
    early, late = float(losses[0] - losses[half]), float(losses[half] - losses[-1])
    share = (early + late) / abs(float(losses[0])) if losses[0] else 0.0
    falling = float((steps < 0).mean())
    even = late / (len(losses) - 1 - half) > 0.5 * early / half if early > 0 else False
    if falling >= 0.8 and even and 0 < share < 0.5:
        yield Finding(
            "learning_rate_too_low",
            "severe" if share < 0.05 else "warning",
            "the loss falls steadily, as slowly at the end as at the beginning",
            "a learning rate ten times larger, or densekit.lr_finder(model, X, y).suggestion; or more epochs",
            {**numbers, "share of the loss that is gone": share},
        )


def gradients(flow: Flow) -> Iterator[Finding]:
    """What gradient_flow says, and units that do not work."""
    if flow.verdict != "healthy":
        numbers = {"first/last": flow.ratio, "largest update/weight": max(at.update_ratio for at in flow.layers)}
        message = "; ".join(flow.reasons)
        yield Finding(f"{flow.verdict}_gradients", "severe", message, flow.remedies[0], numbers)
    for kind, share, limit, advice in (
        ("dead_units", "dead", DEAD, "a smaller learning rate, kernel_initializer='he_normal', or 'leaky_relu'"),
        ("saturation", "saturated", SATURATED, "scaled inputs, kernel_initializer='glorot_uniform', or 'relu'"),
    ):
        worst = max(flow.layers, key=lambda at: np.nan_to_num(getattr(at, share), nan=-1.0))
        value = getattr(worst, share)
        if value > limit:
            what = "units that are 0 for every row" if share == "dead" else "outputs on the flat ends of the activation"
            severity: Any = "severe" if value > 0.9 else "warning"
            yield Finding(kind, severity, f"layer {worst.name!r} has {value:.0%} {what}", advice, {"share": value})


def small_batch(model: Any, rows: int, batch_size: int | None) -> Iterator[Finding]:
    """Batch statistics of a few rows are noise."""
    each = rows_of_statistics(model.layers)
    if batch_size is None or each is None:
        return
    taken = batch_size * each
    if taken <= _SMALL_BATCH and batch_size < rows:
        yield Finding(
            "batch_norm_small_batch",
            "severe" if taken <= _TINY_BATCH else "warning",
            "the batch norm takes mean and variance of a few rows",
            "batch_size=32 or more, or LayerNorm() in place of BatchNorm()",
            {"batch size": batch_size},
        )


def equal_units(model: Any) -> Iterator[Finding]:
    """Hidden units with the same weights get the same gradient and stay equal for ever."""
    for layer in kernels(model)[:-1]:
        if layer.units < 2:
            continue
        columns = np.ascontiguousarray(layer.kernel.T)
        share = 1 - len(np.unique(columns, axis=0)) / layer.units
        if share > 0.5:
            yield Finding(
                "equal_units",
                "severe",
                f"units of layer {layer.name!r} have equal weights and learn the same",
                "kernel_initializer='glorot_uniform' instead of zeros or a constant",
                {"share": float(share)},
            )
            return


def not_enough_data(curve: LearningCurve) -> Iterator[Finding]:
    """The validation loss still falls with the number of rows, and the training loss is far below."""
    if len(curve.sizes) < 2:
        return
    last = curve.validation[-1].mean()
    half = np.interp(np.log(curve.sizes[-1] / 2), np.log(curve.sizes), curve.validation.mean(axis=1))
    training = curve.training[-1].mean()
    if 0 < last < _MORE_DATA * half and training < _MORE_DATA * last:
        numbers = {"at half of the rows": float(half), "at all": float(last), "training": float(training)}
        yield Finding(
            "not_enough_data",
            "severe" if last < 0.6 * half else "warning",
            "the validation loss still falls as rows are added",
            "more rows, noise on the inputs (GaussianNoise), or a smaller network",
            numbers,
        )
