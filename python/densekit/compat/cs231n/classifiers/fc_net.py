"""Fully connected networks: `params` is a dictionary of arrays, loss(X, y) returns (loss, grads), loss(X) scores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import densekit.functional as F
from densekit._arrays import flag, number, one_of, whole
from densekit._checks import dtype_of, given, items
from densekit.compat._shared import Array, first_dense_backward, promoted, rows, table
from densekit.compat.cs231n import layer_utils
from densekit.compat.cs231n.classifiers._saved import Saved
from densekit.compat.cs231n.layer_utils import *  # noqa: F403 - as in the course's module
from densekit.compat.cs231n.layer_utils import affine_relu_forward
from densekit.compat.cs231n.layers import *  # noqa: F403
from densekit.compat.cs231n.layers import (
    affine_backward,
    affine_forward,
    batchnorm_backward,
    batchnorm_forward,
    dropout_backward,
    dropout_forward,
    layernorm_backward,
    layernorm_forward,
    relu_backward,
    relu_forward,
    softmax_loss,
)


def _penalized(loss: Any, dw: Array, w: Array, reg: float) -> Any:
    """The loss with 1/2 reg sum(w^2); the gradient is added to dw."""
    if reg == 0:
        return loss
    penalty, slope = F.l2(w, reg)
    dw += slope
    return loss + penalty


class TwoLayerNet(Saved):
    """affine, relu, affine, softmax.

    weight_scale: standard deviation of the first weights, drawn by np.random.randn, W1 first. reg: strength of
    1/2 reg sum(W^2). params: W1 (input_dim, hidden_dim), b1, W2 (hidden_dim, num_classes), b2, all float64.

    >>> from densekit.compat.cs231n.classifiers.fc_net import TwoLayerNet
    >>> np.random.seed(0)
    >>> loss, grads = TwoLayerNet(4, 5, 3).loss(np.ones((2, 4)), np.array([0, 2]))
    >>> float(round(loss, 4)), sorted(grads)
    (1.0986, ['W1', 'W2', 'b1', 'b2'])
    """

    def __init__(
        self,
        input_dim: int = 3 * 32 * 32,
        hidden_dim: int = 100,
        num_classes: int = 10,
        weight_scale: float = 1e-3,
        reg: float = 0.0,
    ) -> None:
        name = "TwoLayerNet"
        input_dim, hidden_dim = whole(name, "input_dim", input_dim, low=1), whole(name, "hidden_dim", hidden_dim, low=1)
        num_classes, weight_scale = (
            whole(name, "num_classes", num_classes, low=1),
            number(name, "weight_scale", weight_scale),
        )
        self.reg = number(name, "reg", reg)
        self.params = {
            "W1": weight_scale * np.random.randn(input_dim, hidden_dim),
            "b1": np.zeros(hidden_dim),
            "W2": weight_scale * np.random.randn(hidden_dim, num_classes),
            "b2": np.zeros(num_classes),
        }

    def loss(self, X: Array, y: Array | None = None) -> Any:
        """(loss, grads) with classes y, scores (n, num_classes) without."""
        p = self.params
        hidden, _ = affine_relu_forward(X, p["W1"], p["b1"])
        scores, second = affine_forward(hidden, p["W2"], p["b2"])
        if y is None:
            return scores
        loss, dscores = softmax_loss(scores, y)
        grads: dict[str, Array] = {}
        dhidden, grads["W2"], grads["b2"] = affine_backward(dscores, second)
        dz, x = promoted(relu_backward(dhidden, hidden), table("loss", "X", X), of="loss dz X")
        grads["W1"], grads["b1"] = first_dense_backward(dz, x)
        for name in ("W1", "W2"):
            loss = _penalized(loss, grads[name], p[name], self.reg)
        return loss, grads


class FullyConnectedNet(Saved):
    """{affine, [batch or layer norm], relu, [dropout]} for each hidden layer, then affine, softmax.

    hidden_dims: units of the hidden layers. dropout_keep_ratio: the probability to keep a unit; 1 is no dropout.
    normalization: None, "batchnorm" or "layernorm". reg: strength of 1/2 reg sum(W^2), weights alone. weight_scale:
    standard deviation of the first weights, drawn by np.random.randn, W1 first. dtype: of everything; float32.
    seed: each call of dropout calls np.random.seed with it.
    Names of earlier years: use_batchnorm, and dropout in the place of dropout_keep_ratio, where 0 is no dropout, too;
    p_means: "keep" or, until 2017, "drop": whether dropout is the probability to keep a unit or to drop it.
    params: W1, b1, ..., and gamma1, beta1, ... of the hidden layers with a normalization.

    >>> from densekit.compat.cs231n.classifiers.fc_net import FullyConnectedNet
    >>> np.random.seed(0)
    >>> model = FullyConnectedNet([5, 4], input_dim=6, num_classes=3, normalization="batchnorm", dtype=np.float64)
    >>> loss, grads = model.loss(np.random.randn(8, 6), np.arange(8) % 3)
    >>> float(round(loss, 2)), model.num_layers, grads["gamma2"].shape
    (1.1, 3, (4,))
    """

    def __init__(
        self,
        hidden_dims: Sequence[int],
        input_dim: int = 3 * 32 * 32,
        num_classes: int = 10,
        dropout_keep_ratio: float = 1,
        normalization: str | None = None,
        reg: float = 0.0,
        weight_scale: float = 1e-2,
        dtype: DTypeLike = np.float32,
        seed: int | None = None,
        *,
        dropout: float | None = None,
        use_batchnorm: bool = False,
        p_means: str = "keep",
    ) -> None:
        name = "FullyConnectedNet"
        if flag(name, "use_batchnorm", use_batchnorm) and normalization is None:
            normalization = "batchnorm"
        if normalization is not None:
            one_of(name, "normalization", normalization, ("batchnorm", "layernorm"))
        one_of(name, "p_means", p_means, ("keep", "drop"))
        ratio = dropout
        if ratio is None:
            ratio, p_means = dropout_keep_ratio, "keep"
        ratio = number(name, "dropout_keep_ratio" if dropout is None else "dropout", ratio, low=0, high=1)
        self.normalization = normalization
        self.use_batchnorm = normalization == "batchnorm"
        # A network that keeps nothing is never meant: 0 is no dropout whatever it counts, as in the earliest years.
        self.use_dropout = ratio != 0 and (ratio != 1 or p_means == "drop")
        self.reg, weight_scale = number(name, "reg", reg), number(name, "weight_scale", weight_scale)
        hidden_dims = [
            whole(name, "hidden_dims", one, low=1) for one in items(name, "hidden_dims", hidden_dims, "units")
        ]
        input_dim, num_classes = (
            whole(name, "input_dim", input_dim, low=1),
            whole(name, "num_classes", num_classes, low=1),
        )
        if seed is not None:
            seed = whole(name, "seed", seed, high=2**32 - 1)
        self.num_layers = 1 + len(hidden_dims)
        self.dtype = dtype
        if dtype_of(name, dtype).kind != "f":
            raise TypeError(f"{name}: dtype must be one of floats, such as numpy.float32, got {given(dtype)}")
        self.params = {}
        for layer, (inputs, outputs) in enumerate(pairwise([input_dim, *hidden_dims, num_classes]), start=1):
            w = weight_scale * np.random.randn(inputs, outputs)
            self.params[f"W{layer}"], self.params[f"b{layer}"] = w, np.zeros(outputs)
            if normalization is not None and layer < self.num_layers:
                self.params[f"gamma{layer}"], self.params[f"beta{layer}"] = np.ones(outputs), np.zeros(outputs)
        self.params = {key: value.astype(dtype) for key, value in self.params.items()}
        self.dropout_param: dict[str, Any] = {}
        if self.use_dropout:
            self.dropout_param = {"mode": "train", "p": ratio, "p_means": p_means}
            if seed is not None:
                self.dropout_param["seed"] = seed
        # What the normalizations need from call to call, a dictionary for each hidden layer.
        start = {"batchnorm": {"mode": "train"}, "layernorm": {}}
        self.bn_params = [dict(start[normalization]) for _ in hidden_dims] if normalization is not None else []

    def loss(self, X: Array, y: Array | None = None) -> Any:
        """(loss, grads) with classes y, in training mode; scores (n, num_classes) without, in test mode."""
        p, last = self.params, self.num_layers
        mode = "test" if y is None else "train"
        if self.use_dropout:
            self.dropout_param["mode"] = mode
        if self.use_batchnorm:
            for param in self.bn_params:
                param["mode"] = mode
        out = table("loss", "X", X).astype(self.dtype, copy=False)
        caches = []
        for layer in range(1, last):
            out, cache = self._hidden_forward(out, layer)
            caches.append(cache)
        scores, cache = affine_forward(out, p[f"W{last}"], p[f"b{last}"])
        if y is None:
            return scores
        loss, dout = softmax_loss(scores, y)
        grads: dict[str, Array] = {}
        dout, grads[f"W{last}"], grads[f"b{last}"] = affine_backward(dout, cache)
        for layer in range(last - 1, 0, -1):
            dout = self._hidden_backward(dout, caches[layer - 1], layer, grads)
        for layer in range(1, last + 1):
            loss = _penalized(loss, grads[f"W{layer}"], p[f"W{layer}"], self.reg)
        return loss, grads

    def _hidden_forward(self, x: Array, layer: int) -> tuple[Array, Any]:
        w, b = self.params[f"W{layer}"], self.params[f"b{layer}"]
        norm = drop = None
        if self.normalization is None:
            out, dense = affine_relu_forward(x, w, b)
            relu = out  # positive where its input is
        else:
            forward = batchnorm_forward if self.use_batchnorm else layernorm_forward
            gamma, beta = self.params[f"gamma{layer}"], self.params[f"beta{layer}"]
            out, dense = affine_forward(x, w, b)
            out, norm = forward(out, gamma, beta, self.bn_params[layer - 1])
            out, relu = relu_forward(out)
        if self.use_dropout:
            out, drop = dropout_forward(out, self.dropout_param)
        return out, (dense, norm, relu, drop)

    def _hidden_backward(self, dout: Array, cache: Any, layer: int, grads: dict[str, Array]) -> Array:
        dense, norm, relu, drop = cache
        if self.use_dropout:
            dout = dropout_backward(dout, drop)
        dout = relu_backward(dout, relu)
        if self.normalization is not None:
            backward = batchnorm_backward if self.use_batchnorm else layernorm_backward
            dout, grads[f"gamma{layer}"], grads[f"beta{layer}"] = backward(dout, norm)
        if layer == 1:
            grads["W1"], grads["b1"] = first_dense_backward(dout, rows(dense[0]))
            return dout
        dx, grads[f"W{layer}"], grads[f"b{layer}"] = affine_backward(dout, dense)
        return dx


__all__ = ["FullyConnectedNet", "TwoLayerNet", "os", *layer_utils.__all__]  # that has all of layers
