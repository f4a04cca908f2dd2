"""
Correcting a shift
==================

*"In training half of the cases were ill; in the clinic it is one in ten. Must I train again?"*

If the classes look as before and only their shares changed (label shift), the new shares can be estimated **without
any new labels** from what the classifier says (black-box shift estimation, Lipton et al. 2018). The probabilities are
then corrected by Bayes' rule, or the old rows are weighed for a new training. For a covariate shift a classifier
estimates the weight of each row.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit import shift
from densekit.layers import Dense

rng = np.random.default_rng(0)
y = rng.integers(0, 2, 6000)
X = (rng.normal(size=(6000, 2)) + 1.5 * y[:, None]).astype(np.float32)
model = dk.Sequential([Dense(16, "relu"), Dense(2, "softmax")], seed=0)
model.compile("adam", "sparse_categorical_crossentropy").fit(X[:2000], y[:2000], epochs=30, verbose=0)

clinic = shift.simulate_label(X[4000:], y[4000:], [0.9, 0.1])
found = shift.bbse(model, X[2000:4000], y[2000:4000], clinic.X)
print("shares in training:", found.priors_ref.round(3), " in the clinic, estimated:", found.priors_new.round(3))

before = model.predict(clinic.X)
after = shift.posterior_correction(before, found.weights)
for name, p in (("as trained", before), ("corrected", after)):
    print(
        f"{name:11s} accuracy {(p.argmax(axis=1) == clinic.y).mean():.3f}, mean probability of ill {p[:, 1].mean():.3f}"
    )

# %%
# A calibrated classifier is right as often as it says. Before the correction it says "ill" too often:

_, ax = plt.subplots()
for name, p in (("as trained", before), ("corrected", after)):
    parts = np.array_split(np.argsort(p[:, 1]), 10)
    ax.plot([p[i, 1].mean() for i in parts], [clinic.y[i].mean() for i in parts], "o-", label=name)
ax.plot([0, 1], [0, 1], ":", color="0.5", label="as often as it says")
ax.set(xlabel="probability of ill, predicted", ylabel="share of ill, observed")
ax.legend()
plt.show()

# %%
# To train anew: ``model.fit(X, y, sample_weight=found.weights[y])``. For a covariate shift:
# ``shift.density_ratio_weights(X_old, X_new).weights``, which also says how many rows that is worth. Networks that
# are trained until they fit every row end at the same function whatever the weights, so stop early with both.
