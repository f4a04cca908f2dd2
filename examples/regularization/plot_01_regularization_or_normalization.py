"""
Regularization or normalization?
================================

*"Both words sound alike, and in Korean they are even one word. Which one do I need?"*

**Regularization** changes what is sought: a penalty in the objective, or fewer networks to choose from. It costs
training accuracy and may gain test accuracy. **Normalization** changes the scale of numbers: of the data, or of what a
layer puts out. It makes the search easier and the answer no simpler. One often reads that batch normalization is a
regularization; more exactly, it is a normalization whose batch statistics bring in a little noise, which regularizes
mildly.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.layers import Dense
from densekit.preprocessing import StandardScaler

rng = np.random.default_rng(0)
X = rng.normal(size=(400, 10)).astype(np.float32) * np.logspace(0, 2, 10, dtype=np.float32)  # columns of all scales
y = ((X / X.std(0))[:, :3].sum(1) + rng.normal(size=400)).astype(np.float32)
train, test = slice(0, 80), slice(80, 400)
scaler = StandardScaler().fit(X[train])


def losses(scaled, lam):
    """The curves of the training rows, and the loss of the test rows at the end."""
    rows = scaler.transform(X) if scaled else X
    model = dk.Sequential([Dense(64, "tanh"), Dense(1)], seed=0)
    model.compile(dk.optimizers.SGD(0.02), "mse", ["mse"], regularizer=dk.regularizers.L2(lam) if lam else None)
    history = model.fit(rows[train], y[train], epochs=300, batch_size=16, verbose=0)
    return history.history["data_loss"], model.evaluate(rows[test], y[test])["mse"]


kinds = {
    "neither": (False, 0.0),
    "normalized input": (True, 0.0),
    "normalized and regularized": (True, 0.2),
}
found = {name: losses(*kind) for name, kind in kinds.items()}
for name, (curve, on_test) in found.items():
    print(f"{name:27s} training loss {curve[-1]:7.4f}, on other rows {on_test:7.4f}")

# %%
# Normalizing helped the *training*: the same steps get much further. The penalty made the training loss worse again,
# and the loss on *other rows* better. That is how one tells them apart.

_, ax = plt.subplots()
for name, (curve, _test) in found.items():
    ax.plot(np.arange(1, 301), curve, label=name)
ax.set(xlabel="epoch", ylabel="training loss", yscale="log")
ax.legend()
plt.show()

# %%
# Regularization is in ``densekit.regularizers`` and ``layers.Dropout``; normalization in ``densekit.preprocessing`` and
# ``layers.BatchNorm``, ``layers.LayerNorm``. The glossary has the terms in English and Korean.
