"""Layers that follow one another, as one call: forwards they are one kernel, too."""

from __future__ import annotations

import numpy as np

from densekit.compat._shared import (
    Array,
    Kind,
    activation_backward,
    dense,
    dense_backward,
    kept,
    promoted,
    refused,
    table,
)
from densekit.compat.cs231n import layers
from densekit.compat.cs231n.layers import *  # noqa: F403 - as in the course's module
from densekit.compat.cs231n.layers import Cache


def affine_relu_forward(x: Array, w: Array, b: Array) -> tuple[Array, Cache]:
    """affine_forward, then relu_forward: out = max(0, x w + b).

    >>> from densekit.compat.cs231n.layer_utils import affine_relu_forward
    >>> affine_relu_forward(np.array([[1.0, 2.0]]), np.array([[3.0, -3.0], [4.0, -4.0]]), np.zeros(2))[0]
    array([[11.,  0.]])
    """
    flat, kernel, bias = promoted(table("affine_relu_forward", "x", x), w, b, of="affine_relu_forward x w b")
    out = dense(flat, kernel, bias, relu=True)
    return out, (x, w, out)


def affine_relu_backward(dout: Array, cache: Cache) -> tuple[Array, Array, Array]:
    """dx, dw, db."""
    op = "affine_relu_backward"
    x, w, out = kept(op, cache, 3)
    upstream, flat, kernel, saved = promoted(dout, table(op, "x", x), w, out, of=f"{op} dout x w cache")
    dx, dw, db = dense_backward(activation_backward(Kind.relu, upstream, saved), flat, kernel)
    return dx.reshape(np.shape(x)), dw, db


_MODULE = "cs231n.layer_utils"
conv_relu_forward = refused("conv_relu_forward", _MODULE)
conv_relu_backward = refused("conv_relu_backward", _MODULE)
conv_bn_relu_forward = refused("conv_bn_relu_forward", _MODULE)
conv_bn_relu_backward = refused("conv_bn_relu_backward", _MODULE)
conv_relu_pool_forward = refused("conv_relu_pool_forward", _MODULE)
conv_relu_pool_backward = refused("conv_relu_pool_backward", _MODULE)

__all__ = [
    "affine_relu_backward",
    "affine_relu_forward",
    "conv_bn_relu_backward",
    "conv_bn_relu_forward",
    "conv_relu_backward",
    "conv_relu_forward",
    "conv_relu_pool_backward",
    "conv_relu_pool_forward",
    *layers.__all__,
]
