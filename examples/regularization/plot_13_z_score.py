"""
The z-score scaler
==================

*"My network learns nothing until I divide the columns by something."*

Columns of different scales give the loss a long narrow valley: a learning rate that is small enough for the large
column is far too small for the little one. The z-score puts each column at mean 0 and standard deviation 1 (divided
by n; a constant column is only centred). Mean and deviation come from the **training** rows, and are applied to all
others.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.layers import Dense
from densekit.preprocessing import StandardScaler

rng = np.random.default_rng(0)
X = np.column_stack([rng.normal(170, 10, 500), rng.normal(0.3, 0.05, 500), np.ones(500)]).astype(np.float32)
y = ((X[:, 0] - 170) / 10 - (X[:, 1] - 0.3) / 0.05 + 0.1 * rng.normal(size=500)).astype(np.float32)

scaler = StandardScaler().fit(X[:400])
print("means     ", scaler.mean_.round(3))
print("deviations", scaler.scale_.round(3), "(1 for the constant column)")
parts = StandardScaler()
for part in np.array_split(X[:400], 7):
    parts.partial_fit(part)
print("fitted in seven parts, differs by", abs(parts.scale_ / scaler.scale_ - 1).max().round(12))
print("and back:", abs(scaler.inverse_transform(scaler.transform(X)) - X).max() < 1e-4)

# %%

_, ax = plt.subplots()
for name, rows, rate in (
    ("as it is, lr 1e-5", X, 1e-5),
    ("as it is, lr 1e-4", X, 1e-4),
    ("z-scores, lr 0.1", None, 0.1),
):
    rows = scaler.transform(X) if rows is None else rows
    model = dk.Sequential([Dense(1)], seed=0).compile(dk.optimizers.SGD(rate), "mse")
    history = model.fit(rows[:400], y[:400], epochs=20, batch_size=400, verbose=0, on_divergence="ignore")
    ax.plot(np.arange(1, 21), history.history["loss"], label=name)
ax.set(xlabel="epoch", ylabel="training loss", yscale="log", ylim=(1e-3, 1e6))
ax.legend()
plt.show()

# %%
# ``StandardScaler`` is scikit-learn's in every attribute, and goes into its pipelines. Inside a network:
# ``layers.BatchNorm()``.
