"""Layers as pairs of functions: forward returns (out, cache), backward takes (dout, cache)."""

from __future__ import annotations

from typing import Any

import numpy as np

import densekit.functional as F
from densekit._arrays import number, one_of, whole
from densekit._checks import instance
from densekit.compat._shared import (
    Array,
    Kind,
    activation,
    activation_backward,
    as_numbers,
    batch_norm,
    dense,
    dense_backward,
    kept,
    promoted,
    refused,
    table,
)

Cache = Any


def affine_forward(x: Array, w: Array, b: Array) -> tuple[Array, Cache]:
    """A dense layer: out = x w + b, every row of x made flat.

    x: (n, d1, ..., dk). w: (d1 ... dk, m). b: (m).

    >>> from densekit.compat.cs231n.layers import affine_forward
    >>> affine_forward(np.ones((1, 1, 2)), np.array([[3.0], [4.0]]), np.ones(1))[0]
    array([[8.]])
    """
    op = "affine_forward"
    flat, kernel, bias = promoted(table(op, "x", x), w, b, of="affine_forward x w b")
    return dense(flat, kernel, bias), (x, w, b)


def affine_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """dx (the shape of x), dw, db."""
    op = "affine_backward"
    x, w, _ = kept(op, cache, 3)
    upstream, flat, kernel = promoted(dout, table(op, "x", x), w, of="affine_backward dout x w")
    dx, dw, db = dense_backward(upstream, flat, kernel)
    return dx.reshape(np.shape(x)), dw, db


def relu_forward(x: Array) -> tuple[Array, Cache]:
    """out = max(0, x); the cache is x.

    >>> from densekit.compat.cs231n.layers import relu_forward
    >>> relu_forward(np.array([-1.0, 2.0]))[0]
    array([0., 2.])
    """
    (x,) = promoted(x, of="relu_forward x")
    return activation(Kind.relu, x), x


def relu_backward(dout: Array, cache: Cache) -> Array:
    """dx: dout where x > 0, else 0."""
    upstream, x = promoted(dout, cache, of="relu_backward dout cache")
    return activation_backward(Kind.relu, upstream, x)


def softmax_loss(x: Array, y: Array) -> tuple[Any, Array]:
    """Cross entropy of softmax(x), the mean over rows, and its gradient: (loss, dx).

    x: scores (n, classes). y: classes (n), from 0.

    >>> from densekit.compat.cs231n.layers import softmax_loss
    >>> loss, dx = softmax_loss(np.zeros((1, 2)), np.array([0]))
    >>> float(loss.round(6)), dx
    (0.693147, array([[-0.5,  0.5]]))
    """
    (x,) = promoted(x, of="softmax_loss x")
    loss, dx = F.softmax_cross_entropy(x, y)
    return x.dtype.type(loss), dx


def svm_loss(x: Array, y: Array) -> tuple[Any, Array]:
    """Multi-class hinge loss with margin 1, the mean over rows, and its gradient: (loss, dx).

    loss of a row: sum over j != y of max(0, x_j - x_y + 1). x: scores (n, classes). y: classes (n), from 0.

    >>> from densekit.compat.cs231n.layers import svm_loss
    >>> loss, dx = svm_loss(np.array([[3.0, 2.5, -1.0]]), np.array([0]))
    >>> float(loss), dx
    (0.5, array([[-1.,  1.,  0.]]))
    """
    (x,) = promoted(x, of="svm_loss x")
    loss, dx = F.hinge(x, y, margin=1.0)
    return x.dtype.type(loss), dx


def _mode(name: str, param: dict[str, Any]) -> str:
    return one_of(name, f"{name.partition('_')[0]} mode", param.get("mode"), ("train", "test"))


