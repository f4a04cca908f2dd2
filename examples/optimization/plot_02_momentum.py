"""
Momentum and Nesterov
=====================

*"I copied the learning rate and the momentum from Keras to PyTorch and get another curve."*

Momentum keeps a running sum of gradients, so that steps along a valley add up and those across it cancel. There are two
ways to write it: v ← μv − ηg (Keras, scikit-learn, most courses) and v ← μv + g with the rate outside (PyTorch, ours).
They are equal as long as η stays the same, and differ under a schedule. Nesterov's form looks a step ahead.
"""

import matplotlib.pyplot as plt
import numpy as np

from densekit import Sequential, optim2d, optimizers, schedules
from densekit.layers import Dense
from densekit.plots import TrajectoriesDisplay

rng = np.random.default_rng(0)
X, y = rng.normal(size=(64, 3)), rng.normal(size=64)


def weights(rate, compat):
    model = Sequential([Dense(1)], seed=0, dtype="float64")
    model.compile(optimizers.SGD(rate, momentum=0.9, compat=compat), "mse")
    model.fit(X, y, epochs=10, batch_size="full", verbose=0)
    return model.get_weights()[0].ravel()


for name, rate in (("constant", 0.05), ("halved each epoch", schedules.Exponential(0.05, 0.5))):
    print(f"{name:18s} difference of both forms: {abs(weights(rate, 'torch') - weights(rate, 'keras')).max():.2e}")

for name in ("sgd", "momentum", "nesterov"):
    path = optim2d.trajectory("rosenbrock", name, lr=0.0005, steps=500)
    print(f"{name:9s} after 500 steps in the bent valley: {path.values[-1]:.5f}")

# %%

figure, ax = plt.subplots(figsize=(7, 5))
TrajectoriesDisplay.from_surface("rosenbrock", ["sgd", "momentum", "nesterov"], lr=0.0005, steps=500, ax=ax)
plt.show()

# %%
# ``SGD(lr, momentum=0.9)``, ``nesterov=True``, ``compat="keras"`` for the other form.
