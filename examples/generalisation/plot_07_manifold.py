"""
The manifold view
=================

*"My data have 64 columns. How many do they really need?"*

Real data fill only a thin, bent part of their space: digits are not random pixels. The **intrinsic dimension** is how
many numbers would be enough to say where on it a row lies. TwoNN (Facco et al. 2017) estimates it from the distances
of each row to its two nearest neighbours. An **autoencoder** learns such coordinates.
"""

import matplotlib.pyplot as plt

from densekit import datasets, manifold
from densekit.plots import IntrinsicDimensionDisplay, PointsDisplay

roll, along = datasets.swiss_roll(1500, seed=0)
(digits, labels), _ = datasets.load_digits()
print(f"swiss roll: {roll.shape[1]} columns, intrinsic dimension {manifold.intrinsic_dimension(roll).dimension:.2f}")
print(
    f"digits:     {digits.shape[1]} columns, intrinsic dimension {manifold.intrinsic_dimension(digits).dimension:.1f}"
)

# %%

figure = plt.figure(figsize=(10, 4), layout="constrained")
PointsDisplay.from_data(roll, along, title="swiss roll", ax=figure.add_subplot(1, 2, 1, projection="3d"))
IntrinsicDimensionDisplay.from_data(roll, ax=figure.add_subplot(1, 2, 2))
plt.show()

# %%
# An autoencoder puts its input out again, through two numbers:

model = manifold.autoencoder(64, (64, 32), 2, output_activation="sigmoid", seed=0)
history = model.fit(digits, digits, epochs=60, verbose=0)
print(f"mean squared error of a pixel: {history.history['loss'][0]:.4f} → {history.history['loss'][-1]:.4f}")
PointsDisplay.from_data(model.transform(digits, "latent"), labels, title="digits in two learnt coordinates")
plt.show()

# %%
# ``manifold.intrinsic_dimension(X)``, ``manifold.autoencoder(columns, hidden, latent)``, ``model.transform(X,
# layer)``.
