"""
Adam and its relatives
======================

*"Adam with the same settings, and in another library it ends elsewhere. Is epsilon that important?"*

Adam divides the running mean of the gradient by the root of the running mean of its square, so each weight has a step
of its own, about η whatever the scale of the gradient. ε keeps that division finite, and it stands in two places:
added to the root *after* its bias has been corrected (PyTorch, ours), or before (Keras, scikit-learn), where early on
it acts like an ε that is much larger. The defaults differ, too: 1e-8 and 1e-7.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.layers import Dense

(X, y), (X_test, y_test) = dk.datasets.load_digits()


def trained(optimizer, epochs=12):
    model = dk.Sequential([Dense(64, "relu"), Dense(10)], seed=0).compile(optimizer, "cross_entropy", ["accuracy"])
    history = model.fit(X, y, epochs=epochs, verbose=0)
    return history.history["loss"], model.evaluate(X_test, y_test)["accuracy"]


for compat in ("torch", "keras"):
    model = dk.Sequential([Dense(1, use_bias=False, kernel_initializer="zeros")], seed=0, dtype="float64")
    model.compile(dk.optimizers.Adam(0.1, eps=1e-7, compat=compat), "mse")
    model.fit(np.full((1, 1), 1e-4), np.full(1, 5e-3), epochs=1, verbose=0)  # a gradient of 1e-6
    print(f"first step for a gradient of -1e-6, eps 1e-7, {compat:5s}: {model.get_weights()[0][0, 0]:.4f}")

# %%

o = dk.optimizers
choices = {
    "SGD 0.1": o.SGD(0.1),
    "momentum 0.05": o.SGD(0.05, momentum=0.9),
    "Adagrad 0.03": o.Adagrad(0.03),
    "RMSprop 0.002": o.RMSprop(0.002),
    "Adam 0.003": o.Adam(0.003),
    "AdamW 0.003": o.AdamW(0.003),
}
_, ax = plt.subplots()
for i, (name, optimizer) in enumerate(choices.items()):
    losses, accuracy = trained(optimizer)
    print(f"{name:14s} test accuracy {accuracy:.4f}")
    ax.plot(np.arange(1, 13), losses, "-" if i < 3 else "--", label=name)
ax.set(xlabel="epoch", ylabel="training loss", yscale="log")
ax.legend()
plt.show()

# %%
# ``compile("adam")`` or ``optimizers.Adam(lr, beta1, beta2, eps, compat=...)``. Small data and no mini-batches:
# ``optimizers.LBFGS()``, with SciPy.
