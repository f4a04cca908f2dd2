"""One call that looks at data, training and network, and says what it found."""

from __future__ import annotations

from typing import Any

import numpy as np

from densekit import _data as data
from densekit import _evaluation as evaluation
from densekit._arrays import vector, whole
from densekit._checks import given, instance, network
from densekit.diagnostics import _data_rules as data_rules
from densekit.diagnostics import _training_rules as training_rules
from densekit.diagnostics._curves import LearningCurve
from densekit.diagnostics._flow import gradient_flow
from densekit.diagnostics._objective import Array
from densekit.diagnostics._report import Finding, Report
from densekit.diagnostics._scores import Score, as_classes, constant_loss, decided, quick_score, score, task_of


def diagnose(
    model: Any,
    X: Any,
    y: Any,
    X_val: Any = None,
    y_val: Any = None,
    history: Any = None,
    *,
    curve: LearningCurve | None = None,
    batch_size: int | None = None,
) -> Report:
    """Why does it not learn? A Report of findings, each with numbers, a severity and one thing to try.

    model: compiled, usually trained; it stays as it is. X, y: what it was trained on. X_val, y_val: rows that it was
    not trained on; without them overfitting cannot be seen. history: what fit returned (None: model.history). curve:
    of `learning_curve`, for "not_enough_data". batch_size: of the training; else taken from the history.

    Findings: overfitting, underfitting, too_much_dropout, unscaled_input, scaler_saw_validation, validation_scale,
    output_range, labels_as_numbers, leaking_column, shared_rows, batch_norm_small_batch, learning_rate_too_high,
    learning_rate_too_low, vanishing_gradients, exploding_gradients, dead_units, saturation, equal_units,
    not_enough_data. Scores are accuracy or R², training and validation rows in the same mode (inference): a loss with
    dropout switched on is not comparable with one without. Underfitting is measured against a ridge regression on
    random features. A finding is a suspicion with numbers, not a proof. Limits were frozen on planted problems
    (tools/planted_problems.py).

    >>> from densekit.layers import Dense
    >>> X = np.random.default_rng(0).normal(size=(200, 3))
    >>> model = densekit.Sequential([Dense(8, "tanh"), Dense(1, "sigmoid")], seed=0).compile("adam", "mse")
    >>> report = densekit.diagnostics.diagnose(model, 1000 * X, 5 * X[:, 0])
    >>> [name for name in ("unscaled_input", "output_range") if name in report]
    ['unscaled_input', 'output_range']
    """
    name = "diagnose"
    if (X_val is None) != (y_val is None):
        raise TypeError(f"{name}: give X_val and y_val, or neither of them")
    model = network(name, model)
    if curve is not None:
        instance(name, "curve", curve, LearningCurve, "a LearningCurve, as learning_curve gives, or None")
    train = evaluation.rows(model, name, X, y, None)
    val = None if X_val is None else evaluation.rows(model, name, X_val, y_val, None, names="X_val y_val")
    if history is None:
        history = model.history
    logs = _logs(history)
    findings: list[Finding] = []
    findings += data_rules.unscaled_input(model, train.x)
    findings += data_rules.output_range(model, train.y)
    if val is not None:
        findings += data_rules.scaler_saw_validation(train.x, val.x)
        findings += data_rules.validation_scale(train.x, val.x)
        findings += data_rules.shared_rows(train.x, val.x)
    moved = any(f.name == "validation_scale" for f in findings)
    flow = gradient_flow(model, X, y)
    findings += training_rules.gradients(flow)
    findings += training_rules.equal_units(model)
    findings += training_rules.learning_rate(logs, flow, constant_loss(model, train.y))
    batch = _batch_size(history, len(train.x)) if batch_size is None else whole(name, "batch_size", batch_size, low=1)
    findings += training_rules.small_batch(model, len(train.x), batch)
    if curve is not None:
        findings += training_rules.not_enough_data(curve)
    numbers = {"training loss": _loss(model, train)}
    if val is not None:
        numbers["validation loss"] = _loss(model, val)
    task = task_of(model, train.y)
    if task is not None:
        numbers |= _fit_findings(model, task, train, None if moved else val, logs, findings)
    return Report.of(findings, numbers)


def _fit_findings(
    model: Any, task: str, train: Any, val: Any, logs: dict[str, Array], findings: list[Finding]
) -> dict[str, float]:
    """Appends what the scores say; returns them."""

    def targets(rows: Any) -> Array:
        return as_classes(model, rows.y) if task == "classes" else rows.y

    def scored(rows: Any) -> Score:
        output = data.flat(evaluation.predict(model, evaluation.shaped(rows.x, model.input_shape), None))
        return score(task, targets(rows), decided(model, output) if task == "classes" else output)

    with np.errstate(all="ignore"):
        own = scored(train)
    what = "accuracy" if task == "classes" else "R2"
    numbers = {f"training {what}": own.value}
    findings += data_rules.leaking_column(train.x, targets(train), task, model.input_shape)
    if val is not None:
        other = scored(val)
        numbers[f"validation {what}"] = other.value
        findings += training_rules.overfitting(own, other, logs)
    if len(train.x) >= 40:
        if val is not None and len(val.x) >= 20:
            quick = quick_score(task, train.x, targets(train), val.x, targets(val))
        else:
            held = np.arange(len(train.x)) % 5 == 4
            quick = quick_score(task, train.x[~held], targets(train)[~held], train.x[held], targets(train)[held])
        numbers[f"quick learner's {what}"] = quick.value
        findings += training_rules.underfitting(model, own, quick)
    return numbers


def _logs(history: Any) -> dict[str, Array]:
    if history is None:
        return {}
    found = history if isinstance(history, dict) else getattr(history, "history", None)
    if not isinstance(found, dict):
        raise TypeError(f"diagnose: history must be what fit returned or a dict of lists, got {given(history)}")
    return {key: vector("diagnose", f"history[{key!r}]", values) for key, values in found.items()}


def _batch_size(history: Any, rows: int) -> int | None:
    params = getattr(history, "params", None)
    steps = params.get("steps") if isinstance(params, dict) else None
    return None if not steps else -(-rows // int(steps))


def _loss(model: Any, rows: Any) -> float:
    return float(evaluation.evaluate_rows(model, rows, evaluation.ROWS_AT_ONCE)["data_loss"])
