"""The two ways to train: epochs of mini-batches, and L-BFGS. Both stop when scikit-learn's would."""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from densekit import _lbfgs
from densekit.sklearn._build import Rates
from densekit.sklearn._rows import Array, Rows, batches

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be preprocessed."
)


@dataclass(frozen=True)
class Validation:
    """Rows to score after each epoch, with their targets as the user gave them; loss: whether to give theirs, too."""

    rows: Rows
    y: Any
    weights: Any
    loss: bool


@dataclass(frozen=True)
class Start:
    """What an epoch of a fit needs. order: the numbers of the rows to train on."""

    rows: Rows
    order: Array
    validation: Validation | None
    incremental: bool


def record(estimator: Any, logs: dict[str, float]) -> None:
    for key, value in logs.items():
        estimator.history_.setdefault(key, []).append(value)


def stochastic(estimator: Any, start: Start) -> None:
    """Epochs until nothing improves, or max_iter; one if incremental.

    Ctrl-C comes out as KeyboardInterrupt, and the estimator keeps the weights so far: with early stopping the best
    ones, once there has been a score.
    """
    model, rows, order = estimator.model_, start.rows, start.order
    n, epochs = len(order), estimator.max_iter
    if not start.incremental or not hasattr(estimator, "_optimizer"):
        estimator._optimizer = Rates.of(estimator)
    rates, early = estimator._optimizer, estimator.early_stopping
    cuts = batches(n, _batch_size(estimator.batch_size, n), bool(estimator.batch_norm))
    progress = _Progress(estimator.verbose, epochs)
    rates.begin("partial_fit" if start.incremental else "fit", model, len(cuts), 1 if start.incremental else epochs)
    estimator.n_iter_ = 0
    try:
        for epoch in range(epochs):
            if estimator.shuffle:  # as sklearn.utils.shuffle, draw for draw
                mixed = np.arange(n)
                estimator._random_state.shuffle(mixed)
                order = order[mixed]
            lr = rates.of_epoch(model, len(cuts), epochs - epoch)  # a schedule of partial_fit lasts max_iter of them
            means = rows.epoch(model._ready(), order, cuts, _batch_size(estimator.batch_size, n), lr)
            estimator.n_iter_ += 1
            estimator.t_ += n
            logs = _logs(estimator, means, rates.learning_rate)
            if means.diverged:
                _diverged(estimator, means.diverged, logs)
                break
            if start.validation is not None:
                logs |= _validate(estimator, start.validation)
            record(estimator, logs)
            progress.show(estimator.n_iter_, logs)
            _count(estimator, logs)
            rates.epoch_ends(model, estimator.t_, logs)
            if estimator._no_improvement_count > estimator.n_iter_no_change:
                what = "Validation score" if early else "Training loss"
                message = (
                    f"{what} did not improve more than tol={estimator.tol:f} for {estimator.n_iter_no_change} "
                    "consecutive epochs."
                )
                if rates.stops(message, bool(estimator.verbose)):
                    break
                estimator._no_improvement_count = 0
            if start.incremental:
                break
            if estimator.n_iter_ == epochs:
                warnings.warn(
                    f"Stochastic Optimizer: Maximum iterations ({epochs}) reached and the optimization hasn't "
                    "converged yet.",
                    ConvergenceWarning,
                    stacklevel=4,
                )
    except KeyboardInterrupt:
        if early and estimator.validation_scores_:
            _use_best(estimator)
        raise
    if early:
        _use_best(estimator)


def _batch_size(given: Any, rows: int) -> int:
    return min(200 if given == "auto" else int(given), rows)


def _logs(estimator: Any, means: Any, rate: float) -> dict[str, float]:
    data = means.loss / estimator._objective.reported + means.constant
    estimator.loss_ = data + means.penalty
    estimator.loss_curve_.append(estimator.loss_)
    return {"loss": estimator.loss_, "data_loss": data, "penalty": means.penalty, "lr": rate}


def _validate(estimator: Any, validation: Validation) -> dict[str, float]:
    model = estimator.model_
    engine = model._ready()
    outputs = validation.rows.outputs(engine, model.dtype)
    logs = {"val_score": estimator._score_outputs(validation.y, outputs, validation.weights)}
    if validation.loss:
        logs["val_loss"] = estimator._validation_loss(validation.rows.loss(engine, model.dtype), validation.rows)
    return logs


def _count(estimator: Any, logs: dict[str, float]) -> None:
    """Counts the epochs without improvement, and keeps the best weights."""
    if not estimator.early_stopping:
        loss = estimator.loss_
        estimator._no_improvement_count = (
            estimator._no_improvement_count + 1 if loss > estimator.best_loss_ - estimator.tol else 0
        )
        estimator.best_loss_ = min(estimator.best_loss_, loss)
        return
    score = logs["val_score"]
    estimator.validation_scores_.append(score)
    stalls = score < estimator.best_validation_score_ + estimator.tol
    estimator._no_improvement_count = estimator._no_improvement_count + 1 if stalls else 0
    if score > estimator.best_validation_score_:
        estimator.best_validation_score_ = score
        keep_weights(estimator)


