"""A fully connected network with weight decay, dropout and batch norm."""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

import densekit.functional as F
from densekit._arrays import number, one_of, whole
from densekit._checks import items, short
from densekit.compat._shared import Array, as_numbers, is_on
from densekit.compat.dlfs import layers
from densekit.compat.dlfs.gradient import numerical_gradient
from densekit.compat.dlfs.layers import *  # noqa: F403 - as in the book's module
from densekit.compat.dlfs.layers import Affine, BatchNormalization, Dropout, Relu, Sigmoid, SoftmaxWithLoss

_ACTIVATIONS: dict[str, Callable[[], Any]] = {"relu": Relu, "sigmoid": Sigmoid}


def _first_scale(weight_init_std: Any, inputs: int) -> Any:
    """The standard deviation of first weights: He et al. for relu, Glorot's for sigmoid, or the number given."""
    word = weight_init_std.lower() if isinstance(weight_init_std, str) else ""
    if word in ("relu", "he"):
        return np.sqrt(2.0 / inputs)
    if word in ("sigmoid", "xavier"):
        return np.sqrt(1.0 / inputs)
    if isinstance(weight_init_std, str):
        raise ValueError(
            f"weight_init_std is {short(weight_init_std)}, expected a number, 'relu', 'he', 'sigmoid' or 'xavier'"
        )
    return number("MultiLayerNet", "weight_init_std", weight_init_std)


