"""
How much dropout?
=================

*"With dropout 0.9 it does not learn; with 0.05 I see no difference."*

Both are what to expect. With a rate near 1 almost nothing gets through and the network cannot even learn its training
rows; with one near 0 it is the dense network. In between lies a range that helps, the wider the network the higher.
Compare the losses **without** dropout on both sets: the loss that training prints is measured with units switched off.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.layers import Dense, Dropout
from densekit.plots import DropoutSweepDisplay, UncertaintyDisplay
from densekit.sweeps import dropout_sweep

rng = np.random.default_rng(0)
X = rng.normal(size=(1060, 20)).astype(np.float32)
y = (np.sin(X[:, 0]) + X[:, 1] * X[:, 2] + 0.5 * rng.normal(size=1060)).astype(np.float32)[:, None]

layers = [Dense(128, "relu"), Dropout(0.5), Dense(64, "relu"), Dropout(0.5), Dense(1)]
model = dk.Sequential(layers, seed=0).compile(dk.optimizers.Adam(0.003), "mse")
sweep = dropout_sweep(model, X[:160], y[:160], (X[160:], y[160:]), epochs=60, modes=("inverted",), seeds=3)
for rate, train, val in zip(
    sweep.rates, sweep.train_loss.mean(-1).ravel(), sweep.val_loss.mean(-1).ravel(), strict=True
):
    print(f"rate {rate:.1f}: training {train:.3f}, validation {val:.3f}")

# %%

DropoutSweepDisplay.from_sweep(sweep)
plt.show()

# %%
# Dropout left on in prediction is useful, too: many passes, each with another mask, give a mean and a standard
# deviation (Monte-Carlo dropout). It grows where there were no data.

x = np.concatenate([rng.uniform(-3, -0.5, 100), rng.uniform(1, 3, 100)]).astype(np.float32)[:, None]
curve = dk.Sequential([Dense(128, "relu"), Dropout(0.2), Dense(128, "relu"), Dropout(0.2), Dense(1)], seed=0)
curve.compile(dk.optimizers.Adam(0.003), "mse")
curve.fit(x, np.sin(2 * x) + 0.1 * rng.normal(size=x.shape), epochs=200, verbose=0)
UncertaintyDisplay.from_model(curve, x, np.sin(2 * x), margin=2.0)
plt.show()

# %%
# ``sweeps.dropout_sweep(model, X, y, (X_val, y_val))`` for the rate; ``model.predict(x, mc_samples=100,
# return_std=True)`` for the standard deviation.
