"""
Batch norm of images: over which axes?
======================================

*"My course normalizes images per pixel, the framework per channel. Which is batch norm?"*

Both are; they differ in what is taken together. After a convolution a channel holds the same feature at every place, so
its mean is taken over images, rows and columns: two numbers a **channel**. Flattening the images first and normalizing
the columns gives two numbers a **pixel** and channel.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit.functional as F

rng = np.random.default_rng(0)
place = np.linspace(0, 1, 8)
images = rng.normal(size=(200, 3, 8, 8)) + 4 * place[:, None] * place  # images, channels, rows, columns: bright corner

channel = F.batch_norm(images, axis=1)  # statistics for each element of axis 1
pixel = F.batch_norm(images.reshape(200, -1)).reshape(images.shape)
pixel_by_axis = F.batch_norm(images, axis=(1, 2, 3))

print("by channel: mean of each channel", channel.mean((0, 2, 3)).round(6))
print("by channel: means of the pixels from", channel.mean(0).min().round(2), "to", channel.mean(0).max().round(2))
print("by pixel:   means of the pixels, at most", abs(pixel.mean(0)).max().round(6))
print("flattened and axis=(1, 2, 3) are the same bits:", np.array_equal(pixel, pixel_by_axis))

# %%
# By channel the bright corner stays, because it belongs to the picture; by pixel it is gone.

figure, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
for ax, data, name in zip(axes, (images, channel, pixel), ("input", "by channel", "by pixel"), strict=True):
    shown = ax.imshow(data[:, 0].mean(0), cmap="cividis", vmin=-1, vmax=4)
    ax.set(title=name, xticks=[], yticks=[])
figure.colorbar(shown, ax=axes, label="mean over the images")
plt.show()

# %%
# ``functional.batch_norm(x, axis=1)`` for images with channels first, ``axis=-1`` with channels last or for a plain
# table. Convolution itself is not part of this library.
