"""
Softmax
=======

*"Why does everybody subtract the maximum first, and what is the temperature?"*

softmax(z) = eᶻ / Σ eᶻ turns scores into probabilities. Adding a number to all scores changes nothing, so one subtracts
the largest and no exponential overflows. Dividing by a **temperature** first makes the result sharper (below 1) or
flatter (above 1). Its derivative is the matrix diag(p) − p pᵀ: all outputs depend on all scores.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit.functional as F

z = np.array([2.0, 1.0, 0.1])
p = F.softmax(z)
print("softmax       ", p.round(4), "sum", p.sum())
print("scores + 1e4  ", F.softmax(z + 1e4).round(4))
print("log_softmax   ", F.log_softmax(np.array([0.0, -1000.0])), "where the logarithm of softmax is -inf")
print("with -inf     ", F.softmax(np.array([1.0, -np.inf, 1.0])), "(a class that is ruled out)")
jacobian = np.stack([F.softmax_backward(row, p) for row in np.eye(3)])
print("derivative - (diag(p) - p pT), at most:", abs(jacobian - (np.diag(p) - np.outer(p, p))).max())

# %%

scores = np.array([3.0, 2.5, 1.0, 0.0, -1.0])
_, ax = plt.subplots()
for i, temperature in enumerate((0.3, 1.0, 3.0)):
    ax.bar(np.arange(5) + 0.27 * (i - 1), F.softmax(scores, temperature=temperature), 0.27, label=f"{temperature}")
ax.set(xlabel="score", ylabel="probability", xticks=range(5), xticklabels=scores)
ax.legend(title="temperature")
plt.show()

# %%
# In a model, leave the softmax away and train on its scores: ``Dense(classes)`` and ``loss="cross_entropy"``.
