"""Callbacks that act on what they see: stop, keep, restore."""

from __future__ import annotations

import math
import os
from typing import Any, Literal, TypeAlias

from densekit._arrays import flag, number, one_of, whole
from densekit._checks import short
from densekit._paths import file_path
from densekit.callbacks._base import Callback, Logs

Mode: TypeAlias = Literal["auto", "min", "max"]

# Metrics that are better when larger; "auto" knows them with val_ before and anything after.
_LARGER = ("acc", "auc", "roc_auc", "f1", "precision", "recall", "r2", "top_", "score")


def direction(name: str, mode: str, monitor: str) -> str:
    """ "min" or "max"; "auto" goes by the name of the metric."""
    if not isinstance(monitor, str):
        raise TypeError(f"{name}: monitor must be a key of the logs like 'val_loss', got {short(monitor)}")
    if one_of(name, "mode", mode, ("auto", "min", "max")) != "auto":
        return mode
    plain = monitor.removeprefix("val_")
    return "max" if plain.startswith(_LARGER) or plain.endswith(("accuracy", "_acc", "score", "_auc")) else "min"


def monitored(name: str, monitor: str, logs: Logs | None) -> float:
    """The metric that is looked at; KeyError that lists those that there are."""
    logs = logs or {}
    if monitor not in logs:
        plain = monitor.removeprefix("val_")
        hint = "; fit needs validation_data or validation_split for it" if plain != monitor and plain in logs else ""
        raise KeyError(f"{name}: there is no {short(monitor)} among the metrics {sorted(logs)}{hint}")
    return float(logs[monitor])


class EarlyStopping(Callback):
    """Ends the training when a metric has not got better for `patience` epochs, and goes back to the best weights.

    monitor: a key of the logs. patience: epochs without a gain that end it, 0 as 1. min_delta: a gain is more than this
    (strictly). mode: "min", "max", or "auto" by the name (accuracy, auc, f1, r2, … are better when larger).
    restore_best: at the end, however it comes about, the weights are those of the best epoch. baseline: as long as it
    is not beaten, gains do not begin the count again (an epoch with a gain never ends the training). start_from_epoch:
    epochs before it are not looked at.
    After the training: best, best_epoch, stopped_epoch (None if it was not stopped), restored_epoch (None if no weights
    were put back). The History has best_epoch and restored_epoch, too.

    compat: "keras" changes the defaults to patience 0 and restore_best False. "sklearn" is MLPClassifier's and
    MLPRegressor's rule with the defaults patience 10 (n_iter_no_change) and min_delta 1e-4 (tol): it stops after more
    than `patience` epochs, and an epoch that is better by less than min_delta is the best one all the same. (They look
    at a score on a tenth of the rows, "val_accuracy" or "val_r2", or without early_stopping at "loss".)

    >>> stopping = densekit.callbacks.EarlyStopping(patience=3)
    >>> stopping.monitor, stopping.restore_best
    ('val_loss', True)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int | None = None,
        min_delta: float | None = None,
        mode: Mode = "auto",
        restore_best: bool | None = None,
        baseline: float | None = None,
        start_from_epoch: int = 0,
        *,
        compat: Literal["densekit", "keras", "sklearn"] = "densekit",
    ) -> None:
        name = "EarlyStopping"
        self.compat = one_of(name, "compat", compat, ("densekit", "keras", "sklearn"))
        defaults = {"densekit": (5, 0.0, True), "keras": (0, 0.0, False), "sklearn": (10, 1e-4, True)}[compat]
        self.monitor, self.mode = monitor, direction(name, mode, monitor)
        self.patience = whole(name, "patience", defaults[0] if patience is None else patience)
        self.min_delta = number(name, "min_delta", defaults[1] if min_delta is None else min_delta, low=0)
        self.restore_best = flag(name, "restore_best", defaults[2] if restore_best is None else restore_best)
        self.baseline = None if baseline is None else number(name, "baseline", baseline)
        self.start_from_epoch = whole(name, "start_from_epoch", start_from_epoch)
        self._forget()

    def _forget(self) -> None:
        self.best = math.inf if self.mode == "min" else -math.inf
        self.best_epoch = self.restored_epoch = None
        self.stopped_epoch: int | None = None
        self.wait = 0
        self._weights: list[Any] | None = None

    def _better(self, value: float, than: float, delta: float) -> bool:
        """Whether it is better by more than delta, rounded as Keras does; NaN never is."""
        return value + delta < than if self.mode == "min" else value - delta > than

    def _enough(self, value: float) -> bool:
        """Whether it is a gain: scikit-learn counts one of exactly tol, and rounds the other side."""
        if self.compat != "sklearn":
            return self._better(value, self.best, self.min_delta)
        return value <= self.best - self.min_delta if self.mode == "min" else value >= self.best + self.min_delta

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._forget()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        value = monitored("EarlyStopping", self.monitor, logs)
        if epoch < self.start_from_epoch:
            return
        enough, sklearn = self._enough(value), self.compat == "sklearn"
        beats = self.baseline is None or self._better(value, self.baseline, self.min_delta)
        self.wait = 0 if enough and beats else self.wait + 1
        if self._better(value, self.best, 0.0) if sklearn else enough:
            self.best, self.best_epoch = value, epoch
            if self.restore_best:
                self._weights = self.model.get_weights()
        if not enough and epoch > 0 and (self.wait > self.patience if sklearn else self.wait >= self.patience):
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self._weights is not None:
            self.model.set_weights(self._weights)
            self._weights, self.restored_epoch = None, self.best_epoch


class Checkpoint(Callback):
    """Saves the model after epochs: model.save(path).

    path: may hold {epoch} (from 1) and keys of the logs, e.g. "run/{epoch:03d}-{val_loss:.3f}.npz"; folders are made.
    monitor, mode: as EarlyStopping. save_best_only: only when the metric is better than ever before. every: this many
    epochs. `saved` is the last path; with save_best_only, `best_epoch` is the epoch that it has.

    >>> densekit.callbacks.Checkpoint("model.npz", save_best_only=True).mode
    'min'
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        monitor: str = "val_loss",
        save_best_only: bool = False,
        mode: Mode = "auto",
        every: int = 1,
    ) -> None:
        name = "Checkpoint"
        self.path = file_path(name, "path", path)
        self.monitor, self.mode = monitor, direction(name, mode, monitor)
        self.save_best_only = flag(name, "save_best_only", save_best_only)
        self.every = whole(name, "every", every, low=1)
        self.best = math.inf if self.mode == "min" else -math.inf
        self.saved: str | None = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if (epoch + 1) % self.every:
            return
        if self.save_best_only:
            value = monitored("Checkpoint", self.monitor, logs)
            if not (value < self.best if self.mode == "min" else value > self.best):
                return
            self.best, self.best_epoch = value, epoch
        try:
            path = self.path.format(epoch=epoch + 1, **{k: v for k, v in (logs or {}).items() if k != "epoch"})
        except (KeyError, IndexError, ValueError) as error:
            known = sorted({"epoch", *(logs or {})})
            raise ValueError(f"Checkpoint: path {short(self.path)} asks for {error}; there are {known}") from None
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        self.model.save(path)
        self.saved = path


class TerminateOnNaN(Callback):
    """Ends the training after an epoch whose loss is not finite.

    fit raises by itself when a batch's loss is not finite; this is for fit(on_divergence="ignore").

    >>> densekit.callbacks.TerminateOnNaN().wants_batches
    False
    """

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            self.model.stop_training = True
