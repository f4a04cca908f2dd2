"""
Local minima and saddle points
==============================

*"My loss stands still. Am I caught in a local minimum?"*

Probably not. A stationary point is a minimum only if the loss rises in **every** direction: all eigenvalues of the
Hessian are positive. With many weights that is unlikely by chance; most stalls are saddles, or plateaus where the
gradient is just small. Being at a saddle and being caught in a local minimum are two different things, and the signs of
the Hessian tell them apart. Real local minima exist; against them, start again.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit import optim2d
from densekit.diagnostics import stationary_point
from densekit.layers import Dense
from densekit.plots import RestartsDisplay, TrajectoriesDisplay

saddle = optim2d.surface("saddle")


def fn(w):
    return float(saddle.value(*w)), np.array(saddle.gradient(*w))


print("x² - y² at (0, 0):", stationary_point(fn, np.zeros(2)))
for y0 in (0.0, 1e-6):
    end = optim2d.trajectory("saddle", "sgd", start=(1.5, y0), steps=100, lr=0.1).points[-1]
    print(f"gradient descent from (1.5, {y0:g}) ends at", end.round(4))

# %%
# A network whose weights are all zero is at a saddle, too: nothing moves, though almost any step aside would help.

x = np.linspace(-2, 2, 64)[:, None]
layers = [Dense(4, "tanh", kernel_initializer="zeros"), Dense(1, kernel_initializer="zeros")]
zeros = dk.Sequential(layers, seed=0, dtype="float64").compile("adam", "mse")
losses = zeros.fit(x, np.sin(x), epochs=100, batch_size="full", verbose=0).history["loss"]
print(f"loss before {losses[0]:.6f}, after 100 epochs {losses[-1]:.6f}")
print(stationary_point(zeros, x, np.sin(x)))

# %%

TrajectoriesDisplay.from_surface("himmelblau", ["sgd", "momentum", "adam"], start=(-0.3, -0.9))
plt.show()

# %%
# Rastrigin's surface has a local minimum at every pair of whole numbers. If one start succeeds with probability p, the
# best of n does with 1 − (1 − p)ⁿ:

rates = optim2d.restart_rates("rastrigin", "adam", most=60, trials=6000, steps=150)
print(f"one start reaches the best minimum in {rates.share:.1%}; the best of 60 in {rates.rates[-1]:.1%}", end=", ")
print(f"by the formula {rates.expected[-1]:.1%}")
RestartsDisplay.from_rates(rates)
plt.show()

# %%
# ``diagnostics.stationary_point(model, X, y)`` gives the verdict with the gradient's norm and the extreme eigenvalues;
# ``diagnostics.restarts(make_model, n, X, y)`` keeps the best of n starts.
