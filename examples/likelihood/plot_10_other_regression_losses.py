"""
Other losses for regression
===========================

*"A few wild values ruin my fit. And I need the 90 % quantile, not the mean."*

**Huber** and **log-cosh** are squared near zero and linear far away: outliers pull with a bounded force. The
**pinball** loss is least at a quantile. **Poisson** suits counts, **Gamma** positive amounts: both predict the
logarithm of the mean, so nothing negative can come out.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
import densekit.functional as F
from densekit.layers import Dense

rng = np.random.default_rng(0)
x = rng.uniform(0, 3, (600, 1))
y = x + (0.2 + 0.3 * x) * rng.normal(size=x.shape)


def fitted(loss):
    model = dk.Sequential([Dense(32, "tanh"), Dense(1)], seed=0).compile(dk.optimizers.Adam(0.01), loss)
    model.fit(x, y, epochs=100, verbose=0)
    return model


models = {q: fitted(dk.losses.Pinball(quantile=q)) for q in (0.1, 0.5, 0.9)}
for q, model in models.items():
    print(f"quantile {q}: {np.mean(y < model.predict(x)):.3f} of the rows lie below")
counts = np.array([0, 1, 1, 4])
print("one rate for the counts", counts, "is best at", end=" ")
rates = np.linspace(0.5, 3, 251)
print(rates[np.argmin([F.poisson_nll(np.full(4, np.log(r)), counts)[0] for r in rates])].round(2), "their mean")

# %%

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
d = np.linspace(-4, 4, 201)
kinds = {"mse": F.mse, "mae": F.mae, "huber": F.huber, "log-cosh": F.log_cosh}
for name, loss in kinds.items():
    axes[0].plot(d, [loss(np.array([v]), np.zeros(1))[0] for v in d], label=name)
axes[0].set(xlabel="prediction − target", ylabel="loss", ylim=(0, 5))
axes[0].legend()
axes[1].plot(x, y, ".", color="0.75", markersize=3)
grid = np.linspace(0, 3, 100)[:, None]
for q, model in models.items():
    axes[1].plot(grid, model.predict(grid), label=f"quantile {q}")
axes[1].set(xlabel="x", ylabel="y")
axes[1].legend()
plt.show()

# %%
# ``compile(loss="huber")`` or ``losses.Huber(delta)``, ``losses.LogCosh()``, ``losses.Pinball(quantile)``,
# ``"poisson_nll"``, ``"gamma_nll"``. δ of Huber is 1, as in PyTorch and Keras.
