"""
Where the weights begin
=======================

*"I initialised with small normal numbers, as in an old tutorial, and ten layers later all outputs are equal."*

Each layer multiplies the spread of its input by about √fan_in times the spread of its weights. The usual starts keep
that near 1: **Glorot** for tanh, **He** for ReLU (half of which is switched off), **LeCun** for SELU, **orthogonal**
matrices for very deep ones. Libraries have other defaults, and the biases differ as well.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit as dk
from densekit import initializers
from densekit.layers import Dense

for library in initializers.PRESETS:
    kernel, bias = initializers.preset(library)
    layer = Dense(100, kernel_initializer=kernel, bias_initializer=bias)
    w, b = dk.Sequential([layer], seed=0).build(300).get_weights()
    print(f"{library:8s} 300 to 100 units: weights of deviation {w.std():.4f}, biases {b.std():.4f}")

# %%

x = np.random.default_rng(0).normal(size=(512, 128)).astype(np.float32)
starts = {
    "normal, 0.01": (initializers.Normal(std=0.01), "relu"),
    "normal, 0.5": (initializers.Normal(std=0.5), "relu"),
    "Glorot, relu": ("glorot_uniform", "relu"),
    "He, relu": ("he_normal", "relu"),
    "Glorot, tanh": ("glorot_uniform", "tanh"),
    "orthogonal, tanh": ("orthogonal", "tanh"),
}
_, ax = plt.subplots()
for i, (name, (start, activation)) in enumerate(starts.items()):
    layers = [Dense(128, activation, kernel_initializer=start, name=f"layer{k}") for k in range(12)]
    model = dk.Sequential(layers, seed=0).build(128)
    spread = [x.std(), *(model.transform(x, layer=layer.name).std() for layer in layers)]
    ax.plot(spread, "o-" if i < 4 else "s--", label=name, markersize=4)
ax.set(xlabel="layer", ylabel="standard deviation of the outputs", yscale="log")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.tight_layout()
plt.show()

# %%
# ``Dense(64, "relu", kernel_initializer="he_normal")``; ``initializers.preset("torch")`` gives another library's
# pair; an array or a function of your own works, too.
