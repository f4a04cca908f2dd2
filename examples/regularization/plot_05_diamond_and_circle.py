"""
The diamond and the circle
==========================

*"Why does L1 make zeros and L2 does not? Everybody draws a diamond and a circle."*

A penalised fit is the best one within a ball: that of all weights whose penalty is at most what the solution has. The
ball of L1 is a diamond with corners on the axes, where one weight is zero; that of L2 is round and has no corners. The
ellipses of the loss touch a corner often, and touch a circle hardly ever exactly on an axis.
"""

import matplotlib.pyplot as plt
import numpy as np

from densekit.plots import NormBallsDisplay, PenaltyContoursDisplay

rng = np.random.default_rng(1)
X = rng.normal(size=(80, 2)) @ [[1.0, 0.6], [0.0, 0.8]]
y = X @ [2.0, 0.4] + 0.5 * rng.normal(size=80)

figure, axes = plt.subplots(1, 2, figsize=(10, 4.6))
for ax, kind in zip(axes, ("l1", "l2"), strict=True):
    display = PenaltyContoursDisplay.from_data(X, y, kind, lam=1.5, ax=ax)
    print(f"{kind}: best without penalty {display.least.round(3)}, with it {display.solution.round(3)}")
figure.tight_layout()
plt.show()

# %%
# All norms of one family: p below 1 has inward corners (and is no norm any more), p = 1 the diamond, p = 2 the circle,
# and the larger p, the nearer the square.

NormBallsDisplay.from_orders()
plt.show()

# %%
# ``PenaltyContoursDisplay.from_data(X, y, kind, lam)`` draws it for any two columns, ``NormBallsDisplay.from_orders()``
# for any orders.