def keep_weights(estimator: Any) -> None:
    engine = estimator.model_._ready()
    estimator._best_weights = (engine.parameters.copy(), engine.statistics.copy())


def _use_best(estimator: Any) -> None:
    engine = estimator.model_._ready()
    engine.parameters[...], engine.statistics[...] = estimator._best_weights


def _diverged(estimator: Any, found: dict[str, Any], logs: dict[str, float]) -> None:
    """With early stopping the best weights so far are kept; else it is an error, as in scikit-learn."""
    where = f"The loss is not finite at update {found['step']}, first in {found['layer']!r}"
    if not estimator.early_stopping:
        raise ValueError(f"{NOT_FINITE} {where}; a smaller learning_rate_init or clip_norm=1.0 helps, too.")
    estimator.validation_scores_.append(math.nan)
    record(estimator, logs | {"val_score": math.nan})
    warnings.warn(f"{where}; the best weights so far are kept.", ConvergenceWarning, stacklevel=5)


class _Progress:
    """verbose 1: scikit-learn's lines; more: with the epochs, their time and what is left."""

    def __init__(self, verbose: Any, epochs: int) -> None:
        self.level, self.epochs, self.begin = int(verbose), epochs, time.perf_counter()

    def show(self, iteration: int, logs: dict[str, float]) -> None:
        if not self.level:
            return
        line = f"Iteration {iteration}, loss = {logs['loss']:.8f}"
        if self.level > 1:
            each = (time.perf_counter() - self.begin) / iteration
            left = each * (self.epochs - iteration)
            line += f"  [{iteration}/{self.epochs}, {1000 * each:.3g} ms each, at most {left:.1f} s left]"
        print(line)
        if "val_score" in logs:
            print(f"Validation score: {logs['val_score']:f}")


def lbfgs(estimator: Any, start: Start) -> None:
    """All rows at once, by SciPy."""
    model, rows = estimator.model_, start.rows
    engine, dtype = model._ready(), model.dtype
    segments = [s for s in engine.segments if s["kind"] == "parameter"]
    places: dict[str, list[slice]] = {s["name"]: [] for s in segments}
    for s in segments:
        places[s["name"]].append(slice(s["offset"], s["offset"] + math.prod(s["shape"])))
    order = [place for name in places for place in places[name]]  # scikit-learn's: first all kernels, then the rest
    reported, progress = estimator._objective.reported, _Progress(estimator.verbose, estimator.max_iter)
    constant = 0.0 if rows.constant is None else float(np.average(rows.constant, weights=rows.weights))
    last: dict[str, float] = {}
    reached = np.concatenate([engine.parameters[place] for place in order], dtype=np.float64)

    def put(theta: Array) -> None:
        at = 0
        for place in order:
            engine.parameters[place] = theta[at : at + place.stop - place.start]
            at += place.stop - place.start

    def objective(theta: Array) -> tuple[float, Array]:
        put(theta)
        loss, penalty, gradient = rows.gradient(engine, dtype, estimator.alpha, places.get("kernel", []))
        last.update(data_loss=loss / reported + constant, penalty=penalty)
        return loss + penalty, np.concatenate([gradient[place] for place in order], dtype=np.float64)

    def watch(iteration: int, theta: Array, loss: float) -> bool:
        nonlocal reached
        reached, estimator.n_iter_ = theta, iteration + 1
        logs = {"loss": last["data_loss"] + last["penalty"], **last}
        if start.validation is not None:
            put(theta)
            logs |= _validate(estimator, start.validation)
        record(estimator, logs)
        progress.show(iteration + 1, logs)
        return False

    estimator.n_iter_ = 0
    try:
        found = _lbfgs.minimise(objective, reached, model.optimizer, callback=watch)
    except KeyboardInterrupt:
        put(reached)  # the last iteration's, not what the line search tries
        raise
    except ArithmeticError as error:
        raise ValueError(f"{NOT_FINITE} {error}") from None
    put(found.theta)
    objective(found.theta)
    estimator.n_iter_ = min(found.iterations, estimator.max_iter)
    estimator.loss_ = last["data_loss"] + last["penalty"]
    if not found.converged:
        more = f" Increase the number of iterations (max_iter={estimator.max_iter}) or scale the data."
        warnings.warn(
            f"lbfgs failed to converge after {estimator.n_iter_} iteration(s): {found.message}.{more}",
            ConvergenceWarning,
            stacklevel=4,
        )
