"""Models: nearest neighbours, linear classifiers, fully connected networks. Convolutional ones are not supported."""

from __future__ import annotations

from densekit.compat.cs231n.classifiers.k_nearest_neighbor import KNearestNeighbor
from densekit.compat.cs231n.classifiers.linear_classifier import LinearClassifier, LinearSVM, Softmax

__all__ = ["KNearestNeighbor", "LinearClassifier", "LinearSVM", "Softmax"]
