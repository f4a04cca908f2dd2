"""
Dropout, classic and inverted
=============================

*"My outputs are smaller in training than in prediction. Is that a bug?"*

Dropout switches units off at random while training. Something must make up for the missing ones, and there are two
ways: the **classic** form (Srivastava et al. 2014) multiplies by the share that is kept when predicting; the
**inverted** form, which everybody uses today, divides by it when training, so that prediction is the identity.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit.functional as F

x = np.full(8, 10.0)
for mode in ("classic", "inverted"):
    print(f"{mode:9s} training  ", F.dropout(x, 0.4, seed=3, mode=mode).round(2))
    print(f"{mode:9s} prediction", F.dropout(x, 0.4, seed=3, mode=mode, training=False).round(2))

# %%
# ``rate`` is the share that is switched **off**, as in PyTorch and Keras. The same seed gives the same mask in both
# forms, on every machine and for every number of threads.
#
# In both forms the mean over masks is what prediction gives. Here is how the mean of more and more masks gets there:

masks = {
    mode: np.array([F.dropout(x, 0.4, seed=s, mode=mode)[0] for s in range(4000)]) for mode in ("classic", "inverted")
}

_, ax = plt.subplots()
for mode, values in masks.items():
    (line,) = ax.plot(np.cumsum(values) / np.arange(1, len(values) + 1), label=f"{mode}: mean in training")
    predicted = F.dropout(x, 0.4, mode=mode, training=False)[0]
    ax.axhline(predicted, color=line.get_color(), linestyle=":", label=f"{mode}: prediction")
ax.set(xlabel="masks", ylabel="output of one unit, input 10", xscale="log", ylim=(0, 20))
ax.legend()
plt.show()

# %%
# In a model: ``layers.Dropout(0.4)``, or ``layers.Dropout(0.4, mode="classic")``. ``model.predict`` and ``model(x)``
# switch it off; ``model(x, training=True)`` leaves it on.
