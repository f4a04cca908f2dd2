"""
What a network costs
====================

*"How many parameters is that? How long will a step take, and does it fit into memory?"*

A dense layer from n to m units has n·m weights and m biases, and needs 2·n·m operations for a row forward and twice
as many backward. ``model.summary()`` counts.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.layers import Dense

model = dk.Sequential([Dense(256, "relu"), Dense(128, "relu"), Dense(10, "softmax")], seed=0)
model.compile("adam", "sparse_categorical_crossentropy").build(784)
print(model.summary())

# %%
# By hand: the weights and biases of three layers.

print(784 * 256 + 256 + 256 * 128 + 128 + 128 * 10 + 10)

# %%
# One often reads that the number of weights grows exponentially with depth. It grows **linearly with depth and with
# the square of the width**:


def weights(width, depth):
    layers = [Dense(width, "relu") for _ in range(depth)]
    return sum(w.size for w in dk.Sequential([*layers, Dense(1)], seed=0).build(width).get_weights())


numbers = np.array([1, 2, 4, 8, 16])
_, ax = plt.subplots()
ax.loglog(numbers, [weights(64, n) for n in numbers], "o-", base=2, label="depth × 1, 2, 4, …, width 64")
ax.loglog(numbers, [weights(64 * n, 2) for n in numbers], "s--", base=2, label="width × 1, 2, 4, …, depth 2")
ax.set(xlabel="factor", ylabel="weights")
ax.legend()
plt.show()

# %%
# ``print(model.summary())`` once the model is built.
