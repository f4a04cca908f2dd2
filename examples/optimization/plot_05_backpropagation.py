"""
Backpropagation, number by number
=================================

*"I know the chain rule. Where do the numbers come from?"*

Each edge of the network has a **local** derivative: how much its end changes with its beginning. Backpropagation starts
at the loss with 1 and multiplies its way back: local × upstream, and adds up where paths meet. The neuron of the
lectures: y = w2 · (w1 · x) with x = 1, w1 = 2, w2 = 3, target 5, L = (y − 5)².
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.diagnostics import explain_backward, gradcheck
from densekit.layers import Dense

chain = [Dense(1, use_bias=False, kernel_initializer=[[w]], name=name) for name, w in (("w1", 2.0), ("w2", 3.0))]
model = dk.Sequential(chain, seed=0).compile("sgd", "mse")
explanation = explain_backward(model, [1.0], [5.0])
print(explanation)

# %%
# Why not simply try each weight? One backward pass costs about two forward passes and gives all derivatives; finite
# differences need two forward passes for **each** weight:

rng = np.random.default_rng(0)
X, y = rng.normal(size=(32, 8)), rng.normal(size=32)
weights, evaluations = [], []
for units in (2, 4, 8, 16, 32):
    net = dk.Sequential([Dense(units, "tanh"), Dense(units, "tanh"), Dense(1)], seed=0, dtype="float64")
    net.compile("sgd", "mse").build(8)
    check = gradcheck(net, X, y, method="central", coordinates=None)
    summary = net.summary()
    weights.append(summary.n_parameters)
    evaluations.append(check.evaluations)
    print(f"{weights[-1]:5d} weights: {check.evaluations:5d} forward passes for differences; backward:", end=" ")
    share = (summary.step_flops - summary.forward_flops) / summary.forward_flops
    print(f"{share:.2f} of a forward pass; they agree: {bool(check)}")

# %%

figure, axes = plt.subplots(1, 2, figsize=(12, 4), width_ratios=[1.8, 1], layout="constrained")
ax = axes[0]
places = {"x = 1": (0, 1), "w1 = 2": (0, 0), "w1·x = 2": (1, 1), "w2 = 3": (1, 0), "y = 6": (2, 1), "L = 1": (3, 1)}
for name, at in places.items():
    ax.text(*at, name, ha="center", va="center", bbox={"boxstyle": "round", "facecolor": "white"})
edges = [("x = 1", "w1·x = 2"), ("w1 = 2", "w1·x = 2"), ("w1·x = 2", "y = 6"), ("w2 = 3", "y = 6"), ("y = 6", "L = 1")]
texts = ["2 × 6 = 12", "1 × 6 = 6", "3 × 2 = 6", "2 × 2 = 4", "2 × 1 = 2"]
for (source, target), text in zip(edges, texts, strict=True):
    (x0, y0), (x1, y1) = places[source], places[target]
    arrow = {"arrowstyle": "<-", "color": "C1", "shrinkA": 24, "shrinkB": 24}
    ax.annotate("", (x1, y1), (x0, y0), arrowprops=arrow)
    ax.text((x0 + x1) / 2, (y0 + y1) / 2 + 0.07, text, ha="right" if y0 < y1 else "center", color="C1")
ax.set(xlim=(-0.4, 3.4), ylim=(-0.3, 1.4), title="local × upstream, on the way back")
ax.axis("off")
axes[1].plot(weights, evaluations, "o-", label="finite differences")
axes[1].axhline(3, color="C1", linestyle="--", label="forward and backward, once")
axes[1].set(xlabel="weights", ylabel="cost in forward passes", xscale="log", yscale="log")
axes[1].legend()
plt.show()

# %%
# ``diagnostics.explain_backward(model, x, y)`` for one row of a model of yours; ``model.vjp(x)`` gives the gradient
# with respect to the input.
