"""
Overfitting, underfitting, and the fit between
==============================================

*"My training loss is excellent and the validation loss goes up. What is that called, and how far am I off?"*

A network that is too small cannot follow the data: it **underfits**, and both losses stay high. One that is large for
its data follows the noise as well: it **overfits**, and the losses part. The losses must be compared in the same
mode: the training loss of an epoch is measured with dropout switched on, and while the weights still change.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.layers import Dense

rng = np.random.default_rng(0)
x = rng.uniform(-3, 3, (160, 1))
y = np.sin(2 * x) + 0.3 * rng.normal(size=x.shape)
train, validation = (x[:60], y[:60]), (x[60:], y[60:])

cases = {"too simple": ([], 300), "right": ([Dense(16, "tanh")], 1200), "too complex": ([Dense(256, "tanh")] * 2, 3000)}
grid = np.linspace(-3, 3, 300)[:, None]
_, axes = plt.subplots(1, 3, figsize=(10, 3.2), sharey=True, layout="constrained")
for ax, (name, (hidden, epochs)) in zip(axes, cases.items(), strict=True):
    layers = [Dense(layer.units, "tanh") for layer in hidden]
    model = dk.Sequential([*layers, Dense(1)], seed=0).compile(dk.optimizers.Adam(0.01), "mse")
    history = model.fit(*train, epochs=epochs, batch_size=60, validation_data=validation, verbose=0)
    report = dk.diagnostics.diagnose(model, *train, *validation, history=history)
    losses = model.evaluate(*train)["loss"], model.evaluate(*validation)["loss"]
    fit = [name for name in ("underfitting", "overfitting") if name in report]
    print(f"{name:12s} training {losses[0]:.3f}, validation {losses[1]:.3f}, diagnose: {', '.join(fit) or 'neither'}")
    ax.plot(*train, ".", color="0.6", label="training rows")
    ax.plot(grid, np.sin(2 * grid), ":", color="black", label="truth")
    ax.plot(grid, model.predict(grid), label="network")
    ax.set(title=name, xlabel="x", ylim=(-2, 2))
axes[0].set_ylabel("y")
axes[0].legend(fontsize="small")
plt.show()

# %%
# ``diagnose`` compares both sets in inference mode and measures underfitting against a simple model that would do
# better. The whole report has the numbers behind each finding and one thing to try:

print(report)

# %%
# The losses over the epochs: ``model.history.plot()``. How the error divides into bias and variance, by refits:
# ``dk.diagnostics.bias_variance``; whether more data would help: ``dk.diagnostics.learning_curve``.
