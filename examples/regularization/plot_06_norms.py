"""
Norms of vectors and matrices
=============================

*"NumPy, the textbook and my regularizer give three different numbers for the 2-norm of this matrix."*

A vector has the p-norms (Σ abs(x)ᵖ)^(1/p), from the count of entries that are not zero (p = 0) to the largest (p =
∞). A matrix has two families. **Entrywise**, as if it were one long vector: that is what regularizers take.
**Induced**: how much the matrix can lengthen a vector. For p = 1 that is the largest sum of *absolute values* of a
column, for p = ∞ that of a row (not simply their sums, as one sometimes reads), for p = 2 the largest singular value.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit.functional as F

a = np.array([[3.0, -4.0], [0.0, 2.0]])
for p in (0, 1, 2, np.inf):
    print(f"entries as a vector, p = {p}:", round(float(F.vector_norm(a.ravel(), p)), 4))
for p in (1, 2, np.inf, "fro", "nuc"):
    print(f"matrix, {p}:", round(F.matrix_norm(a, p), 4), "NumPy:", round(float(np.linalg.norm(a, p)), 4))

# %%
# What the induced 2-norm means: the unit circle becomes an ellipse; its longest half axis is the largest singular
# value. It bounds how much a layer can amplify, and its gradient on the way back.

angle = np.linspace(0, 2 * np.pi, 400)
circle = np.stack([np.cos(angle), np.sin(angle)])
ellipse = a @ circle
longest = ellipse[:, np.argmax(F.vector_norm(ellipse, axis=0))]
longest = longest * np.sign(longest[0])
print("longest image of a unit vector:", round(float(np.hypot(*longest)), 4))

_, ax = plt.subplots()
ax.plot(*circle, label="vectors of length 1")
ax.plot(*ellipse, label="what the matrix makes of them")
ax.annotate("", xy=longest, xytext=(0, 0), arrowprops={"arrowstyle": "->", "linewidth": 1.5})
ax.text(*(longest / 2 + [0.1, 0.15]), f"{F.matrix_norm(a, 2):.2f}")
ax.set(xlabel="first component", ylabel="second component", aspect="equal")
ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.35))
plt.show()

# %%
# ``functional.vector_norm(x, p, axis=...)`` and ``functional.matrix_norm(a, p)``.