def batchnorm_forward(x: Array, gamma: Array, beta: Array, bn_param: dict[str, Any]) -> tuple[Array, Cache]:
    """Batch normalization: out = gamma (x - mean) / sqrt(var + eps) + beta, by column; var is biased.

    x: (n, d). gamma, beta: (d). bn_param: a dictionary with mode "train" or "test", eps (1e-5), momentum (0.9, the
    weight of the old value), running_mean and running_var (d), which start at 0 and which "train" replaces by new
    arrays.

    >>> from densekit.compat.cs231n.layers import batchnorm_forward
    >>> param = {"mode": "train"}
    >>> out, _ = batchnorm_forward(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1), param)
    >>> out.ravel().round(4), param["running_mean"], param["running_var"]
    (array([-1.,  1.]), array([0.2]), array([0.1]))
    """
    x, gamma, beta = promoted(x, gamma, beta, of="batchnorm_forward x gamma beta")
    if x.ndim != 2:
        raise ValueError(f"batchnorm_forward: x is {x.shape}, expected (n, d)")
    return _batchnorm("batchnorm_forward", x, gamma, beta, bn_param, axis=-1)


def _batchnorm(
    name: str, x: Array, gamma: Array, beta: Array, bn_param: dict[str, Any], axis: int
) -> tuple[Array, Cache]:
    instance(name, "bn_param", bn_param, dict, "a dictionary such as {'mode': 'train'}")
    training = _mode(name, bn_param) == "train"
    statistics = [
        np.array(as_numbers(name, key, bn_param[key]) if key in bn_param else np.zeros(x.shape[axis]), x.dtype)
        for key in ("running_mean", "running_var")
    ]
    out, saved = batch_norm(
        x, gamma, beta, *statistics, training=training, decay=number(name, "momentum", bn_param.get("momentum", 0.9)),
        eps=number(name, "eps", bn_param.get("eps", 1e-5), low=0), axis=axis,
    )  # fmt: skip
    bn_param["running_mean"], bn_param["running_var"] = statistics
    return out, (x, gamma, saved, training, axis)


def batchnorm_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """dx, dgamma, dbeta."""
    x, gamma, saved, training, axis = kept("batchnorm_backward", cache, 5)
    dout, x, gamma = promoted(dout, x, gamma, of="batchnorm_backward dout x gamma")
    return F.batch_norm_backward(dout, x, gamma, saved=saved, training=training, axis=axis)