class MultiLayerNetExtend:
    """Affine, [BatchNorm], activation, [Dropout] for each hidden layer, then Affine, SoftmaxWithLoss.

    hidden_size_list: units of the hidden layers. activation: "relu" or "sigmoid". weight_init_std: the standard
    deviation of the first weights, drawn by np.random.randn, W1 first; "relu" or "he" sqrt(2 / inputs), "sigmoid" or
    "xavier" sqrt(1 / inputs). weight_decay_lambda: strength of 1/2 lambda sum(W^2). use_dropout, dropout_ration (the
    book's spelling): the probability to drop. use_batchnorm.
    params: W1, b1, ... and gamma1, beta1, ...; layers: by name; last_layer.

    >>> from densekit.compat.dlfs.multi_layer_net_extend import MultiLayerNetExtend
    >>> np.random.seed(0)
    >>> net = MultiLayerNetExtend(4, [5, 5], 3, use_batchnorm=True)
    >>> grads = net.gradient(np.random.randn(6, 4), np.arange(6) % 3)
    >>> list(net.layers)[:3], grads["gamma2"].shape
    (['Affine1', 'BatchNorm1', 'Activation_function1'], (5,))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size_list: Sequence[int],
        output_size: int,
        activation: str = "relu",
        weight_init_std: float | str = "relu",
        weight_decay_lambda: float = 0,
        use_dropout: bool = False,
        dropout_ration: float = 0.5,
        use_batchnorm: bool = False,
    ) -> None:
        op = "MultiLayerNet"
        input_size, output_size = (
            whole(op, "input_size", input_size, low=1),
            whole(op, "output_size", output_size, low=1),
        )
        given = items(op, "hidden_size_list", hidden_size_list, "units of the hidden layers")
        hidden_size_list = [whole(op, "hidden_size_list", units, low=1) for units in given]
        weight_decay_lambda = number(op, "weight_decay_lambda", weight_decay_lambda)
        use_dropout, use_batchnorm = is_on(op, "use_dropout", use_dropout), is_on(op, "use_batchnorm", use_batchnorm)
        self.input_size, self.output_size = input_size, output_size
        self.hidden_size_list, self.hidden_layer_num = hidden_size_list, len(hidden_size_list)
        self.use_dropout, self.use_batchnorm = use_dropout, use_batchnorm
        self.weight_decay_lambda = weight_decay_lambda
        make_activation = _ACTIVATIONS[one_of("MultiLayerNet", "activation", activation, tuple(_ACTIVATIONS))]
        self.params: dict[str, Array] = {}
        sizes = [input_size, *hidden_size_list, output_size]
        for idx, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
            self.params[f"W{idx}"] = _first_scale(weight_init_std, inputs) * np.random.randn(inputs, outputs)
            self.params[f"b{idx}"] = np.zeros(outputs)
        self.layers: OrderedDict[str, Any] = OrderedDict()
        for idx, width in enumerate(hidden_size_list, start=1):
            self._add_affine(idx)
            if use_batchnorm:
                gamma, beta = np.ones(width), np.zeros(width)
                self.params[f"gamma{idx}"], self.params[f"beta{idx}"] = gamma, beta
                self.layers[f"BatchNorm{idx}"] = BatchNormalization(gamma, beta)
            self.layers[f"Activation_function{idx}"] = make_activation()
            if use_dropout:
                self.layers[f"Dropout{idx}"] = Dropout(dropout_ration)
        self._add_affine(self.hidden_layer_num + 1)
        self.last_layer = SoftmaxWithLoss()

    def _add_affine(self, idx: int) -> None:
        self.layers[f"Affine{idx}"] = Affine(self.params[f"W{idx}"], self.params[f"b{idx}"])

    def predict(self, x: Array, train_flg: bool = False) -> Array:
        """Scores (n, output_size), before softmax."""
        x, train_flg = as_numbers("predict", "x", x), is_on("predict", "train_flg", train_flg)
        for name, layer in self.layers.items():
            x = layer.forward(x, train_flg) if "Dropout" in name or "BatchNorm" in name else layer.forward(x)
        return x

    def loss(self, x: Array, t: Array, train_flg: bool = False) -> Any:
        """Cross entropy and weight decay; t: one-hot or class indices."""
        loss = self.last_layer.forward(self.predict(x, train_flg), t)
        if self.weight_decay_lambda:
            for idx in range(1, self.hidden_layer_num + 2):
                loss = loss + F.l2(self.params[f"W{idx}"], self.weight_decay_lambda)[0]
        return loss

    def accuracy(self, x: Array, t: Array) -> Any:
        """The share of rows whose highest score is that of their class."""
        op = "accuracy"
        x, t = as_numbers(op, "x", x), as_numbers(op, "t", t)
        if t.ndim not in (1, 2) or not t.size or not x.ndim or len(t) != len(x):
            raise ValueError(
                f"{op}: t is {t.shape} and x is {x.shape}, expected t one-hot (n, classes), or classes (n,)"
            )
        right = t if t.ndim == 1 else t.argmax(axis=1)
        return np.sum(self.predict(x).argmax(axis=1) == right) / float(x.shape[0])

    def numerical_gradient(self, x: Array, t: Array) -> dict[str, Array]:
        """The gradient of every parameter by differences, in training mode and in the order of `gradient`."""
        grads: dict[str, Array] = {}
        for idx in range(1, self.hidden_layer_num + 2):
            norms = ("gamma", "beta") if self.use_batchnorm and idx <= self.hidden_layer_num else ()
            for name in (f"{kind}{idx}" for kind in ("W", "b", *norms)):
                grads[name] = numerical_gradient(lambda _: self.loss(x, t, train_flg=True), self.params[name])
        return grads

    def gradient(self, x: Array, t: Array) -> dict[str, Array]:
        """The gradient of every parameter by backpropagation, in training mode."""
        self.loss(x, t, train_flg=True)
        dout = self.last_layer.backward(1)
        first, *others = self.layers.values()
        for layer in reversed(others):
            dout = layer.backward(dout)
        (first.end_backward if type(first) is Affine else first.backward)(dout)
        grads: dict[str, Array] = {}
        for idx in range(1, self.hidden_layer_num + 2):
            affine = self.layers[f"Affine{idx}"]
            grads[f"W{idx}"], grads[f"b{idx}"] = affine.dW, affine.db
            if self.weight_decay_lambda:
                grads[f"W{idx}"] = affine.dW + self.weight_decay_lambda * affine.W
            if self.use_batchnorm and idx <= self.hidden_layer_num:
                norm = self.layers[f"BatchNorm{idx}"]
                grads[f"gamma{idx}"], grads[f"beta{idx}"] = norm.dgamma, norm.dbeta
        return grads


__all__ = [
    "MultiLayerNetExtend",
    "OrderedDict",
    "np",
    "numerical_gradient",
    "os",
    "sys",
    *layers.__all__,
]
