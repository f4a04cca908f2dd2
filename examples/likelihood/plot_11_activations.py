"""
The vocabulary of activations
=============================

*"I moved a network from Keras to PyTorch, and leaky ReLU gives other numbers."*

Names hide different constants: the slope of leaky ReLU is 0.01 in PyTorch and ONNX and 0.3 in Keras; GELU exists
exactly (with erf) and with a tanh. Ours are PyTorch's unless said otherwise, and the converters carry the slope
along.
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit.functional as F

z = np.array([-2.0, -0.5, 0.5, 2.0])
print("leaky_relu, slope 0.01:", F.leaky_relu(z), " slope 0.3:", F.leaky_relu(z, slope=0.3))
both = F.gelu(np.linspace(-6, 6, 4001)), F.gelu(np.linspace(-6, 6, 4001), approximate="tanh")
print("gelu exact against tanh, at most:", abs(both[0] - both[1]).max().round(6))

# %%

z = np.linspace(-4, 4, 401)
names = (
    "sigmoid",
    "tanh",
    "softsign",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "softplus",
    "gelu",
    "silu",
    "mish",
    "hard_swish",
)
figure, axes = plt.subplots(3, 4, figsize=(10, 7), sharex=True, layout="constrained")
for ax, name in zip(axes.ravel(), names, strict=True):
    y = getattr(F, name)(z)
    takes_output = name in ("sigmoid", "tanh", "relu")
    slope = getattr(F, f"{name}_backward")(np.ones_like(z), y if takes_output else z)
    ax.plot(z, y, label="value")
    ax.plot(z, slope, "--", label="slope")
    ax.axhline(0, color="0.8", linewidth=0.8)
    ax.set_title(name, loc="left")
    print(f"{name:11s} least {y.min():7.3f}, slope from {slope.min():6.3f} to {slope.max():.3f}")
axes[0, 0].legend()
for ax in axes[-1]:
    ax.set_xlabel("z")
plt.show()

# %%
# In a model: ``Dense(64, "gelu")``, ``Activation("leaky_relu", slope=0.3)``. As functions: ``functional.gelu`` and
# ``functional.gelu_backward``.
