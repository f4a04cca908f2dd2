"""
The loss surface of a network
=============================

*"What does the surface look like that my optimizer walks on?"*

It has as many dimensions as there are weights; a picture shows one or two random directions. Random directions of equal
length mislead, because a layer with large weights hardly notices them. So each unit's part of a direction is given the
length of that unit's weights (**filter normalisation**); then wide and narrow can be compared.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.layers import Dense, Residual
from densekit.plots import LossLandscapeDisplay

X, y = dk.datasets.moons(300, noise=0.2, seed=0)


def trained(layers):
    model = dk.Sequential(layers, seed=0).compile(dk.optimizers.Adam(0.003), "cross_entropy")
    model.fit(X, y, epochs=150, verbose=0)
    return model


plain = trained([Dense(16, "tanh"), *(Dense(16, "tanh") for _ in range(5)), Dense(2)])
skips = trained([Dense(16, "tanh"), *(Residual([Dense(16, "tanh")]) for _ in range(5)), Dense(2)])

figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for ax, model, name in ((axes[0], plain, "six layers"), (axes[1], skips, "with skips")):
    display = LossLandscapeDisplay.from_model(model, X, y, points=31, ax=ax)
    ax.set_title(name, loc="left")
    print(f"{name}: loss {display.loss[15, 15]:.4f} in the middle, median of the square {np.median(display.loss):.3f}")
plt.show()

# %%
# Along one direction:

LossLandscapeDisplay.from_model(plain, X, y, dimensions=1, points=101)
plt.show()

# %%
# ``plots.LossLandscapeDisplay.from_model(model, X, y)``. Batch norms keep their running statistics, or every point
# would be normalized back.
