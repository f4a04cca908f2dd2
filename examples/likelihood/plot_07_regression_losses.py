"""
MAE, MSE, RMSE, and four conventions
====================================

*"The same predictions, and every library reports another error."*

They differ by a constant: the mean of squares (ours, PyTorch, Keras), half of it (scikit-learn's MLP), half of the
*sum* (the textbook code). What is more than a constant: the RMSE of a whole set is one root of one mean, **not** the
mean of the roots of batches. The MSE is least at the mean, the MAE at the median, so outliers hardly move the second.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit.functional as F
from densekit import losses, metrics

rng = np.random.default_rng(0)
y, pred = rng.normal(size=(6, 2)), rng.normal(size=(6, 2))
for compat in ("torch", "sklearn", "dlfs"):
    print(f"{compat:8s} {losses.MeanSquaredError(compat=compat)(pred, y)[0]:.6f}")
print("rmse of the set:", round(metrics.rmse(y, pred), 6), end="  ")
print(
    "mean of the roots of two batches:", round((metrics.rmse(y[:3], pred[:3]) + metrics.rmse(y[3:], pred[3:])) / 2, 6)
)
print("one root for each column:", metrics.rmse(y, pred, multioutput="raw_values").round(6))

# %%

data = np.array([1.0, 2.0, 2.5, 3.0, 12.0])
guess = np.linspace(0, 13, 261)
_, ax = plt.subplots()
for loss, name in ((F.mse, "MSE"), (F.mae, "MAE"), (F.rmse, "RMSE")):
    values = np.array([loss(np.full(5, g), data)[0] for g in guess])
    ax.plot(guess, values / values.max(), label=f"{name}, least at {guess[values.argmin()]:.2f}")
ax.plot(data, np.zeros(5), "k|", markersize=14, label="data")
ax.set(xlabel="one guess for all", ylabel="loss, as a share of the largest")
ax.legend()
plt.show()

# %%
# ``loss="mse"``, ``"mae"`` or ``"rmse"`` in ``compile``; the same names as ``metrics``.
# ``MeanSquaredError(compat=...)`` for another library's factor.
