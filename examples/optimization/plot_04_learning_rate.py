"""
A good learning rate
====================

*"My loss does not go down."*

Most often the learning rate is the reason: far too small and nothing happens, too large and the loss jumps or
explodes. The **range test** tries all of them in one short run on a copy: the rate grows with each step; good ones
are where the loss falls steepest. From there, a schedule lets the rate fall, because the noise of the batches keeps a
constant one from settling.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit import schedules
from densekit.layers import Dense

(X, y), _test = dk.datasets.load_digits()


def model_with(rate):
    return dk.Sequential([Dense(64, "relu"), Dense(10)], seed=0).compile(dk.optimizers.SGD(rate), "cross_entropy")


found = dk.lr_finder(model_with(0.1), X, y)
print(found)
for rate in (found.suggestion / 1000, found.suggestion, found.suggestion * 100):
    history = model_with(rate).fit(X, y, epochs=10, verbose=0, on_divergence="ignore")
    print(f"learning rate {rate:8.2g}: training loss after 10 epochs {history.history['loss'][-1]:.4f}")

# %%

figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
axes[0].plot(found.lrs, found.losses, color="0.8", label="loss of each step")
axes[0].plot(found.lrs, found.smoothed, label="smoothed")
axes[0].axvline(found.suggestion, color="C1", linestyle="--", label=f"suggestion {found.suggestion:.2g}")
axes[0].set(xlabel="learning rate", ylabel="loss", xscale="log", ylim=(0, 6), title="range test")
axes[0].legend()
t = np.arange(100)
for schedule in (
    schedules.Constant(0.1),
    schedules.Step(0.1, 30, 0.3),
    schedules.Exponential(0.1, 0.97),
    schedules.Cosine(0.1, 100),
    schedules.OneCycle(0.1),
    schedules.WarmUp(0.08, 20, unit="epoch"),
):
    axes[1].plot(t, schedule.values(0, 100, 1, 100), label=type(schedule).__name__)
axes[1].set(xlabel="epoch or update", ylabel="learning rate", title="schedules")
axes[1].legend()
plt.show()

# %%
# ``densekit.lr_finder(model, X, y).suggestion``, then ``SGD(schedules.Cosine(rate))``. ``schedules.Plateau`` waits
# until the validation loss stops falling. ``unit=`` says whether a schedule counts epochs or updates.
