"""Training of any network with params, gradient(x, t), loss(x, t) and accuracy(x, t)."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from densekit._arrays import one_of, whole
from densekit._checks import given, mapping, text
from densekit.compat._shared import Array, as_numbers, batch_of, is_on
from densekit.compat.dlfs.optimizer import SGD, AdaGrad, Adam, Momentum, Nesterov, RMSprop

_OPTIMIZERS: dict[str, type] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSprop,
    "rmsprpo": RMSprop,  # as some printings spell it
    "adam": Adam,
}
_DEFAULT_PARAM: Mapping[str, Any] = {"lr": 0.01}


class Trainer:
    """Trains a network by mini-batches of np.random.choice, with replacement.

    epochs: of train size / mini_batch_size iterations. optimizer: "sgd", "momentum", "nesterov", "adagrad", "rmsprop"
    or "adam"; optimizer_param: its arguments. evaluate_sample_num_per_epoch: so many first rows are used for the
    accuracies of each epoch (None: all). verbose: prints losses and accuracies.
    After train(): train_loss_list (after each update, the loss of its batch), train_acc_list, test_acc_list.
    """

    def __init__(
        self,
        network: Any,
        x_train: Array,
        t_train: Array,
        x_test: Array,
        t_test: Array,
        epochs: int = 20,
        mini_batch_size: int = 100,
        optimizer: str = "SGD",
        optimizer_param: Mapping[str, Any] = _DEFAULT_PARAM,
        evaluate_sample_num_per_epoch: int | None = None,
        verbose: bool = True,
    ) -> None:
        op = "Trainer"
        lacking = [name for name in ("params", "gradient", "loss", "accuracy") if not hasattr(network, name)]
        if lacking or isinstance(network, type):
            raise TypeError(
                f"{op}: network must be an object with params, gradient(x, t), loss(x, t) and accuracy(x, t), "
                f"got {given(network)}"
            )
        x_train, x_test = (as_numbers(op, name, x) for name, x in (("x_train", x_train), ("x_test", x_test)))
        t_train, t_test = (as_numbers(op, name, t) for name, t in (("t_train", t_train), ("t_test", t_test)))
        for name, x, t in (("train", x_train, t_train), ("test", x_test, t_test)):
            if not x.ndim or not t.ndim or len(x) != len(t) or not len(x):
                raise ValueError(
                    f"{op}: x_{name} is {x.shape} but t_{name} is {t.shape}, expected as many rows, at least one"
                )
        epochs, mini_batch_size = whole(op, "epochs", epochs), batch_of(op, "mini_batch_size", mini_batch_size)
        if evaluate_sample_num_per_epoch is not None:
            whole(op, "evaluate_sample_num_per_epoch", evaluate_sample_num_per_epoch, low=1)
        self.network, self.verbose = network, is_on(op, "verbose", verbose)
        self.x_train, self.t_train, self.x_test, self.t_test = x_train, t_train, x_test, t_test
        self.epochs, self.batch_size = epochs, mini_batch_size
        self.evaluate_sample_num_per_epoch = evaluate_sample_num_per_epoch
        name = one_of(op, "optimizer", text(op, "optimizer", optimizer).lower(), tuple(_OPTIMIZERS))
        made, param = _OPTIMIZERS[name], mapping(op, "optimizer_param", optimizer_param, "such as {'lr': 0.01}")
        for key in param:
            one_of(op, "a key of optimizer_param", key, list(inspect.signature(made).parameters))
        self.optimizer: Any = made(**param)
        self.train_size = x_train.shape[0]
        # Not a whole number where the batch does not divide the data: then accuracies are measured less often.
        self.iter_per_epoch = max(self.train_size / mini_batch_size, 1)
        self.max_iter = int(epochs * self.iter_per_epoch)
        self.current_iter = 0
        self.current_epoch = 0
        self.train_loss_list: list[Any] = []
        self.train_acc_list: list[Any] = []
        self.test_acc_list: list[Any] = []

    def train_step(self) -> None:
        """One update; at the start of an epoch, the accuracies after it."""
        batch = np.random.choice(self.train_size, self.batch_size)
        x, t = self.x_train[batch], self.t_train[batch]
        self.optimizer.update(self.network.params, self.network.gradient(x, t))
        loss = self.network.loss(x, t)
        self.train_loss_list.append(loss)
        if self.verbose:
            print(f"train loss:{loss}")
        if self.current_iter % self.iter_per_epoch == 0:
            self.current_epoch += 1
            some = slice(self.evaluate_sample_num_per_epoch)
            train_acc = self.network.accuracy(self.x_train[some], self.t_train[some])
            test_acc = self.network.accuracy(self.x_test[some], self.t_test[some])
            self.train_acc_list.append(train_acc)
            self.test_acc_list.append(test_acc)
            if self.verbose:
                print(f"=== epoch:{self.current_epoch}, train acc:{train_acc}, test acc:{test_acc} ===")
        self.current_iter += 1

    def train(self) -> None:
        """All iterations, then the accuracy on the whole test data."""
        for _ in range(self.max_iter):
            self.train_step()
        test_acc = self.network.accuracy(self.x_test, self.t_test)
        if self.verbose:
            print("=============== Final Test Accuracy ===============")
            print(f"test acc:{test_acc}")


__all__ = ["SGD", "AdaGrad", "Adam", "Momentum", "Nesterov", "RMSprop", "Trainer", "np", "os", "sys"]
