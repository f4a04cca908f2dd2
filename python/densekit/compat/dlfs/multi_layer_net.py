"""A fully connected network with weight decay."""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from densekit.compat.dlfs import layers
from densekit.compat.dlfs.gradient import numerical_gradient
from densekit.compat.dlfs.layers import *  # noqa: F403 - as in the book's module
from densekit.compat.dlfs.multi_layer_net_extend import MultiLayerNetExtend


class MultiLayerNet(MultiLayerNetExtend):
    """MultiLayerNetExtend without dropout and batch norm.

    >>> from densekit.compat.dlfs.multi_layer_net import MultiLayerNet
    >>> np.random.seed(0)
    >>> net = MultiLayerNet(784, [100], 10)
    >>> net.predict(np.zeros((2, 784))).shape
    (2, 10)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size_list: Sequence[int],
        output_size: int,
        activation: str = "relu",
        weight_init_std: float | str = "relu",
        weight_decay_lambda: float = 0,
    ) -> None:
        super().__init__(input_size, hidden_size_list, output_size, activation, weight_init_std, weight_decay_lambda)


__all__ = [
    "MultiLayerNet",
    "OrderedDict",
    "np",
    "numerical_gradient",
    "os",
    "sys",
    *layers.__all__,
]
