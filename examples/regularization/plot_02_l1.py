"""
L1: the lasso
=============

*"I put an L1 penalty on my network. Why is not one weight exactly zero?"*

L1 adds λ Σ abs(w) to the objective. Its slope is ±λ however small the weight, so weights that do not matter go to zero.
They arrive there only by a step that can stop at zero: the **proximal** step, w ← sign(w) max(abs(w) − ηλ, 0) after
each step of the gradient. One often reads that L1 makes coefficients 0; under plain steps along the **subgradient**
they only hover around it.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.layers import Dense
from densekit.plots import PenaltyPathDisplay
from densekit.sweeps import penalty_path

rng = np.random.default_rng(0)
X = rng.normal(size=(200, 12))
y = X[:, :3] @ [3.0, -2.0, 1.0] + rng.normal(size=200)  # nine columns say nothing

for mode in ("subgradient", "proximal"):
    model = dk.Sequential([Dense(1)], seed=0, dtype="float64")
    model.compile(dk.optimizers.SGD(0.05), "mse", regularizer=dk.regularizers.L1(0.6, mode=mode))
    model.fit(X, y, epochs=500, batch_size=200, verbose=0)
    print(f"{mode}:", np.round(model.get_weights()[0].ravel(), 4))
    print(dk.regularizers.sparsity(model))

# %%
# A network without hidden layers and our mean squared error, which has no half, is scikit-learn's
# ``Lasso(alpha=lam/2)``. For Adam the threshold is the same ηλ, apart from its scaling of the gradient: that, too,
# makes zeros, but not the lasso's solution.
#
# One column alone is no exception: L1 shrinks it as well, and it is zero once λ is large enough. There is only nothing
# to select.

path = penalty_path(X, y, "l1")
alone = penalty_path(X[:, :1], y, "l1", lambdas=[0.001, 1.0, 2.0, 4.0, 8.0])
print("one column:", alone.coefficients.ravel().round(3), "at lambda", alone.lambdas)

# %%

PenaltyPathDisplay.from_path(path)
plt.show()

# %%
# In a model: ``model.compile(..., regularizer=L1(lam))``; ``regularizers.sparsity(model)`` counts the zeros;
# ``sweeps.penalty_path(X, y, "l1")`` draws which columns remain.
