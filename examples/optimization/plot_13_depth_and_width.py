"""
How many weights does depth cost?
=================================

*"Do the weights grow exponentially with the number of layers?"*

No: **linearly** with depth and **quadratically** with width. A layer from m to n units has (m + 1) n parameters; twice
as many layers of equal width are twice as many weights, twice as wide layers four times as many. What may grow
exponentially with depth is another thing: the number of linear pieces that a ReLU network can draw.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.layers import Dense


def cost(depth, width):
    return dk.Sequential([*(Dense(width, "relu") for _ in range(depth)), Dense(10)], seed=0).build(64).summary()


print(cost(3, 128))
for depth, width in ((2, 128), (4, 128), (8, 128), (2, 256), (2, 512)):
    by_hand = 65 * width + (depth - 1) * (width + 1) * width + (width + 1) * 10
    print(f"{depth} layers of {width}: {cost(depth, width).n_parameters} parameters, by hand {by_hand}")

# %%

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
depths, widths = np.arange(1, 17), np.arange(16, 513, 16)
axes[0].plot(depths, [cost(int(d), 128).n_parameters for d in depths], "o-")
axes[0].set(xlabel="hidden layers of 128 units", ylabel="parameters", title="linear in depth")
axes[1].plot(widths, [cost(2, int(w)).n_parameters for w in widths])
axes[1].set(xlabel="units in each of 2 hidden layers", title="quadratic in width")
plt.show()

# %%
# ``print(model.summary())``: parameters, floating-point operations and memory of each layer.
