"""
Gradient descent, one row at a time or all at once
==================================================

*"What batch size should I take, and why does my loss jump up and down?"*

**Gradient descent** takes the gradient of all rows, **stochastic** gradient descent that of a single row,
**mini-batch** that of a few. Fewer rows give a noisier gradient, and many more steps for the same pass over the data.
The jumping is that noise. It is no fault: it ends when the learning rate falls.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.layers import Dense
from densekit.plots import BatchSizeNoiseDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(256, 6))
y = X @ rng.normal(size=6) + 0.5 * rng.normal(size=256)

# Full batch is the textbook's gradient descent, step for step:
model = dk.Sequential([Dense(1)], seed=0, dtype="float64").compile(dk.optimizers.SGD(0.1), "mse").build(6)
w, b = (a.copy() for a in model.get_weights())
for _ in range(20):
    error = X @ w + b - y[:, None]
    w, b = w - 0.1 * 2 * X.T @ error / 256, b - 0.1 * 2 * error.mean(0)
model.fit(X, y, epochs=20, batch_size="full", verbose=0)
print("after 20 steps, fit - NumPy, at most:", abs(model.get_weights()[0] - w).max())

# %%

untrained = dk.Sequential([Dense(1)], seed=0).compile(dk.optimizers.SGD(0.01), "mse")
display = BatchSizeNoiseDisplay.from_model(untrained, X, y, batch_sizes=(1, 16, "full"), epochs=5)
for size, losses in display.losses.items():
    print(f"batch size {size}: {len(losses)} updates in 5 epochs, change between them {display.noise[size]:.2f} x mean")
plt.show()

# %%
# ``fit(batch_size=32)``, any number or ``"full"``. A last short batch counts by its size; ``drop_last=True`` leaves it
# out. ``SGD(maximize=True)`` climbs instead.
