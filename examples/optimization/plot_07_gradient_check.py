"""
Is my gradient right?
=====================

*"I wrote a loss and its gradient myself. The relative error is 1e-4: is that a bug, or rounding?"*

Do not choose one h: look at many. Along a direction v, abs(f(w + hv) − f(w)) falls with h; taking the gradient's part
away, abs(f(w + hv) − f(w) − h⟨g, v⟩) falls with h², **if and only if** g is the gradient. In a logarithmic picture that
is a slope of 2, and a wrong gradient has a slope of 1. That is the Taylor test.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.diagnostics import gradcheck
from densekit.layers import BatchNorm, Dense, Dropout
from densekit.plots import GradCheckDisplay

w = np.array([0.3, -1.2, 2.0])


def right(w):
    return np.sum(np.sin(w) * w), np.sin(w) + w * np.cos(w)


def wrong(w):
    return np.sum(np.sin(w) * w), np.sin(w) + 2 * w * np.cos(w)  # a factor of two too much


for fn in (right, wrong):
    check = gradcheck(fn, w)
    print(f"{fn.__name__}: passed {bool(check)}, slopes {np.median(check.slopes, axis=0).round(2)}")
print("central differences:", bool(gradcheck(right, w, method="central")), end="  ")
print("complex step:", bool(gradcheck(right, w, method="complex")))

# %%
# A whole model, with dropout (one mask), batch norm and penalties as in training:

rng = np.random.default_rng(0)
layers = [Dense(16, "tanh"), BatchNorm(), Dropout(0.3), Dense(3)]
model = dk.Sequential(layers, seed=0).compile("sgd", "cross_entropy", regularizer=dk.regularizers.L2(0.01))
print(gradcheck(model, rng.normal(size=(32, 5)), rng.integers(0, 3, 32)).message)

figure, axes = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained", sharey=True)
for ax, fn in zip(axes, (right, wrong), strict=True):
    GradCheckDisplay.from_check(gradcheck(fn, w), ax=ax)
    ax.set_title(f"the {fn.__name__} gradient", loc="left")
plt.show()

# %%
# ``diagnostics.gradcheck(fn, w)`` or ``gradcheck(model, X, y)``; its result is true if it passed. Keep away from kinks
# such as that of ReLU at 0: the test needs a smooth function.
