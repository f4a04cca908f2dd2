"""
L1 and L2 as distances
======================

*"My nearest-neighbour classifier has an L1 option. Is that regularization?"*

No. There L1 and L2 are **distances** between two rows: Σ abs(x − y), or the root of Σ (x − y)². The penalties of the
same names measure the weights of a model. What they share is the norm. A nearest-neighbour classifier is five lines:
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit.functional as F
from densekit import datasets

(X, y), (X_test, y_test) = datasets.load_digits()


def nearest(metric, k=3):
    d = F.distances(X_test, X, metric=metric)
    votes = y[np.argpartition(d, k, axis=1)[:, :k]]
    return np.array([np.bincount(row, minlength=10).argmax() for row in votes])


for metric in ("l1", "l2", "linf"):
    print(f"{metric:4s} accuracy {np.mean(nearest(metric) == y_test):.4f}")

# %%
# Which points are equally far from the centre, and a digit with its nearest neighbours:

figure, axes = plt.subplots(1, 5, figsize=(11, 2.6), width_ratios=[1.4, 1, 1, 1, 1])
grid = np.linspace(-1.3, 1.3, 121)
points = np.stack(np.meshgrid(grid, grid), axis=-1).reshape(-1, 2)
for metric, style in (("l1", "-"), ("l2", "--"), ("linf", ":")):
    d = F.distances(points, np.zeros((1, 2)), metric=metric).reshape(121, 121)
    axes[0].contour(grid, grid, d, [1.0], linestyles=style, colors="k")
axes[0].set(aspect="equal", xlabel="l1 solid, l2 dashed,\nlinf dotted", title="distance 1")
row = int(np.flatnonzero(nearest("l2") == 8)[0])
order = np.argsort(F.distances(X_test[row : row + 1], X)[0])[:3]
images = [(X_test[row], y_test[row]), *((X[i], y[i]) for i in order)]
for ax, (image, label), title in zip(axes[1:], images, ["a digit", "nearest", "second", "third"], strict=True):
    ax.imshow(image.reshape(8, 8), cmap="gray_r")
    ax.set(title=f"{title}: {label}", xticks=[], yticks=[])
figure.tight_layout()
plt.show()

# %%
# ``functional.distances(X, Y, metric=...)``, with ``precise=True`` where the last digits matter: for many columns L2 is
# computed as x² − 2xy + y², which is fast and loses some.
