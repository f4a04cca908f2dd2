"""Layers as objects: forward(x) keeps what backward(dout) needs; parameters are the caller's arrays, not copies."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

import densekit.functional as F
from densekit._arrays import number
from densekit._checks import given
from densekit.compat._shared import (
    Array,
    Kind,
    activation_backward,
    as_numbers,
    batch_norm,
    dense,
    dense_backward,
    first_dense_backward,
    is_float,
    is_on,
    promoted,
    refuse,
    rows,
    table,
)
from densekit.compat.dlfs import functions
from densekit.compat.dlfs.functions import *  # noqa: F403 - as in the book's module
from densekit.compat.dlfs.functions import classes, cross_entropy_error, relu, sigmoid, softmax
from densekit.compat.dlfs.util import col2im, im2col

_MODULE = "common.layers"


def _after_forward(op: str, kept: Any) -> Any:
    """What forward kept; RuntimeError before the first forward."""
    if kept is None:
        raise RuntimeError(f"{op}: call forward before backward")
    return kept


class Relu:
    """out = x where x > 0, else 0. backward writes into dout and returns it.

    >>> from densekit.compat.dlfs.layers import Relu
    >>> layer, dout = Relu(), np.ones(2)
    >>> layer.forward(np.array([-1.0, 2.0])), layer.backward(dout) is dout, dout
    (array([0., 2.]), True, array([0., 1.]))
    """

    def __init__(self) -> None:
        self._x: Any = None

    @property
    def mask(self) -> Any:
        """Where x is not above 0: where backward writes 0. None before forward."""
        return None if self._x is None else self._x <= 0

    def forward(self, x: Array) -> Array:
        self._x = as_numbers("Relu", "x", x)
        return relu(x)  # type: ignore[no-any-return]

    def backward(self, dout: Array) -> Array:
        op, x = "Relu", _after_forward("Relu", self._x)
        if not isinstance(dout, np.ndarray) or dout.dtype.kind not in "fiub":
            raise TypeError(f"{op}: dout must be an array of numbers, which backward changes, got {given(dout)}")
        if dout.shape != x.shape:
            raise ValueError(f"{op}: dout is {dout.shape} but x was {x.shape}")
        if is_float(dout) and dout.flags.writeable:
            # A select of whole vectors, ten times as fast as NumPy's assignment under a random mask.
            return activation_backward(Kind.relu, dout, np.asarray(x, dout.dtype), out=dout)
        if not dout.flags.writeable:
            raise ValueError(f"{op}: dout is changed in place, but the array is read-only")
        dout[self.mask] = 0
        return dout


class Sigmoid:
    """out = 1 / (1 + e^-x).

    >>> from densekit.compat.dlfs.layers import Sigmoid
    >>> layer = Sigmoid()
    >>> layer.forward(np.zeros(1)), layer.backward(np.ones(1))
    (array([0.5]), array([0.25]))
    """

    def __init__(self) -> None:
        self.out: Any = None

    def forward(self, x: Array) -> Array:
        self.out = sigmoid(x)
        return self.out  # type: ignore[no-any-return]

    def backward(self, dout: Array) -> Array:
        upstream, out = promoted(dout, _after_forward("Sigmoid", self.out), of="Sigmoid dout out")
        return activation_backward(Kind.sigmoid, upstream, out)


class Affine:
    """out = x W + b, every row of x made flat; backward returns dx and leaves dW and db.

    >>> from densekit.compat.dlfs.layers import Affine
    >>> layer = Affine(np.array([[3.0], [4.0]]), np.ones(1))
    >>> layer.forward(np.array([[1.0, 2.0]])), layer.backward(np.ones((1, 1))), layer.dW, layer.db
    (array([[12.]]), array([[3., 4.]]), array([[1.],
           [2.]]), array([1.]))
    """

    def __init__(self, W: Array, b: Array) -> None:
        op = "Affine"
        W, b = as_numbers(op, "W", W), as_numbers(op, "b", b)
        if W.ndim != 2 or b.shape not in (W.shape[1:], (1, W.shape[1])):
            raise ValueError(f"{op}: W is {W.shape} and b is {b.shape}, expected (inputs, outputs) and (outputs,)")
        self.W, self.b = W, b
        self.x: Any = None
        self.original_x_shape: Any = None
        self.dW: Any = None
        self.db: Any = None

    def forward(self, x: Array) -> Array:
        x = as_numbers("Affine", "x", x)
        self.original_x_shape = x.shape
        self.x, w, b = promoted(rows(x, "Affine"), self.W, self.b, of="Affine x W b")
        return dense(self.x, w, b)

    def backward(self, dout: Array) -> Array:
        upstream, x, w = promoted(dout, _after_forward("Affine", self.x), self.W, of="Affine dout x W")
        dx, self.dW, self.db = dense_backward(upstream, x, w)
        return dx.reshape(self.original_x_shape)

    def end_backward(self, dout: Array) -> None:
        """backward of the first layer of a network: leaves dW and db, and spends nothing on dx."""
        upstream, x = promoted(dout, _after_forward("Affine", self.x), of="Affine dout x")
        if upstream.shape != (len(x), self.W.shape[1]):
            raise ValueError(f"Affine: dout is {upstream.shape}, expected {(len(x), self.W.shape[1])}")
        self.dW, self.db = first_dense_backward(upstream, x)


class SoftmaxWithLoss:
    """The loss cross_entropy_error(softmax(x), t); backward is (y - t) / rows, whatever dout is.

    t: one-hot (n, classes) or class indices (n). y: the probabilities, after forward.

    >>> from densekit.compat.dlfs.layers import SoftmaxWithLoss
    >>> layer = SoftmaxWithLoss()
    >>> float(layer.forward(np.zeros((1, 2)), np.array([0])).round(6)), layer.backward()
    (0.693147, array([[-0.5,  0.5]]))
    """

    def __init__(self) -> None:
        self.loss: Any = None
        self.y: Any = None
        self.t: Any = None

    def forward(self, x: Array, t: Array) -> Any:
        t, y = as_numbers("SoftmaxWithLoss", "t", t), softmax(x)
        self.loss = cross_entropy_error(y, t)
        self.t, self.y = t, y
        return self.loss

    def backward(self, dout: Any = 1) -> Array:
        n = _after_forward("SoftmaxWithLoss", self.t).shape[0]
        if self.t.size == self.y.size:
            return (self.y - self.t) / n  # type: ignore[no-any-return]
        dx: Array = self.y.copy()
        dx[np.arange(n), classes(self.y, self.t)] -= 1
        dx /= n
        return dx


class Dropout:
    """Dropout as first described: x mask in training, mask = np.random.rand(...) > dropout_ratio; else x (1 - ratio).

    dropout_ratio: the probability to drop. arXiv 1207.0580.

    >>> from densekit.compat.dlfs.layers import Dropout
    >>> np.random.seed(0)
    >>> layer = Dropout(0.6)
    >>> layer.forward(np.ones(4)), layer.forward(np.ones(4), train_flg=False)
    (array([0., 1., 1., 0.]), array([0.4, 0.4, 0.4, 0.4]))
    """

    def __init__(self, dropout_ratio: float = 0.5) -> None:
        self.dropout_ratio = number("Dropout", "dropout_ratio", dropout_ratio, low=0, high=1)
        self.mask: Any = None

    def forward(self, x: Array, train_flg: bool = True) -> Array:
        x = as_numbers("Dropout", "x", x)
        if not is_on("Dropout", "train_flg", train_flg):
            return x * (1.0 - self.dropout_ratio)
        self.mask = np.asarray(np.random.rand(*x.shape) > self.dropout_ratio)
        out: Array = x * self.mask
        return out

    def backward(self, dout: Array) -> Array:
        op, mask, dout = "Dropout", _after_forward("Dropout", self.mask), as_numbers("Dropout", "dout", dout)
        if dout.shape != mask.shape:
            raise ValueError(f"{op}: dout is {dout.shape} but x was {mask.shape}")
        dx: Array = dout * mask
        return dx


class BatchNormalization:
    """gamma (x - mean) / sqrt(var + 10e-7) + beta by column; backward leaves dgamma and dbeta. arXiv 1502.03167.

    gamma, beta: (d), held. momentum: the weight of the old value of running_mean and running_var, which start at 0 and
    are used with train_flg=False. Other than (n, d), x is made so: an image's activations are normalized one by one.

    >>> from densekit.compat.dlfs.layers import BatchNormalization
    >>> layer = BatchNormalization(np.ones(1), np.zeros(1))
    >>> layer.forward(np.array([[1.0], [3.0]])).ravel().round(4), layer.running_mean, layer.running_var
    (array([-1.,  1.]), array([0.2]), array([0.1]))
    """

    def __init__(
        self,
        gamma: Array,
        beta: Array,
        momentum: float = 0.9,
        running_mean: Array | None = None,
        running_var: Array | None = None,
    ) -> None:
        op = "BatchNormalization"
        self.gamma, self.beta = as_numbers(op, "gamma", gamma), as_numbers(op, "beta", beta)
        if self.gamma.ndim != 1 or self.gamma.shape != self.beta.shape:
            raise ValueError(f"{op}: gamma is {self.gamma.shape} and beta {self.beta.shape}, expected (d,) both")
        self.momentum = number(op, "momentum", momentum)
        if (running_mean is None) != (running_var is None):
            raise TypeError(f"{op}: give running_mean and running_var, or neither of them")
        for name, value in (("running_mean", running_mean), ("running_var", running_var)):
            if value is not None and as_numbers(op, name, value).shape != self.gamma.shape:
                raise ValueError(f"{op}: {name} is {np.shape(value)}, expected {self.gamma.shape} as gamma")
        self.running_mean: Any = running_mean
        self.running_var: Any = running_var
        self.input_shape: Any = None
        self.batch_size: Any = None
        self.dgamma: Any = None
        self.dbeta: Any = None
        self._cache: Any = None

    def forward(self, x: Array, train_flg: bool = True) -> Array:
        op, x = "BatchNormalization", as_numbers("BatchNormalization", "x", x)
        train_flg = is_on(op, "train_flg", train_flg)
        self.input_shape = x.shape
        flat, gamma, beta = promoted(rows(x, op), self.gamma, self.beta, of="BatchNormalization x gamma beta")
        if self.running_mean is None:
            self.running_mean = self.running_var = np.zeros(flat.shape[1])
        mean, var = (np.array(a, flat.dtype) for a in (self.running_mean, self.running_var))
        out, saved = batch_norm(
            flat, gamma, beta, mean, var, training=train_flg, decay=self.momentum, eps=10e-7, axis=-1
        )
        if train_flg:
            self.running_mean, self.running_var = mean, var
            self.batch_size = len(flat)
            self._cache = flat, saved
        return out.reshape(self.input_shape)

    def backward(self, dout: Array) -> Array:
        op = "BatchNormalization"
        x, saved = _after_forward(op, self._cache)
        upstream, x, gamma = promoted(table(op, "dout", dout), x, self.gamma, of="BatchNormalization dout x gamma")
        dx, self.dgamma, self.dbeta = F.batch_norm_backward(upstream, x, gamma, saved=saved)
        return dx.reshape(self.input_shape)


class Convolution:
    """Not supported: raises ConvolutionNotSupported."""

    def __init__(self, *args: Any, **kwargs: Any) -> NoReturn:
        refuse("Convolution", _MODULE)


class Pooling:
    """Not supported: raises ConvolutionNotSupported."""

    def __init__(self, *args: Any, **kwargs: Any) -> NoReturn:
        refuse("Pooling", _MODULE)


__all__ = [
    "Affine",
    "BatchNormalization",
    "Convolution",
    "Dropout",
    "Pooling",
    "Relu",
    "Sigmoid",
    "SoftmaxWithLoss",
    "col2im",
    "im2col",
    *functions.__all__,
]
