"""
Early stopping
==============

*"The validation loss was better some epochs ago. Can I have those weights?"*

Stop when the validation loss has not improved for ``patience`` epochs, and go back to the best weights. Libraries
differ in what they do by default: Keras does not go back unless it is told to, scikit-learn does, and it watches the
score of a random tenth of the rows. ``compat=`` has both as presets.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.callbacks import EarlyStopping
from densekit.layers import Dense
from densekit.plots import HistoryDisplay

rng = np.random.default_rng(1)
X = rng.normal(size=(400, 20)).astype(np.float32)
y = (X[:, 0] + 0.5 * X[:, 1] + rng.normal(size=400) > 0).astype(int)

model = dk.Sequential([Dense(64, "relu"), Dense(2, "softmax")], seed=0)
model.compile(dk.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
stop = EarlyStopping("val_loss", patience=15, restore_best=True)
history = model.fit(X[:200], y[:200], epochs=200, validation_data=(X[200:], y[200:]), callbacks=[stop], verbose=0)

losses = np.array(history.history["val_loss"])
best = int(losses.argmin())
print(f"stopped after {len(losses)} of 200 epochs; the best was epoch {best + 1}")
print(
    f"validation loss: last epoch {losses[-1]:.4f}, best {losses[best]:.4f}, "
    f"the model now {model.evaluate(X[200:], y[200:])['loss']:.4f}"
)

# %%
display = HistoryDisplay.from_history(history, ["loss", "val_loss"])
display.ax_.axvline(best + 1, color="0.4", linestyle=":")
display.ax_.annotate(
    "best, restored", (best + 1, losses[best]), (best + 3, losses[best] + 0.06), arrowprops={"arrowstyle": "->"}
)
plt.show()

# %%
# ``EarlyStopping("val_loss", patience=10, restore_best=True)`` in ``fit(callbacks=[...])``. ``min_delta`` says how
# much an improvement must be; ties do not count.
