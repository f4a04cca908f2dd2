"""
Softmax and cross entropy, together
===================================

*"Why do the frameworks want logits? And why is the gradient so simple?"*

Taken together, the loss of a row with class y is log Σ eᶻ − z_y, which never takes the logarithm of a rounded 0, and
its gradient is p − t: what was said, minus what is true. Taken apart, the softmax of a hopeless score is exactly 0 in
float32, and the loss infinite.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit.functional as F

z, y = np.array([[2.0, 1.0, 0.1], [0.5, 2.5, 0.3]]), np.array([0, 2])
loss, gradient = F.softmax_cross_entropy(z, y)
print("loss", round(loss, 6), " apart:", round(float(-np.log(F.softmax(z)[[0, 1], y]).mean()), 6))
print("gradient\n", gradient.round(4))
print("(p - t) / n\n", ((F.softmax(z) - np.eye(3)[y]) / 2).round(4))

far = np.array([[1e4, 0.0, -1e4]], dtype=np.float32)
print("scores of 1e4, true class last:", F.softmax_cross_entropy(far, np.array([2]))[0])

# %%
# Targets may be class numbers, one-hot rows or any distribution. What is to count more gets a weight, and
# ``label_smoothing`` takes ε of the target and spreads it over all classes, so that a sure answer is not worth ever
# larger scores:

for options in ({}, {"class_weight": [1, 1, 5]}, {"sample_weight": [1, 0]}, {"label_smoothing": 0.1}):
    print(options, round(F.softmax_cross_entropy(z, y, **options)[0], 4))

margin = np.linspace(-4, 14, 181)
_, ax = plt.subplots()
for smoothing in (0.0, 0.1, 0.3):
    rows = np.column_stack([margin, np.zeros((181, 2))])
    losses = [F.softmax_cross_entropy(row[None], np.array([0]), label_smoothing=smoothing)[0] for row in rows]
    ax.plot(margin, losses, label=f"{smoothing}")
ax.set(xlabel="score of the true class, the other two have 0", ylabel="loss, nats")
ax.legend(title="label smoothing")
plt.show()

# %%
# In a model: ``Dense(classes)`` without an activation and ``loss="cross_entropy"``; ``predict`` then puts out scores,
# ``functional.softmax`` makes probabilities of them.
