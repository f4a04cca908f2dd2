"""Layers written in Python that several test files share."""

from __future__ import annotations

import numpy as np

from densekit.layers import Layer


class Scale(Layer):
    """y = factor x, with a name that reads like any other layer's."""

    def __init__(self, start=2.0, **options):
        super().__init__(**options)
        self.start = start

    def build(self, inputs):
        self.add_parameter("factor", (inputs,), self.start)
        return inputs

    def forward(self, x, parameters, training):
        return x * parameters[0], x

    def backward(self, dy, saved, parameters, gradients):
        gradients[0][...] = (dy * saved).sum(axis=0)
        return dy * parameters[0]


class Stretch(Scale):
    """The same under a name that no layer of densekit has."""


class PerPlace(Layer):
    """y = weight x, with a weight for each number of a row."""

    def build(self, inputs):
        self.seen = inputs
        shape = inputs if isinstance(inputs, tuple) else (inputs,)
        self.add_parameter("weight", shape, lambda shape, rng: rng.normal(1, 0.1, size=shape))
        return inputs

    def forward(self, x, parameters, training):
        assert x.shape[1:] == parameters[0].shape
        return x * parameters[0], x

    def backward(self, dy, saved, parameters, gradients):
        assert dy.shape == saved.shape
        gradients[0][...] = (dy * saved).sum(axis=0)
        return dy * parameters[0]


class Pool(Layer):
    """The mean over the first axis of a row."""

    def build(self, inputs):
        self.count = inputs[0]
        return inputs[1:]

    def forward(self, x, parameters, training):
        return x.mean(axis=1), None

    def backward(self, dy, saved, parameters, gradients):
        return np.repeat(dy[:, None], self.count, axis=1) / self.count
