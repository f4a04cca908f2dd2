"""
Mistakes with scalers
=====================

*"Training looks perfect, and in production the model says nonsense."*

Three mistakes are common: no scaling at all; a scaler that was fitted on all data, so that test rows had a say in it;
and a scaler that is forgotten when predicting. ``diagnose`` looks for all of them.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.diagnostics import diagnose
from densekit.layers import Dense
from densekit.preprocessing import StandardScaler

rng = np.random.default_rng(0)
X = np.column_stack([rng.normal(170, 10, 600), rng.normal(0.3, 0.05, 600)]).astype(np.float32)
y = ((X[:, 0] - 170) / 10 - (X[:, 1] - 0.3) / 0.05 > 0).astype(int)
train, val = slice(0, 400), slice(400, 600)


def model_for(rows):
    model = dk.Sequential([Dense(16, "relu"), Dense(2)], seed=0).compile("adam", "cross_entropy", ["accuracy"])
    history = model.fit(rows[train], y[train], epochs=30, validation_data=(rows[val], y[val]), verbose=0)
    return model, history


scaler = StandardScaler().fit(X[train])
good = scaler.transform(X)
for name, rows in (("not scaled", X), ("scaled by the training rows", good)):
    model, history = model_for(rows)
    print(f"--- {name}: validation accuracy {history.history['val_accuracy'][-1]:.3f}")
    print(diagnose(model, rows[train], y[train], rows[val], y[val], history=history))

# %%
# A scaler that is forgotten afterwards: the same model sees columns far away from all that it knows.

print("validation rows without the scaler: accuracy", model.evaluate(X[val], y[val])["accuracy"])
print(diagnose(model, good[train], y[train], X[val], y[val]))

_, ax = plt.subplots()
for rows, name, marker in ((good, "what it was trained on", "o"), (X, "what it gets without the scaler", "^")):
    ax.scatter(*rows[val].T, s=12, marker=marker, label=name)
ax.set(xlabel="first column", ylabel="second column", xscale="symlog")
ax.legend()
plt.show()

# %%
# ``diagnose(model, X, y, X_val, y_val, history=history)``. With ``densekit.sklearn.MLPClassifier`` in a pipeline the
# scaler travels with the model and cannot be forgotten.
