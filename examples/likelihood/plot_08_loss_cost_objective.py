"""
Loss, cost, objective
=====================

*"Keras prints a larger loss than PyTorch for the same weights."*

The **loss** is of one row, the **cost** its mean over the set, the **objective** the cost with the penalties: what
training really lowers. Keras and scikit-learn report the objective, PyTorch's ``weight_decay`` never shows in the loss.
Here all are there, under names of their own, and they add up.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.layers import Dense

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 8))
y = X[:, 0] - X[:, 1] + 0.3 * rng.normal(size=200)

model = dk.Sequential([Dense(32, "tanh"), Dense(1)], seed=0)
model.compile(dk.optimizers.Adam(0.01), "mse", regularizer=dk.regularizers.L2(0.01))
history = model.fit(X, y, epochs=40, verbose=0).history
for epoch in (0, 9, 39):
    parts = {name: round(history[name][epoch], 4) for name in ("data_loss", "penalty", "loss")}
    print("epoch", epoch + 1, parts)
gap = np.array(history["data_loss"]) + history["penalty"] - history["loss"]
print("data_loss + penalty - loss, at most:", abs(gap).max())

each = np.array([model.evaluate(X[i : i + 1], y[i : i + 1])["data_loss"] for i in range(200)])
print("mean of the losses of the rows:", each.mean().round(6), "cost:", round(model.evaluate(X, y)["data_loss"], 6))

# %%

_, ax = plt.subplots()
ax.stackplot(
    np.arange(1, 41),
    history["data_loss"],
    history["penalty"],
    labels=["cost: mean loss of the data", "penalty"],
    colors=["C0", "C1"],
    alpha=0.7,
)
ax.plot(np.arange(1, 41), history["loss"], "k", label="objective: their sum")
ax.set(xlabel="epoch", ylabel="value", xlim=(1, 40))
ax.legend()
plt.show()

# %%
# ``history.history`` has ``loss`` (the objective), ``data_loss`` and ``penalty``; for validation, with ``val_`` before.
