"""
Hidden spaces, dimension reduction, clustering
==============================================

*"What does my network see in its hidden layers? Can I cluster that?"*

Each layer bends the space a little so that in the end straight lines separate the classes. ``model.transform(X,
layer=)`` gives what any layer puts out, as a NumPy array; scikit-learn's PCA, KMeans and all the others take it from
there.
"""

import matplotlib.pyplot as plt
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score

import densekit as dk
from densekit.layers import Dense
from densekit.plots import HiddenSpacesDisplay

(X, y), (Xt, yt) = dk.datasets.load_digits()
model = dk.Sequential([Dense(64, "relu", name="first"), Dense(32, "relu", name="second"), Dense(10, "softmax")], seed=0)
model.compile("adam", "sparse_categorical_crossentropy").fit(X, y, epochs=30, verbose=0)

for name, rows in {
    "pixels": Xt,
    "first": model.transform(Xt, "first"),
    "second": model.transform(Xt, "second"),
}.items():
    clusters = KMeans(10, n_init=5, random_state=0).fit_predict(rows)
    share = PCA(2).fit(rows).explained_variance_ratio_.sum()
    print(
        f"{name:7s} clusters against digits (1 is perfect): {adjusted_rand_score(yt, clusters):.2f}; "
        f"two principal components keep {100 * share:.0f} % of the variance"
    )

# %%

HiddenSpacesDisplay.from_model(model, Xt, yt)
plt.show()

# %%
# ``model.transform(X, layer=)`` goes into any scikit-learn estimator.
