"""Training of any model with `params` and `loss(X, y)`."""

from __future__ import annotations

import os
import pickle
from typing import Any

import numpy as np

from densekit._arrays import number, one_of, whole
from densekit._atomic import write_atomically
from densekit._checks import given, mapping
from densekit._paths import file_path
from densekit.compat._shared import Array, as_numbers, is_on, labels
from densekit.compat.cs231n import optim

_SETTINGS: dict[str, Any] = {
    "update_rule": "sgd",
    "optim_config": None,
    "lr_decay": 1.0,
    "batch_size": 100,
    "num_epochs": 10,
    "num_train_samples": 1000,
    "num_val_samples": None,
    "checkpoint_name": None,
    "print_every": 10,
    "verbose": True,
}


class Solver:
    """Trains a model by mini-batches and keeps the parameters with the best validation accuracy.

    model: has `params`, a dictionary of arrays; model.loss(X, y) returns (loss, grads), model.loss(X) scores.
    data: a dictionary with X_train, y_train, X_val and y_val.
    update_rule: "sgd", "sgd_momentum", "rmsprop" or "adam". optim_config: its config, copied for each parameter.
    lr_decay: each epoch multiplies the learning rate by it (1.0). batch_size: 100, drawn by np.random.choice, with
    replacement. num_epochs: 10. num_train_samples, num_val_samples: so many random rows are used to measure the
    accuracy (1000, None: all). print_every: iterations between printed losses (10). verbose: True.
    checkpoint_name: with one, each epoch writes the state to <name>_epoch_<n>.pkl (a pickle: open only your own).

    After train(): loss_history, train_acc_history, val_acc_history, best_val_acc, and the best parameters in the model.
    """

    # Set from _SETTINGS.
    lr_decay: float
    batch_size: int
    num_epochs: int
    num_train_samples: int | None
    num_val_samples: int | None
    checkpoint_name: str | None
    print_every: int
    verbose: bool

    def __init__(self, model: Any, data: dict[str, Array], **kwargs: Any) -> None:
        op = "Solver"
        if not hasattr(model, "params") or not callable(getattr(model, "loss", None)):
            raise TypeError(f"{op}: model must have params, a dictionary of arrays, and loss(X, y), got {given(model)}")
        self.model = model
        mapping(op, "data", data, "with X_train, y_train, X_val and y_val")
        missing = [name for name in ("X_train", "y_train", "X_val", "y_val") if name not in data]
        if missing:
            raise ValueError(f"{op}: data has no {', '.join(missing)}; expected X_train, y_train, X_val and y_val")
        self.X_train, self.y_train = data["X_train"], data["y_train"]
        self.X_val, self.y_val = data["X_val"], data["y_val"]
        unknown = sorted(set(kwargs) - set(_SETTINGS))
        if unknown:
            raise ValueError(f"Solver: unknown arguments {', '.join(unknown)}; known are {', '.join(_SETTINGS)}")
        settings = {**_SETTINGS, **kwargs}
        rule = settings.pop("update_rule")
        self.update_rule = getattr(optim, one_of(op, "update_rule", rule, optim.RULES))
        configured = settings.pop("optim_config")
        self.optim_config: dict[str, Any] = (
            {} if configured is None else dict(mapping(op, "optim_config", configured, "of numbers"))
        )
        for name in ("batch_size", "print_every"):
            whole(op, name, settings[name], low=1)
        whole(op, "num_epochs", settings["num_epochs"])
        number(op, "lr_decay", settings["lr_decay"])
        is_on(op, "verbose", settings["verbose"])
        for name in ("num_train_samples", "num_val_samples"):
            if settings[name] is not None:
                whole(op, name, settings[name], low=1)
        if settings["checkpoint_name"] is not None:
            settings["checkpoint_name"] = file_path(op, "checkpoint_name", settings["checkpoint_name"])
        vars(self).update(settings)
        self._reset()

    def _reset(self) -> None:
        self.epoch = 0
        self.best_val_acc = 0.0
        self.best_params: dict[str, Array] = {}
        self.loss_history: list[Any] = []
        self.train_acc_history: list[Any] = []
        self.val_acc_history: list[Any] = []
        self.optim_configs = {name: dict(self.optim_config) for name in self.model.params}

    def _step(self) -> None:
        """One update of every parameter, from a batch drawn with replacement."""
        chosen = np.random.choice(len(self.X_train), self.batch_size)
        loss, grads = self.model.loss(self.X_train[chosen], self.y_train[chosen])
        self.loss_history.append(loss)
        for name, w in self.model.params.items():
            next_w, config = self.update_rule(w, grads[name], self.optim_configs[name])
            self.model.params[name], self.optim_configs[name] = next_w, config

    def _save_checkpoint(self) -> None:
        if self.checkpoint_name is None:
            return
        names = ("model", "update_rule", "lr_decay", "optim_config", "batch_size", "num_train_samples")
        names += ("num_val_samples", "epoch", "loss_history", "train_acc_history", "val_acc_history")
        filename = f"{self.checkpoint_name}_epoch_{self.epoch}.pkl"
        if self.verbose:
            print(f'Saving checkpoint to "{filename}"')
        write_atomically(filename, [pickle.dumps({name: getattr(self, name) for name in names})])

    def check_accuracy(self, X: Array, y: Array, num_samples: int | None = None, batch_size: int = 100) -> Any:
        """The share of rows whose highest score is that of their class, of all or of num_samples random rows."""
        op, X = "check_accuracy", as_numbers("check_accuracy", "X", X)
        if not X.ndim or not len(X):
            raise ValueError(f"{op}: X is {X.shape}: it has no rows")
        y, batch_size = labels(op, "y", y, len(X)), whole(op, "batch_size", batch_size, low=1)
        if num_samples is not None and len(X) > whole(op, "num_samples", num_samples, low=1):
            chosen = np.random.choice(len(X), num_samples)
            X, y = X[chosen], y[chosen]
        predicted = [
            np.argmax(self.model.loss(X[start : start + batch_size]), axis=1) for start in range(0, len(X), batch_size)
        ]
        return np.mean(np.concatenate(predicted) == y)

    def train(self) -> None:
        """num_epochs epochs of num_train // batch_size iterations each (at least one)."""
        per_epoch = max(len(self.X_train) // self.batch_size, 1)
        total = self.num_epochs * per_epoch
        for done in range(1, total + 1):
            self._step()
            if self.verbose and (done - 1) % self.print_every == 0:
                print(f"(Iteration {done} / {total}) loss: {self.loss_history[-1]:f}")
            ends_epoch = done % per_epoch == 0
            if ends_epoch:
                self.epoch += 1
                for config in self.optim_configs.values():
                    config["learning_rate"] *= self.lr_decay
            if ends_epoch or done in (1, total):
                self._measure()
        self.model.params = self.best_params

    def _measure(self) -> None:
        """Accuracies of training and validation, and the parameters if they are the best so far."""
        train = self.check_accuracy(self.X_train, self.y_train, num_samples=self.num_train_samples)
        val = self.check_accuracy(self.X_val, self.y_val, num_samples=self.num_val_samples)
        self.train_acc_history.append(train)
        self.val_acc_history.append(val)
        self._save_checkpoint()
        if self.verbose:
            print(f"(Epoch {self.epoch} / {self.num_epochs}) train acc: {train:f}; val_acc: {val:f}")
        if val > self.best_val_acc:
            self.best_val_acc = val
            self.best_params = {name: w.copy() for name, w in self.model.params.items()}


__all__ = ["Solver", "np", "optim", "os", "pickle"]
