"""
Surprisal, entropy, cross entropy
=================================

*"What does a cross entropy of 0.35 mean?"*

An event of probability p has the **surprisal** −log p: none if it is certain, much if it is rare. The **entropy** is
the surprisal to be expected. The **cross entropy** H(p, q) is what one expects who believes q while p is true; it
exceeds the entropy by the **Kullback-Leibler divergence**. In nats with the natural logarithm, in bits with base 2. e
to the cross entropy, the **perplexity**, is a number of equally likely choices: 0.35 nats are 1.42.
"""

import matplotlib.pyplot as plt
import numpy as np

from densekit import info

box = np.array([0.999, 0.001])  # 999 black balls and a white one
print("surprisal of black and of white, bits:", info.surprisal(box, base=2).round(6))
print("entropy of the box, bits:             ", round(float(info.entropy(box, base=2)), 6))

p, q = np.array([0.7, 0.2, 0.1]), np.array([0.5, 0.25, 0.25])
print("H(p)", round(float(info.entropy(p)), 4), " KL(p||q)", round(float(info.kl(p, q)), 4), end="  ")
print("H(p, q)", round(float(info.cross_entropy(p, q)), 4), " nats")
print("perplexity of a fair die:", round(float(info.perplexity(np.full(6, 1 / 6))), 12))
print("perplexity of 0.35 nats: ", round(float(np.exp(0.35)), 2))

# %%

share = np.linspace(0, 1, 201)
coins = np.stack([share, 1 - share], axis=1)
believed = info.cross_entropy(np.tile([0.7, 0.3], (199, 1)), coins[1:-1], base=2)
_, ax = plt.subplots()
ax.plot(share, info.entropy(coins, base=2), label="entropy of a coin")
ax.plot(share[1:-1], believed, label="cross entropy, true p = 0.7")
ax.plot(0.7, info.entropy([0.7, 0.3], base=2), "o", color="C1")
ax.annotate("least where belief and truth agree", (0.7, 0.88), (0.16, 1.6), arrowprops={"arrowstyle": "->"})
ax.set(xlabel="probability of heads", ylabel="bits", ylim=(0, 3))
ax.legend()
plt.show()

# %%
# ``densekit.info`` has ``surprisal``, ``entropy``, ``cross_entropy``, ``kl``, ``perplexity``, each with ``axis`` and
# ``base``; ``info.frequencies(labels)`` makes a distribution of labels.
