"""
L2: the ridge
=============

*"Is L2 the same as weight decay, and does it make the important weights larger?"*

L2 adds ½ λ Σ w² to the objective; its gradient is λ w. It makes no weight larger: it pulls on each one in proportion to
its size, so on large ones most. **Weight decay** is another thing: it shrinks weights by ηλ after the step, outside of
the objective. For plain gradient descent both are equal; for Adam they are not, because Adam scales the gradient of the
penalty along with that of the loss.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit import optimizers
from densekit.diagnostics import bias_variance
from densekit.layers import Dense

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 15))
w = np.linspace(-1.5, 1.5, 15)
y = X @ w + 2.0 * rng.normal(size=60)
lam = 1.0

model = dk.Sequential([Dense(1, use_bias=False)], seed=0, dtype="float64")
model.compile(dk.optimizers.LBFGS(), "mse", regularizer=dk.regularizers.L2(lam)).fit(X, y, verbose=0)
ridge = np.linalg.solve(X.T @ X + 60 * lam / 2 * np.eye(15), X.T @ y)
print("network - closed form of the ridge, at most:", abs(model.get_weights()[0].ravel() - ridge).max())

for penalty, decay in ((dk.regularizers.L2(lam), 0.0), (None, lam)):
    steps = []
    for optimizer in (optimizers.SGD(0.01, weight_decay=decay), optimizers.Adam(0.01, weight_decay=decay)):
        net = dk.Sequential([Dense(1)], seed=0, dtype="float64").compile(optimizer, "mse", regularizer=penalty)
        net.fit(X, y, epochs=10, batch_size=60, verbose=0)
        steps.append(np.linalg.norm(net.get_weights()[0]))
    print("L2 penalty  " if penalty else "weight decay", "after 10 steps, norm with sgd, adam:", np.round(steps, 5))

# %%
# What the penalty is for: fitted again and again to samples of the rows, a network without it gives other answers each
# time (variance). The penalty lowers that, and pulls all answers to one side (bias).


def make(strength):
    return lambda seed: dk.Sequential([Dense(1)], seed=seed, dtype="float64").compile(
        dk.optimizers.LBFGS(), "mse", regularizer=dk.regularizers.L2(strength)
    )


X_test = rng.normal(size=(500, 15))
strengths = np.logspace(-2, 1.5, 8)
splits = [bias_variance(make(s), X, y, X_test, X_test @ w, repeats=20) for s in strengths]

_, ax = plt.subplots()
ax.plot(strengths, [s.bias_squared for s in splits], "o-", label="bias²")
ax.plot(strengths, [s.variance for s in splits], "s-", label="variance")
ax.plot(strengths, [s.error for s in splits], "k--", label="their sum: the error")
ax.set(xlabel="strength λ", ylabel="squared error on other rows", xscale="log")
ax.legend()
plt.show()

# %%
# In a model: ``compile(regularizer=L2(lam))`` for the penalty, ``Adam(weight_decay=...)`` or ``AdamW`` for the decay.
# Biases are left alone by both.
