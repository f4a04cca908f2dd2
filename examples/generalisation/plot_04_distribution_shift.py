"""
Three kinds of distribution shift
=================================

*"The model was good in spring. Now it is not, and nobody changed it."*

The world changed. Three ways have names. **Covariate shift**: other inputs, P(X), while the answer to each stays.
**Label shift**: other shares of the classes, P(Y), while each class looks as before. **Concept shift**: the answer
itself changed, P(Y given X). From inputs alone the kinds cannot be told apart; with some new labels they can.
"""

import matplotlib.pyplot as plt
import numpy as np

from densekit import shift
from densekit.plots import PointsDisplay

rng = np.random.default_rng(0)
y = rng.integers(0, 2, 3000)
X = rng.normal(size=(3000, 2)) + 1.6 * y[:, None] * [1, 0]
old, now = slice(0, 1500), slice(1500, None)
worlds = {
    "as before": (X[now], y[now]),
    "covariate shift": shift.simulate_covariate(X[now], y[now], strength=1.5, direction=1),
    "label shift": shift.simulate_label(X[now], y[now], [0.9, 0.1]),
    "concept shift": shift.simulate_concept(X[now], y[now], strength=0.7),
}

_, axes = plt.subplots(1, 4, figsize=(12, 3.2), sharex=True, sharey=True, layout="constrained")
for ax, (name, world) in zip(axes, worlds.items(), strict=True):
    X_new, y_new = world if isinstance(world, tuple) else (world.X, world.y)
    blind = shift.report(X[old], X_new)
    told = shift.report(X[old], X_new, y_ref=y[old], y_new=y_new)
    print(f"{name:16s} inputs alone: {blind.kind:10s} with labels: {told.kind}")
    PointsDisplay.from_data(X_new[:400], y_new[:400], title=name, ax=ax)
plt.show()

# %%
# "unknown" means: the inputs changed, and no labels say in which way. "none" means: not so that this many rows show
# it. The whole report says what was tested:

print(told)

# %%
# ``shift.report(X_old, X_new)``, with ``y_ref=`` and ``y_new=`` where there are labels.
