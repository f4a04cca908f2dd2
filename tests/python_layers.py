"""Layers written in Python that several test files share."""

from __future__ import annotations

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
