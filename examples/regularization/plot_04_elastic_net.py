"""
Elastic net
===========

*"Two of my columns say the same. Why does the lasso keep only one of them?"*

Because to L1 it makes no difference how a weight is shared between equal columns, and L2 likes it even. The elastic net
has both penalties: α ρ Σ abs(w) + ½ α (1 − ρ) Σ w², as scikit-learn writes it. It still makes zeros, and keeps columns
together that belong together.
"""

import matplotlib.pyplot as plt
import numpy as np

from densekit.plots import PenaltyPathDisplay
from densekit.sweeps import penalty_path

rng = np.random.default_rng(0)
X = rng.normal(size=(100, 6))
X[:, 1] = X[:, 0] + 0.1 * rng.normal(size=100)  # almost the same column
y = 2 * X[:, 0] + 2 * X[:, 1] - 2 * X[:, 2] + rng.normal(size=100)

lambdas = np.logspace(-1.0, 1.0, 9)
paths = {"l1": penalty_path(X, y, "l1", lambdas), "elastic_net": penalty_path(X, y, "elastic_net", lambdas)}
for kind, path in paths.items():
    at = int(np.argmin(abs(path.lambdas - 1.0)))
    print(f"{kind:12s} lambda {path.lambdas[at]:.2f}: weights", path.coefficients[at].round(2))

# %%
# Columns 0 and 1 are nearly equal. The lasso gives the weight of both to one of them, and which one is a matter of
# chance; the elastic net shares it.

figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True)
for ax, (kind, path) in zip(axes, paths.items(), strict=True):
    PenaltyPathDisplay.from_path(path, ax=ax)
    ax.set_title(kind.replace("_", " "), loc="left")
figure.tight_layout()
plt.show()

# %%
# In a model: ``compile(regularizer=ElasticNet(alpha, l1_ratio))``, or ``L1L2(l1, l2)`` with the two strengths apart.
