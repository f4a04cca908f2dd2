"""
Binary or categorical cross entropy?
====================================

*"Keras has BinaryCrossentropy and CategoricalCrossentropy, and with the wrong one I get 50 %."*

**Categorical**: one answer out of several; the outputs are a softmax and sum to 1. **Binary**: each output is a
question of its own with yes or no; the outputs are sigmoids and know nothing of each other. For two classes both say
the same: the softmax of (0, z) is the sigmoid of z. Mixing sigmoid with categorical, or softmax with binary, is a
mistake, and is refused.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
import densekit.functional as F
from densekit.layers import Dense

z, t = np.array([-1.5, 0.2, 3.0]), np.array([0, 1, 1])
binary = F.binary_cross_entropy(z, t.astype(float))[0]
categorical = F.softmax_cross_entropy(np.column_stack([np.zeros(3), z]), t)[0]
print("binary on z:", round(binary, 12), " softmax on (0, z):", round(categorical, 12))

for activation, loss in (("sigmoid", "categorical_crossentropy"), ("softmax", "binary_crossentropy")):
    model = dk.Sequential([Dense(3, activation, inputs=4)], seed=0)
    try:
        model.compile("adam", loss).build(4)
    except ValueError as error:
        print(f"\n{activation} with {loss}:\n  {error}")

# %%
# Saying 0.1 where the answer is yes costs −log 0.1:

print("prediction 0.1, actual 1:", round(F.binary_cross_entropy(np.array([0.1]), np.ones(1), from_logits=False)[0], 6))

p = np.linspace(0.002, 0.998, 400)
_, ax = plt.subplots()
for truth, style in ((1.0, "-"), (0.0, "--")):
    costs = [F.binary_cross_entropy(np.array([v]), np.array([truth]), from_logits=False)[0] for v in p]
    ax.plot(p, costs, style, label=f"the answer is {'yes' if truth else 'no'}")
ax.plot(0.1, -np.log(0.1), "o", color="C0")
ax.annotate("2.302585", (0.1, -np.log(0.1)), (0.2, 2.6), arrowprops={"arrowstyle": "->"})
ax.set(xlabel="predicted probability of yes", ylabel="loss, nats")
ax.legend()
plt.show()

# %%
# One of several: ``Dense(classes)`` with ``"cross_entropy"``. Several at once: ``Dense(labels)`` with
# ``"binary_cross_entropy"``. Keras's names are accepted, with probabilities (its default) or ``from_logits=True``.
