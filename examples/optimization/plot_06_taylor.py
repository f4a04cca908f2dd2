"""
Taylor series
=============

*"If a function is differentiable, does its Taylor series give it back?"*

Only if the **remainder** goes to 0; differentiable, even infinitely often, is not enough. Where the series works, it is
what all of optimization leans on: near a point, a function is its value, plus slope times step, plus half the curvature
times the square of the step.
"""

import matplotlib.pyplot as plt
import numpy as np

from densekit import taylor
from densekit.plots import TaylorDisplay

print("coefficients of exp:", taylor.coefficients("exp", 0.0, 5).round(5))
print("coefficients of sin:", taylor.coefficients("sin", 0.0, 5).round(5))
x = 1.5
for order in (1, 3, 5, 7):
    found = abs(float(taylor.remainder("sin", 0.0, order, x)))
    bound = float(taylor.lagrange_bound("sin", 0.0, order, x))
    print(f"sin at {x}, order {order}: remainder {found:.2e}, at most {bound:.2e} by Lagrange")


def flat(x):
    """exp(-1/x²), and 0 at 0: all derivatives there are 0."""
    with np.errstate(divide="ignore"):
        return np.where(x == 0, 0.0, np.exp(-1.0 / np.asarray(x, float) ** 2))


print("exp(-1/x²) at 1:", flat(1.0).round(4), " its Taylor polynomial at 0, of any order: 0")

# %%

figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
TaylorDisplay.from_function("sin", orders=(1, 3, 5, 7), ax=axes[0])
grid = np.linspace(-3, 3, 301)
axes[1].plot(grid, flat(grid), "k", label="exp(−1/x²)")
axes[1].plot(grid, 0 * grid, "--", label="its Taylor polynomials at 0")
axes[1].set(xlabel="x", ylabel="value")
axes[1].legend()
plt.show()

# %%
# ``taylor.coefficients(f, a, order)``, ``taylor.remainder`` and ``taylor.lagrange_bound``; f may be a function of your
# own that takes complex numbers.
