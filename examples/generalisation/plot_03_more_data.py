"""
More data, or more of the same: noise, mixup, smoothed labels
=============================================================

*"I have only sixty rows. Can I make more?"*

For tables of numbers there are three cheap ways to widen a small set: add **noise** to the inputs anew in each step,
train on points **between** rows (mixup), or **smooth** the labels so that the network is not asked to be certain.
None replaces real rows. What they do can be measured: the gap, validation loss minus training loss, both in inference
mode.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.layers import Dense, GaussianNoise
from densekit.preprocessing import mixup


def losses(how, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(560, 8)).astype(np.float32)
    y = (X[:, 0] + X[:, 1] ** 2 - 1 + 0.7 * rng.normal(size=560) > 0).astype(int)
    noise = [GaussianNoise(0.4)] if how == "noise" else []
    model = dk.Sequential([*noise, Dense(32, "relu"), Dense(2, "softmax")], seed=seed)
    loss = dk.losses.CategoricalCrossentropy(label_smoothing=0.2 if how == "smoothed labels" else 0)
    model.compile(dk.optimizers.Adam(0.01), loss)
    rows = X[:60], np.eye(2, dtype=np.float32)[y[:60]]
    for epoch in range(100):
        data = mixup(X[:60], y[:60], alpha=1.0, classes=2, seed=epoch) if how == "mixup" else rows
        model.fit(*data, epochs=epoch + 1, initial_epoch=epoch, batch_size=20, verbose=0)
    each = -np.log(np.maximum(model.predict(X)[np.arange(560), y], 1e-7))
    return each[:60].mean(), each[60:].mean()


ways = ["nothing", "noise", "mixup", "smoothed labels"]
found = np.array([[losses(how, seed) for seed in range(8)] for how in ways])
for how, (training, validation) in zip(ways, found.mean(axis=1), strict=True):
    print(f"{how:16s} training {training:.2f}  validation {validation:.2f}  gap {validation - training:.2f}")

# %%

_, ax = plt.subplots()
gaps = found[:, :, 1] - found[:, :, 0]
for i, seeds in enumerate(gaps):
    ax.plot(np.full(len(seeds), i), seeds, "o", alpha=0.5, color="C0")
ax.plot(gaps.mean(axis=1), "D", color="C1", label="mean of eight seeds")
ax.set_xticks(range(len(ways)), ways)
ax.set(ylabel="validation loss − training loss, nats")
ax.legend()
plt.show()

# %%
# ``layers.GaussianNoise(0.4)`` as the first layer, ``preprocessing.mixup(X, y, seed=epoch)`` anew for each epoch,
# ``losses.CategoricalCrossentropy(label_smoothing=0.1)``.
