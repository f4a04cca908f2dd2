"""Models: fully connected networks. Convolutional ones are not supported."""

from __future__ import annotations

from densekit.compat.cs231n.classifiers.fc_net import FullyConnectedNet, TwoLayerNet

__all__ = ["FullyConnectedNet", "TwoLayerNet"]
