"""
model.predict(x) and model(x)
=============================

*"Which of the two should I call? In other libraries they are not the same."*

``model.predict(X)`` is for tables: it goes through the rows in batches, so that memory stays bounded. ``model(x)`` is
one pass for a few rows, with the least overhead. Both give the same bits, for any batch size: a row's prediction does
not depend on the rows beside it. For gradients there is ``model.vjp(x)``.
"""

import time

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit.layers import BatchNorm, Dense, Dropout

model = dk.Sequential([Dense(128, "relu"), BatchNorm(), Dropout(0.3), Dense(10, "softmax")], seed=0).build(64)
X = np.random.default_rng(0).normal(size=(5000, 64)).astype(np.float32)

same = [np.array_equal(model(X), model.predict(X, batch_size=size)) for size in (1, 7, 256, 5000)]
print("the same bits as model(X) with batches of 1, 7, 256, 5000:", same)
print("row 17 alone:", np.array_equal(model(X[17:18])[0], model(X)[17]))
print("in training mode dropout is on:", np.array_equal(model(X, training=True), model(X)))

# %%
# The gradient of any number that is made of the output:

y, pullback = model.vjp(X[:1])
dx, gradients = pullback(np.eye(10, dtype=np.float32)[:1])
print("probability of class 0 by pixel:", dx.shape, " by parameter:", {k: g.shape for k, g in gradients.items()})


# %%


def microseconds(call):
    times = []
    for _ in range(30):
        start = time.perf_counter()
        call()
        times.append(1e6 * (time.perf_counter() - start))
    return np.median(times)


rows = [1, 4, 16, 64, 256, 1024, 4096]
_, ax = plt.subplots()
ax.loglog(rows, [microseconds(lambda n=n: model(X[:n])) for n in rows], "o-", label="model(x)")
ax.loglog(rows, [microseconds(lambda n=n: model.predict(X[:n])) for n in rows], "s--", label="model.predict(x)")
ax.set(xlabel="rows", ylabel="time of a call, µs")
ax.legend()
plt.show()

# %%
# ``predict`` for tables, ``model(x)`` for a row or a few, in loops and in servers. Neither keeps anything.