def batchnorm_backward_alt(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """The same as batchnorm_backward, which is the simplified formula already."""
    return batchnorm_backward(dout, cache)


def layernorm_forward(x: Array, gamma: Array, beta: Array, ln_param: dict[str, Any]) -> tuple[Array, Cache]:
    """Layer normalization: out = gamma (x - mean) / sqrt(var + eps) + beta, by row; var is biased.

    x: (n, d). gamma, beta: (d). ln_param: a dictionary with eps (1e-5).

    >>> from densekit.compat.cs231n.layers import layernorm_forward
    >>> layernorm_forward(np.array([[1.0, 3.0]]), np.ones(2), np.zeros(2), {})[0].round(4)
    array([[-1.,  1.]])
    """
    instance("layernorm_forward", "ln_param", ln_param, dict, "a dictionary, which may be empty")
    x, gamma, beta = promoted(x, gamma, beta, of="layernorm_forward x gamma beta")
    out, saved = F.layer_norm(x, gamma, beta, eps=ln_param.get("eps", 1e-5), return_saved=True)
    return out, (x, gamma, saved)


def layernorm_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """dx, dgamma, dbeta."""
    x, gamma, saved = kept("layernorm_backward", cache, 3)
    dout, x, gamma = promoted(dout, x, gamma, of="layernorm_backward dout x gamma")
    return F.layer_norm_backward(dout, x, gamma, saved=saved)


def dropout_forward(x: Array, dropout_param: dict[str, Any]) -> tuple[Array, Cache]:
    """Inverted dropout: out = x mask in mode "train", the mask being 0 or 1 / keep; out = x in mode "test".

    dropout_param: a dictionary with mode, p, seed (optional: np.random.seed is called with it first) and p_means:
    "keep" (default), p is the probability to keep an element, kept where np.random.rand is less than p; or "drop",
    the probability to drop it, kept where np.random.rand is not less than p.

    >>> from densekit.compat.cs231n.layers import dropout_forward
    >>> np.random.seed(0)
    >>> dropout_forward(np.ones(4), {"mode": "train", "p": 0.6})[0].round(4)
    array([1.6667, 0.    , 0.    , 1.6667])
    """
    name = "dropout_forward"
    (x,) = promoted(x, of="dropout_forward x")
    instance(name, "dropout_param", dropout_param, dict, "a dictionary such as {'mode': 'train', 'p': 0.5}")
    p = number(name, "dropout_param['p']", dropout_param.get("p"), low=0, high=1)
    drops = one_of(name, "p_means", dropout_param.get("p_means", "keep"), ("keep", "drop")) == "drop"
    if "seed" in dropout_param:
        seed = dropout_param["seed"]
        np.random.seed(None if seed is None else whole(name, "dropout_param['seed']", seed, high=2**32 - 1))
    if _mode(name, dropout_param) == "test":
        return x, (dropout_param, None)
    keep = 1 - p if drops else p
    if keep == 0:
        raise ValueError(
            f"{name}: p={p:g} keeps no element; p is the probability to {'drop' if drops else 'keep'} one, because "
            f"dropout_param['p_means'] is {'drop' if drops else 'keep'!r}"
        )
    u = np.asarray(np.random.rand(*x.shape))
    mask = np.asarray(u >= p if drops else u < p).astype(x.dtype)
    mask /= keep
    return x * mask, (dropout_param, mask)


def dropout_backward(dout: Array, cache: Cache) -> Array:
    """dx: dout times the mask in mode "train", dout in mode "test"."""
    name = "dropout_backward"
    dropout_param, mask = kept(name, cache, 2)
    dout = as_numbers(name, "dout", dout)
    if _mode(name, dropout_param) == "test" or mask is None:
        return dout
    if dout.shape != mask.shape:
        raise ValueError(f"{name}: dout is {dout.shape} but out was {mask.shape}")
    dx: Array = dout * mask
    return dx


def spatial_batchnorm_forward(x: Array, gamma: Array, beta: Array, bn_param: dict[str, Any]) -> tuple[Array, Cache]:
    """Batch normalization of images x (n, c, h, w) by channel: statistics over n, h and w; gamma, beta: (c)."""
    name = "spatial_batchnorm_forward"
    x, gamma, beta = promoted(x, gamma, beta, of=f"{name} x gamma beta")
    if x.ndim != 4:
        raise ValueError(f"{name}: x is {x.shape}, expected (n, c, h, w)")
    return _batchnorm(name, x, gamma, beta, bn_param, axis=1)


def spatial_batchnorm_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """dx, dgamma, dbeta."""
    return batchnorm_backward(dout, cache)


_MODULE = "cs231n.layers"
conv_forward_naive = refused("conv_forward_naive", _MODULE)
conv_backward_naive = refused("conv_backward_naive", _MODULE)
max_pool_forward_naive = refused("max_pool_forward_naive", _MODULE)
max_pool_backward_naive = refused("max_pool_backward_naive", _MODULE)
spatial_groupnorm_forward = refused("spatial_groupnorm_forward", _MODULE)
spatial_groupnorm_backward = refused("spatial_groupnorm_backward", _MODULE)

__all__ = [
    "affine_backward",
    "affine_forward",
    "batchnorm_backward",
    "batchnorm_backward_alt",
    "batchnorm_forward",
    "conv_backward_naive",
    "conv_forward_naive",
    "dropout_backward",
    "dropout_forward",
    "layernorm_backward",
    "layernorm_forward",
    "max_pool_backward_naive",
    "max_pool_forward_naive",
    "np",  # as in the course's module
    "relu_backward",
    "relu_forward",
    "softmax_loss",
    "spatial_batchnorm_backward",
    "spatial_batchnorm_forward",
    "spatial_groupnorm_backward",
    "spatial_groupnorm_forward",
    "svm_loss",
]
