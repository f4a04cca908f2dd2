"""
Classification and regression: will I pass the class?
=====================================================

*"I went to four lectures and worked five hours on the project. Will I pass?"*

A question with a yes or a no is **classification**: a sigmoid at the end, binary cross entropy as the loss. Without a
hidden layer this is logistic regression, and separates by a straight line. Some data need more: XOR.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.layers import Dense
from densekit.plots import DecisionBoundaryDisplay

X, y = dk.datasets.pass_fail(300, seed=0)
straight = dk.Sequential([Dense(1, "sigmoid")], seed=0).compile(dk.optimizers.Adam(0.05), "binary_crossentropy")
straight.fit(X, y, epochs=200, verbose=0)
print(f"probability of passing with 4 lectures and 5 hours: {straight(np.float32([[4, 5]]))[0, 0]:.2f}")

# %%
# A prediction of 0.1 for somebody who passed costs:

print("binary cross entropy of 0.1 where the answer is 1:", dk.metrics.binary_cross_entropy([1.0], [0.1]))

# %%
# XOR: yes where exactly one of two switches is on. No straight line separates that; one hidden layer does.

corners = np.float32([[0, 0], [0, 1], [1, 0], [1, 1]])
xor = np.array([0, 1, 1, 0])
models = {}
for name, hidden in (("without", []), ("with", [Dense(8, "tanh")])):
    models[name] = dk.Sequential([*hidden, Dense(1, "sigmoid")], seed=1)
    models[name].compile(dk.optimizers.Adam(0.05), "binary_crossentropy").fit(corners, xor, epochs=500, verbose=0)
    print(f"XOR {name} a hidden layer: {models[name](corners).ravel().round(2)}")

# %%

_, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
DecisionBoundaryDisplay.from_model(straight, X, y, labels=("lectures", "hours"), ax=axes[0])
for ax, (name, model) in zip(axes[1:], models.items(), strict=True):
    DecisionBoundaryDisplay.from_model(model, corners, xor, labels=("switch 1", "switch 2"), margin=0.3, ax=ax)
    ax.set_title(f"XOR, {name} a hidden layer", loc="left")
plt.show()

# %%
# In scikit-learn's style: ``densekit.sklearn.MLPClassifier((8,))`` and ``MLPRegressor``.
