"""Classification by the nearest training rows."""

from __future__ import annotations

import numpy as np

import densekit.functional as F
from densekit._arrays import whole
from densekit.compat._shared import Array, as_numbers, labels, promoted, table


class KNearestNeighbor:
    """The class that most of the k nearest training rows have, by Euclidean distance; of equals, the smallest.

    >>> from densekit.compat.cs231n.classifiers.k_nearest_neighbor import KNearestNeighbor
    >>> knn = KNearestNeighbor()
    >>> knn.train(np.array([[0.0], [1.0], [10.0]]), np.array([0, 0, 1]))
    >>> knn.predict(np.array([[0.4], [8.0]]), k=1)
    array([0, 1])
    """

    def train(self, X: Array, y: Array) -> None:
        """Keeps the rows X (n, d) and their classes y (n)."""
        rows = table("train", "X", X)
        labels("train", "y", y, len(rows))
        self.X_train, self.y_train = X, y

    def predict(self, X: Array, k: int = 1, num_loops: int = 0) -> Array:
        """Classes of the rows of X; num_loops (0, 1 or 2) changes nothing here."""
        whole("predict", "num_loops", num_loops, high=2)
        return self.predict_labels(self.compute_distances_no_loops(X), k)

    def compute_distances_no_loops(self, X: Array) -> Array:
        """Distances (rows of X, training rows)."""
        x, train = promoted(X, self.X_train, of="predict X X_train")
        return F.distances(x, train)

    compute_distances_one_loop = compute_distances_two_loops = compute_distances_no_loops

    def predict_labels(self, dists: Array, k: int = 1) -> Array:
        """Classes from distances (rows, training rows)."""
        op, known = "predict_labels", np.asarray(self.y_train)
        dists = as_numbers(op, "dists", dists)
        if dists.ndim != 2 or dists.shape[1] != len(known):
            raise ValueError(f"{op}: dists is {dists.shape}, expected (rows, {len(known)}), one column a training row")
        nearest = known[np.argsort(dists, axis=1)[:, : whole(op, "k", k, low=1)]]
        return np.array([np.bincount(row).argmax() for row in nearest])


__all__ = ["KNearestNeighbor", "np"]
