"""
Activations that are not zero-centred
=====================================

*"The lecture says that sigmoid outputs make the path zigzag. How do I see that?"*

For one row, the gradient of a neuron's weight i is δ xᵢ. If all inputs xᵢ are positive, as after a sigmoid, all these
gradients have the sign of δ: the weights of a neuron go up together or down together, and where one should rise and
another fall, only a zigzag leads there. Averaging over a batch weakens the effect, since different rows have
different δ.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.diagnostics import sign_coherence
from densekit.layers import Dense
from densekit.plots import ZigzagDisplay

rng = np.random.default_rng(0)
X, y = rng.normal(size=(256, 10)), rng.normal(size=256)
for activation in ("sigmoid", "relu", "tanh"):
    model = dk.Sequential([Dense(64, activation), Dense(64, activation), Dense(1)], seed=0).compile("sgd", "mse")
    found = sign_coherence(model, X, y)["dense_1"]
    print(f"{activation:8s} one row: {found.per_sample:.3f}   all rows together: {found.batch:.3f}")

# %%
# 1 means that all signs agree. Chance alone gives about 0.8/√d for d inputs, here 0.1. The path of two weights from 0
# to (1, −1), a row at a time:

display = ZigzagDisplay.from_neuron()
for name, path in display.paths.items():
    steps = np.diff(path, axis=0)
    length, way = np.linalg.norm(steps, axis=1).sum(), np.linalg.norm(path[-1] - path[0])
    together = np.mean(steps[:, 0] * steps[:, 1] > 0)
    print(f"{name}: path {length:.2f} for a way of {way:.2f}; both weights the same way in {together:.0%} of the steps")
plt.show()

# %%
# ``diagnostics.sign_coherence(model, X, y)``. Remedies: tanh, batch norm between the layers, and standardized input.
