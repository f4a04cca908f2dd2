"""For each operation the best plain NumPy float32 way to do the same, as a good NumPy programmer would write it.

    @peer()
    def relu(z):
        return np.maximum(z, 0)

A peer takes the arguments of the operation and returns what it returns. Intermediate results are written in place. The
default cases come from the operation's domain in the register; `cases` names others. Where both draw random numbers,
`agree` says what they have in common. Peers whose operation does not exist (yet) are ignored; an operation without a
peer makes ops.py fail.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from densekit.registry import Call

Case = Callable[[np.random.Generator], Call]


@dataclass(frozen=True)
class Peer:
    function: Callable[..., Any]
    cases: dict[str, Case] | None = None  # label -> call; the first one is the small one that --quick measures
    agree: Callable[[tuple[Any, ...], tuple[Any, ...], Call], bool] | None = None


PEERS: dict[str, Peer] = {}


def peer(
    cases: dict[str, Case] | None = None, agree: Callable[[tuple[Any, ...], tuple[Any, ...], Call], bool] | None = None
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        PEERS[function.__name__.rstrip("_")] = Peer(function, cases, agree)
        return function

    return register


# Cases


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape, np.float32)


def table(make: Callable[..., Call], *shapes: tuple[int, ...]) -> dict[str, Case]:
    return {"x".join(map(str, s)): lambda rng, s=s: make(rng, *s) for s in shapes}


LAYERS = ((32, 64, 64), (256, 512, 512))  # rows x inputs x outputs
ROWS = ((256, 10), (1024, 1000))

# Products


@peer(
    table(
        lambda rng, m, k, n: Call((normal(rng, m, k), normal(rng, k, n))),
        (64, 64, 64),
        (128, 128, 128),
        (512, 512, 512),
    )
)
def matmul(a, b, transpose_a=False, transpose_b=False):
    return np.matmul(a.T if transpose_a else a, b.T if transpose_b else b)


@peer(table(lambda rng, m, k, n: Call((normal(rng, m, k), normal(rng, k, n), normal(rng, n))), *LAYERS))
def dense(x, w, b):
    y = x @ w
    y += b
    return y


@peer(table(lambda rng, m, k, n: Call((normal(rng, m, n), normal(rng, m, k), normal(rng, k, n))), *LAYERS))
def dense_backward(dy, x, w):
    return dy @ w.T, x.T @ dy, dy.sum(axis=0)


# Activations


@peer()
def identity(z):
    return z.copy()


@peer()
def identity_backward(dy, y):
    return dy.copy()


@peer()
def relu(z):
    return np.maximum(z, 0)


@peer()
def relu_backward(dy, y):
    return dy * (y > 0)


@peer()
def leaky_relu(z, slope=0.01):
    y = z * slope
    return np.maximum(z, y, out=y)


@peer()
def leaky_relu_backward(dy, z, slope=0.01):
    d = (z > 0) * np.float32(1 - slope)  # np.where on a random mask takes 10 times as long
    d += slope
    d *= dy
    return d


@peer()
def elu(z, alpha=1.0):
    y = np.minimum(z, 0)
    np.expm1(y, out=y)
    y *= alpha
    y += np.maximum(z, 0)
    return y


@peer()
def elu_backward(dy, z, alpha=1.0):
    t = np.minimum(z, 0)
    np.exp(t, out=t)
    if alpha != 1:
        factor = (z <= 0) * np.float32(alpha - 1)
        factor += 1
        t *= factor
    t *= dy
    return t


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


@peer()
def selu(z):
    y = elu(z, SELU_ALPHA)
    y *= SELU_SCALE
    return y


@peer()
def selu_backward(dy, z):
    y = elu_backward(dy, z, SELU_ALPHA)
    y *= SELU_SCALE
    return y


def normal_cdf(z):
    """Phi(z) from the polynomial of Abramowitz and Stegun 7.1.26 for erf, error 1.5e-7: NumPy has no erf."""
    x = np.abs(z)
    x *= math.sqrt(0.5)
    t = x * 0.3275911
    t += 1
    np.reciprocal(t, out=t)
    y = t * 1.061405429
    for c in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        y += c
        y *= t
    x *= x
    np.negative(x, out=x)
    np.exp(x, out=x)
    y *= x  # erfc(abs(z) / sqrt 2)
    y *= -0.5
    y += 0.5
    np.copysign(y, z, out=y)
    y += 0.5
    return y


@peer()
def gelu(z):
    y = normal_cdf(z)
    y *= z
    return y


@peer()
def gelu_backward(dy, z):
    density = z * z
    density *= -0.5
    np.exp(density, out=density)
    density *= 1 / math.sqrt(2 * math.pi)
    density *= z
    density += normal_cdf(z)
    density *= dy
    return density


@peer()
def sigmoid(z):
    y = np.negative(z)
    np.exp(y, out=y)
    y += 1
    return np.reciprocal(y, out=y)


@peer()
def sigmoid_backward(dy, y):
    d = 1 - y
    d *= y
    d *= dy
    return d


@peer()
def silu(z):
    y = sigmoid(z)
    y *= z
    return y


@peer()
def silu_backward(dy, z):
    s = sigmoid(z)
    d = 1 - s
    d *= z
    d += 1
    d *= s
    d *= dy
    return d


@peer()
def softplus(z):
    y = np.abs(z)
    np.negative(y, out=y)
    np.exp(y, out=y)
    np.log1p(y, out=y)
    y += np.maximum(z, 0)
    return y


@peer()
def softplus_backward(dy, z):
    d = sigmoid(z)
    d *= dy
    return d


@peer()
def mish(z):
    y = softplus(z)
    np.tanh(y, out=y)
    y *= z
    return y


@peer()
def mish_backward(dy, z):
    t = softplus(z)
    np.tanh(t, out=t)
    d = t * t
    np.subtract(1, d, out=d)
    d *= sigmoid(z)
    d *= z
    d += t
    d *= dy
    return d


@peer()
def hard_sigmoid(z):
    y = z * np.float32(1 / 6)
    y += 0.5
    return np.clip(y, 0, 1, out=y)


@peer()
def hard_sigmoid_backward(dy, z):
    d = dy * np.float32(1 / 6)
    d *= np.abs(z) < 3
    return d


@peer()
def tanh(z):
    return np.tanh(z)


@peer()
def tanh_backward(dy, y):
    d = y * y
    np.subtract(1, d, out=d)
    d *= dy
    return d


@peer()
def softsign(z):
    d = np.abs(z)
    d += 1
    return np.divide(z, d, out=d)


@peer()
def softsign_backward(dy, z):
    d = np.abs(z)
    d += 1
    d *= d
    return np.divide(dy, d, out=d)


@peer()
def hard_swish(z):
    y = hard_sigmoid(z)
    y *= z
    return y


@peer()
def hard_swish_backward(dy, z):
    d = z * np.float32(1 / 3)
    d += 0.5
    d *= np.abs(z) < 3
    d += z >= 3
    d *= dy
    return d


# Softmax


@peer(table(lambda rng, m, n: Call((normal(rng, m, n),)), *ROWS))
def softmax(z):
    y = z - z.max(axis=-1, keepdims=True)
    np.exp(y, out=y)
    y /= y.sum(axis=-1, keepdims=True)
    return y


@peer(table(lambda rng, m, n: Call((normal(rng, m, n),)), *ROWS))
def log_softmax(z):
    y = z - z.max(axis=-1, keepdims=True)
    y -= np.log(np.exp(y).sum(axis=-1, keepdims=True))
    return y


@peer(table(lambda rng, m, n: Call((normal(rng, m, n), softmax(normal(rng, m, n)))), *ROWS))
def softmax_backward(dy, y):
    d = dy - np.einsum("ij,ij->i", dy, y)[:, None]
    d *= y
    return d


@peer(table(lambda rng, m, n: Call((normal(rng, m, n), log_softmax(normal(rng, m, n)))), *ROWS))
def log_softmax_backward(dy, y):
    d = np.exp(y)
    d *= dy.sum(axis=-1, keepdims=True)
    return np.subtract(dy, d, out=d)


@peer(table(lambda rng, m, n: Call((normal(rng, m, n), rng.integers(0, n, m))), *ROWS))
def softmax_cross_entropy(logits, targets):
    rows = len(logits)
    d = logits - logits.max(axis=1, keepdims=True)
    picked = (np.arange(rows), targets)
    scores = d[picked]
    np.exp(d, out=d)
    sums = d.sum(axis=1, keepdims=True)
    loss = (np.log(sums[:, 0]) - scores).mean()
    d /= sums
    d[picked] -= 1
    d /= rows
    return float(loss), d


# Optimizers: in place, weight decay decoupled


def decay(w, lr, weight_decay):
    if weight_decay:
        w *= 1 - lr * weight_decay


@peer()
def sgd(w, dw, *, lr, weight_decay=0.0):
    decay(w, lr, weight_decay)
    w -= lr * dw


@peer()
def momentum(w, dw, v, *, lr, momentum=0.9, dampening=0.0, weight_decay=0.0):
    decay(w, lr, weight_decay)
    v *= momentum
    v += dw if dampening == 0 else (1 - dampening) * dw
    w -= lr * v


@peer()
def nesterov(w, dw, v, *, lr, momentum=0.9, weight_decay=0.0):
    decay(w, lr, weight_decay)
    v *= momentum
    v += dw
    t = v * momentum
    t += dw
    t *= lr
    w -= t


def running_mean_of_squares(s, dw, rho):
    t = dw * dw
    t -= s
    t *= 1 - rho
    s += t
    return t  # scratch for the caller


@peer()
def rmsprop(w, dw, s, *, lr, rho=0.99, eps=1e-8, weight_decay=0.0):
    decay(w, lr, weight_decay)
    t = running_mean_of_squares(s, dw, rho)
    np.sqrt(s, out=t)
    t += eps
    np.divide(dw, t, out=t)
    t *= lr
    w -= t


@peer()
def adagrad(w, dw, s, *, lr, eps=1e-10, weight_decay=0.0):
    decay(w, lr, weight_decay)
    t = dw * dw
    s += t
    np.sqrt(s, out=t)
    t += eps
    np.divide(dw, t, out=t)
    t *= lr
    w -= t


@peer()
def adadelta(w, dw, s, u, *, lr=1.0, rho=0.9, eps=1e-6, weight_decay=0.0):
    decay(w, lr, weight_decay)
    t = running_mean_of_squares(s, dw, rho)
    np.add(u, eps, out=t)
    t /= s + eps
    np.sqrt(t, out=t)
    t *= dw
    running_mean_of_squares(u, t, rho)
    t *= lr
    w -= t


def adam_step(w, dw, m, v, step, lr, beta1, beta2, eps):
    t = dw - m
    t *= 1 - beta1
    m += t
    np.multiply(dw, dw, out=t)
    t -= v
    t *= 1 - beta2
    v += t
    np.sqrt(v, out=t)
    t *= (1 - beta2**step) ** -0.5
    t += eps
    np.divide(m, t, out=t)
    t *= lr / (1 - beta1**step)
    w -= t


@peer()
def adam(w, dw, m, v, *, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    decay(w, lr, weight_decay)
    adam_step(w, dw, m, v, step, lr, beta1, beta2, eps)


@peer()
def adamw(w, dw, m, v, *, step, lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.01):
    decay(w, lr, weight_decay)
    adam_step(w, dw, m, v, step, lr, beta1, beta2, eps)


@peer()
def adamax(w, dw, m, u, *, step, lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8, weight_decay=0.0):
    decay(w, lr, weight_decay)
    t = dw - m
    t *= 1 - beta1
    m += t
    np.abs(dw, out=t)
    t += eps
    u *= beta2
    np.maximum(u, t, out=u)
    np.divide(m, u, out=t)
    t *= lr / (1 - beta1**step)
    w -= t


@lru_cache
def nadam_products(step, beta1, momentum_decay):
    i = np.arange(1, step + 2)
    mu = beta1 * (1 - 0.5 * 0.96 ** (i * momentum_decay))
    return mu[-2], mu[-1], mu[:-1].prod()


@peer()
def nadam(w, dw, m, v, *, step, lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8, momentum_decay=4e-3, weight_decay=0.0):
    decay(w, lr, weight_decay)
    mu, mu_next, product = nadam_products(step, beta1, momentum_decay)
    t = dw - m
    t *= 1 - beta1
    m += t
    running_mean_of_squares(v, dw, beta2)
    np.sqrt(v, out=t)
    t *= (1 - beta2**step) ** -0.5
    t += eps
    direction = dw * (lr * (1 - mu) / (1 - product))
    direction += m * (lr * mu_next / (1 - product * mu_next))
    direction /= t
    w -= direction


@peer()
def lion(w, dw, m, *, lr=1e-4, beta1=0.9, beta2=0.99, weight_decay=0.0):
    decay(w, lr, weight_decay)
    gap = m - dw
    t = gap * beta1
    t += dw
    np.sign(t, out=t)
    t *= lr
    w -= t
    gap *= 1 - beta2
    m -= gap


# Norms and distances


@peer()
def vector_norm(x, p=2, axis=None):
    return np.linalg.norm(x, p, axis) if axis is not None else np.linalg.norm(x.ravel(), p)


@peer(table(lambda rng, m, n: Call((normal(rng, m, n),)), (64, 64), (1024, 1024)))
def matrix_norm(a, p="fro"):
    return np.linalg.norm(a, p)


@peer(table(lambda rng, m, n, k: Call((normal(rng, m, k), normal(rng, n, k))), (100, 100, 8), (1000, 1000, 64)))
def distances(x, y):
    """The expanded form: fast, at the price of digits where rows are close."""
    d = x @ y.T
    d *= -2
    d += np.einsum("ij,ij->i", x, x)[:, None]
    d += np.einsum("ij,ij->i", y, y)
    np.maximum(d, 0, out=d)
    return np.sqrt(d, out=d)
