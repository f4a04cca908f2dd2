"""
Why dropout is inverted
=======================

*"Everybody divides by 1 − rate in training. Could I leave that to prediction?"*

One could: that is the classic form. The inverted one has the advantage that prediction needs to know nothing about
dropout, so the rate may change from epoch to epoch and the model may be exported. The edges are exact: with rate 0 it
is the identity and no random number is drawn; with rate 1 everything is zero, not 0/0.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
import densekit.functional as F
from densekit import reference
from densekit.layers import Dense, Dropout

x = np.linspace(1, 2, 6, dtype=np.float32)
print("mask       ", F.dropout_mask(6, 0.5, seed=3))
print("training   ", F.dropout(x, 0.5, seed=3))
print("prediction ", F.dropout(x, 0.5, training=False))
print("rate 0     ", F.dropout(x, 0.0, seed=3), " rate 1", F.dropout(x, 1.0, seed=3))
print(
    "the NumPy twin draws the same mask:", np.array_equal(F.dropout(x, 0.5, seed=3), reference.dropout(x, 0.5, seed=3))
)

# %%
# The mask is a function of seed, layer, step and the place of the element (Philox, a counter-based generator). It does
# not depend on the number of threads, and a training run can be repeated bit by bit.
#
# In a network the mean of many training passes is the prediction only where nothing bends in between. Behind a
# nonlinear layer both differ a little:

rng = np.random.default_rng(0)
rows = rng.normal(size=(1, 8)).astype(np.float32)
straight = dk.Sequential([Dropout(0.5, inputs=8), Dense(1)], seed=1).build(8)
bent = dk.Sequential([Dropout(0.5, inputs=8), Dense(16, "tanh"), Dense(1)], seed=1).build(8)

_, axes = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True)
for ax, model, name in ((axes[0], straight, "dropout, then a linear layer"), (axes[1], bent, "dropout, then tanh")):
    passes = model(np.repeat(rows, 20_000, axis=0), training=True)  # each row has a mask of its own
    print(f"{name}: mean in training {passes.mean():.3f}, prediction {model.predict(rows)[0, 0]:.3f}")
    ax.hist(passes.ravel(), 60, color="0.8")
    ax.axvline(passes.mean(), color="C0", label="mean in training")
    ax.axvline(model.predict(rows)[0, 0], color="C1", linestyle="--", label="prediction")
    ax.set(xlabel="output", title=name)
axes[0].set_ylabel("training passes")
axes[0].legend()
plt.show()

# %%
# In a model: ``layers.Dropout(0.5)``. ``rate`` is the share that is switched off, as in PyTorch and Keras.
