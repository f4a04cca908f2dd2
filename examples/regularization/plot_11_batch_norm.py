"""
Batch norm and its ε
====================

*"What does the epsilon in batch norm do? I read that it prevents vanishing gradients."*

It does less: batch norm takes each column's mean and divides by its standard deviation (that of the batch, with n, not
n − 1), and ε keeps the division finite when a column is nearly constant: 1/√(σ² + ε) is at most 1/√ε. It is the
normalization itself that keeps the numbers, and with them the gradients, at one scale through many layers.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
import densekit.functional as F
from densekit.diagnostics import gradient_flow
from densekit.layers import BatchNorm, Dense

rng = np.random.default_rng(0)
x = rng.normal(5.0, 3.0, size=(64, 4))
print("batch norm - z-score, at most:", abs(F.batch_norm(x, eps=0.0) - (x - x.mean(0)) / x.std(0)).max())

tiny = 1e-4 * rng.normal(size=(64, 1))  # nearly constant
for eps in (1e-3, 1e-5, 1e-8):
    print(f"eps {eps:g}: a column of standard deviation 1e-4 gets {F.batch_norm(tiny, eps=eps).std():.3f}")

# %%
# The gradients of a deep sigmoid network, from the last layer to the first, with and without batch norm, and without it
# for other values of ε: only the normalization makes a difference.

X, y = rng.normal(size=(256, 16)).astype(np.float32), rng.integers(0, 2, 256)


def gradients(norm):
    layers = []
    for _ in range(12):
        layers += [Dense(32), *norm(), dk.layers.Activation("sigmoid")]
    model = dk.Sequential([*layers, Dense(2)], seed=0).compile("sgd", "cross_entropy").build(16)
    return [layer.gradient_rms for layer in gradient_flow(model, X, y).layers]


_, ax = plt.subplots()
ax.plot(gradients(list), "o-", label="without")
ax.plot(gradients(lambda: [BatchNorm(eps=1e-3)]), "s-", label="batch norm, ε = 1e-3")
ax.plot(gradients(lambda: [BatchNorm(eps=1e-7)]), "x--", label="batch norm, ε = 1e-7")
ax.set(xlabel="layer, from the first to the last", ylabel="root mean square of the gradient", yscale="log")
ax.legend()
plt.show()

# %%
# In a model: ``layers.BatchNorm()``, before or after the activation. ``stats_decay`` is the weight of the *old* running
# statistics: Keras calls that momentum, and PyTorch calls its opposite so.
