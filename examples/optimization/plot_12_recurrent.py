"""
Recurrent networks and long memory
==================================

*"My recurrent network forgets what it saw twenty steps ago."*

Unrolled through time, h_t = tanh(x_t Wx + h_{t−1} Wh + b) is a deep network with the **same** weights in each layer.
The gradient of the last state with respect to an early one is a product of T − t matrices diag(1 − h²) Whᵀ. If the
largest singular value of Wh times the largest slope is below 1, it must vanish; a value above 1 is needed for it to
explode, but does not suffice, because the slopes may be small. Clipping bounds the step; it brings nothing back that
has vanished.

This library has no recurrent layer. A plain one is a few lines over ``functional``:
"""

import matplotlib.pyplot as plt
import numpy as np

import densekit.functional as F


def unroll(w, b, x):
    """States (T + 1, n, units) from h₀ = 0 on, for x (T, n, inputs) and w (inputs + units, units)."""
    states = [np.zeros((x.shape[1], w.shape[1]))]
    for x_t in x:
        states.append(F.dense(np.hstack([x_t, states[-1]]), w, b, activation="tanh"))
    return np.stack(states)


def backward(w, x, states, dh):
    """Backpropagation through time: (dw, db, the gradients with respect to each state) for dh at the last state."""
    dw, db, back = np.zeros_like(w), np.zeros(w.shape[1]), [dh]
    for t in range(len(x) - 1, -1, -1):
        layer_input = np.hstack([x[t], states[t]])
        d_input, dw_t, db_t = F.dense_backward(back[0], layer_input, w, activation="tanh", saved=states[t + 1])
        dw, db = dw + dw_t, db + db_t
        back.insert(0, d_input[:, x.shape[2] :])
    return dw, db, np.stack(back)


def network(factor, units=32, inputs=3, seed=0):
    """An orthogonal Wh times a factor: each of its singular values is the factor."""
    rng = np.random.default_rng(seed)
    wh = factor * np.linalg.qr(rng.normal(size=(units, units)))[0]
    return np.vstack([rng.normal(size=(inputs, units)) / np.sqrt(inputs), wh]), np.zeros(units)


T = 40
rng = np.random.default_rng(1)
x = rng.normal(size=(T, 8, 3))
cases = {
    "0.8, small inputs": (0.8, 1e-6 * x),
    "1.0, small inputs": (1.0, 1e-6 * x),
    "1.2, small inputs": (1.2, 1e-6 * x),
    "1.2, large inputs": (1.2, 3.0 * x),
}
_, ax = plt.subplots()
for i, (name, (factor, inputs)) in enumerate(cases.items()):
    w, b = network(factor)
    states = unroll(w, b, inputs)
    norms = np.linalg.norm(backward(w, inputs, states, np.ones((8, 32)))[2], axis=(1, 2))
    rate = (norms[0] / norms[-1]) ** (1 / T)
    print(f"{name}: gradient norm from {norms[-1]:.1f} at the end to {norms[0]:.1e} at the start, {rate:.3f} a step")
    ax.plot(np.arange(T, -1, -1), norms, "-" if i < 3 else "--", label=name)
ax.set(xlabel="steps back in time", ylabel="norm of the gradient", yscale="log")
ax.legend(title="singular values of Wh")
plt.show()

# %%
# Small inputs leave tanh its slope of 1, and the norm follows the singular values. Large ones saturate it: the gradient
# vanishes although all singular values are above 1. The gradients are right, as a direction and its finite difference
# show:

w, b = network(1.2)
states = unroll(w, b, x)
dw, db, _back = backward(w, x, states, states[-1])  # of the loss sum(h_T²) / 2
v, h = rng.normal(size=w.shape), 1e-6


def loss(w):
    return float(np.sum(unroll(w, b, x)[-1] ** 2) / 2)


print("derivative along a direction:", round(float(np.sum(dw * v)), 6), end="  ")
print("by differences:", round((loss(w + h * v) - loss(w - h * v)) / (2 * h), 6))
_clipped, norm = F.clip_by_global_norm([dw, db], 1.0)
print(f"norm of the gradient {norm:.1f}, after clipping 1")

# %%
# ``functional.dense`` and ``functional.dense_backward`` for the steps, ``functional.clip_by_global_norm`` against
# explosions. Long sequences in earnest: a framework with gated units.
