"""
The min-max scaler
==================

*"One outlier, and all my other values lie between 0 and 0.2."*

Min-max scaling maps each column from its smallest and largest training value to [0, 1] (or another range): (x − min)
/ (max − min) · (b − a) + a. That suits data with true limits, like grey values. One value alone decides the scale
here. It has its share in the z-score, too, but only one of n.
"""

import matplotlib.pyplot as plt
import numpy as np

from densekit.preprocessing import MinMaxScaler, StandardScaler

rng = np.random.default_rng(0)
x = rng.normal(50, 5, size=(300, 1))
x[0] = 200.0  # a slip of the pen

scaler = MinMaxScaler().fit(x)
print("range of the training rows:", scaler.data_min_.round(2), scaler.data_max_)
print("the other 299 lie from", scaler.transform(x[1:]).min().round(4), "to", scaler.transform(x[1:]).max().round(4))
print("a new value of 400 becomes", scaler.transform([[400.0]]).ravel().round(3), "without clipping")
print("with clip=True             ", MinMaxScaler(clip=True).fit(x).transform([[400.0]]).ravel())
print("a constant column becomes  ", MinMaxScaler((-1, 1)).fit_transform(np.full((3, 1), 7.0)).ravel())

# %%

figure, axes = plt.subplots(1, 2, figsize=(10, 3.4))
for ax, kind in zip(axes, (MinMaxScaler(), StandardScaler()), strict=True):
    z = kind.fit_transform(x).ravel()
    print(f"{type(kind).__name__}: standard deviation of the 299 others {z[1:].std():.3f}")
    ax.hist(z[1:], 30)
    ax.axvline(z[0], color="C1", linestyle="--", label="the outlier")
    ax.set(xlabel=type(kind).__name__, ylabel="rows")
    ax.legend()
figure.tight_layout()
plt.show()

# %%
# ``MinMaxScaler(feature_range=(0, 1), clip=False)``, as in scikit-learn.
