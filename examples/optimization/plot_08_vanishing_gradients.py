"""
Vanishing and exploding gradients
=================================

*"My deep network does not learn; the last layers move, the first do not."*

On the way back a gradient is multiplied by each layer: by its weights and by the slope of its activation. A sigmoid's
slope is at most 1/4, so after L layers at most (1/4)ᴸ is left, times the norms of the weights. Factors above 1 explode
instead. Remedies are one line each: another activation, a better start, normalization, a skip, and, against explosions,
clipping.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.diagnostics import GradientFlow, gradient_flow
from densekit.layers import BatchNorm, Dense, Residual
from densekit.plots import GradientFlowDisplay, GradientHeatMapDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(256, 16)).astype(np.float32)
y = (X[:, :2].sum(1) > 0).astype(int)


def network(block, optimizer="sgd"):
    """block makes the layers that are repeated 18 times."""
    layers = [Dense(32), *(layer for _ in range(18) for layer in block()), Dense(2)]
    return dk.Sequential(layers, seed=0).compile(optimizer, "cross_entropy")


sigmoid = network(lambda: [Dense(32, "sigmoid")])
networks = {
    "sigmoid": sigmoid,
    "relu, He's start": network(lambda: [Dense(32, "relu", kernel_initializer="he_normal")]),
    "sigmoid, batch norm": network(lambda: [Dense(32, "sigmoid"), BatchNorm()]),
    "sigmoid, skips": network(lambda: [Residual([Dense(32, "sigmoid"), Dense(32)])]),
    "tanh, lr 100": network(lambda: [Dense(32, "tanh")], optimizer=dk.optimizers.SGD(100.0)),
}
for name, model in networks.items():
    flow = gradient_flow(model, X, y)
    print(f"{name:20s} {flow.verdict:10s} first/last layer {flow.ratio:.1e}")
print(gradient_flow(sigmoid, X, y))

# %%

GradientFlowDisplay.from_model(sigmoid, X, y)
plt.show()

# %%
# The same over a training, here with batch norm: layers by epochs.

watch = GradientFlow(X, y)
networks["sigmoid, batch norm"].fit(X, y, epochs=15, callbacks=[watch], verbose=0)
GradientHeatMapDisplay.from_callback(watch)
plt.show()

# %%
# ``diagnostics.gradient_flow(model, X, y)`` before training, ``callbacks=[GradientFlow(X, y)]`` during it,
# ``compile(clip_norm=1.0)`` against explosions.
