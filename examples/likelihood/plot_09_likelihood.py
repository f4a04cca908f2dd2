"""
Likelihood
==========

*"Why is minimizing the squared error the same as maximizing a likelihood?"*

The **likelihood** is the density of the data as a function of the parameters: the data are fixed, the parameters
vary. For independent data it is the product of their densities (under independence, not in general), so its logarithm
is a sum. With a Gaussian of fixed spread around the prediction, minus that sum is the squared error and a constant.
In the same way the absolute error belongs to the Laplace distribution, and the cross entropies to Bernoulli and
categorical ones.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit import likelihood
from densekit.layers import Dense
from densekit.plots import LikelihoodSurfaceDisplay

rng = np.random.default_rng(0)
data = rng.normal(2.0, 1.5, 40)
estimate = likelihood.mle("gaussian", data)
print("most likely:", {k: round(float(v), 4) for k, v in estimate.items()}, "(the variance with n, not n - 1)")
print("log-likelihood there:", round(float(likelihood.log_likelihood("gaussian", data, **estimate)), 4))

pred = rng.normal(2.0, 0.1, 40)
mse = dk.losses.MeanSquaredError()(pred[:, None], data[:, None])[0]
nll = -likelihood.log_likelihood("gaussian", data - pred, mean=0.0, std=1.0) / 40
print(
    "negative log-likelihood - mse/2:",
    round(float(nll - mse / 2), 6),
    "= log(2 pi)/2 =",
    round(np.log(2 * np.pi) / 2, 6),
)

# %%

grids = {"mean": np.linspace(0.5, 3.5, 81), "std": np.linspace(0.8, 2.6, 81)}
LikelihoodSurfaceDisplay.from_data("gaussian", data, grids)
plt.show()

# %%
# A network may predict the spread, too: two outputs, the mean and the logarithm of the variance, trained by the
# likelihood itself.

x = rng.uniform(-2, 2, (800, 1))
y = np.sin(2 * x) + (0.05 + 0.25 * (x > 0)) * rng.normal(size=x.shape)
model = dk.Sequential([Dense(64, "tanh"), Dense(64, "tanh"), Dense(2)], seed=0)
model.compile(dk.optimizers.Adam(0.003), "gaussian_nll").fit(x, y, epochs=150, verbose=0)
grid = np.linspace(-2, 2, 200)[:, None]
mean, log_variance = model.predict(grid).T
_, ax = plt.subplots()
ax.plot(x, y, ".", color="0.75", markersize=3, label="data")
ax.plot(grid, mean, label="predicted mean")
spread = 2 * np.exp(log_variance / 2)
ax.fill_between(grid[:, 0], mean - spread, mean + spread, alpha=0.3, label="± 2 predicted deviations")
ax.set(xlabel="x", ylabel="y")
ax.legend()
plt.show()

# %%
# ``densekit.likelihood`` has ``likelihood``, ``log_likelihood``, ``mle`` and ``surface``; as losses
# ``"gaussian_nll"``, ``"laplace_nll"``, ``"poisson_nll"``, ``"gamma_nll"``.
