"""
The sigmoid
===========

*"My sigmoid returns nan for large negative inputs."*

σ(z) = 1 / (1 + e⁻ᶻ) squeezes any number into (0, 1). Written like that, e⁻ᶻ overflows for z below −88 in float32. The
stable form has two branches, and never takes the exponential of something positive. Its slope is σ(1 − σ), at most 1/4:
with each layer of sigmoids a gradient shrinks at least fourfold, apart from what the weights do.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit.functional as F

z = np.array([-1e4, -100.0, -2.0, 0.0, 2.0, 1e4], dtype=np.float32)
with np.errstate(over="ignore"):
    print("written down plainly:", 1 / (1 + np.exp(-z)), "with an overflow on the way")
s = F.sigmoid(z)
print("functional.sigmoid:  ", s)
print("slope:               ", F.sigmoid_backward(np.ones_like(s), s))

# %%

z = np.linspace(-8, 8, 401)
s = F.sigmoid(z)
slope = F.sigmoid_backward(np.ones_like(s), s)
print("largest slope:", slope.max(), "at z =", z[slope.argmax()])

_, ax = plt.subplots()
ax.plot(z, s, label="σ(z)")
ax.plot(z, slope, label="its slope, σ(1 − σ)")
ax.axhline(0.25, color="0.6", linestyle=":")
ax.text(-8, 0.265, "1/4")
ax.set(xlabel="z", ylabel="value")
ax.legend()
plt.show()

# %%
# As an output for yes or no, train on logits with ``loss="binary_cross_entropy"`` or a ``Dense(1, "sigmoid")``; in
# hidden layers, ``"tanh"``, ``"relu"`` or ``"gelu"`` learn faster.
