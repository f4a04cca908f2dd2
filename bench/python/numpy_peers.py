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
    """Sums in float64: those of np.linalg.norm are of float32, and lose four digits of a million elements."""
    if p in (0, np.inf, -np.inf):
        return np.linalg.norm(x, p, axis) if axis is not None else np.linalg.norm(x.ravel(), p)
    powers = np.abs(x)
    powers **= p
    return (powers.sum(axis=axis, dtype=np.float64) ** (1 / p)).astype(x.dtype)


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


# Penalties and clipping


@peer()
def l1(w, lam):
    gradient = np.sign(w)
    gradient *= lam
    return float(lam * np.abs(w).sum()), gradient


@peer()
def l2(w, lam):
    return float(0.5 * lam * np.vdot(w, w)), lam * w


@peer()
def elastic_net(w, alpha, l1_ratio):
    a, b = alpha * l1_ratio, alpha * (1 - l1_ratio)
    gradient = np.sign(w)
    gradient *= a
    gradient += b * w
    return float(a * np.abs(w).sum() + 0.5 * b * np.vdot(w, w)), gradient


@peer()
def soft_threshold(w, threshold):
    return w - np.clip(w, -threshold, threshold)


@peer()
def clip_by_value(x, low, high):
    return np.clip(x, low, high)


@peer()
def clip_by_global_norm(arrays, max_norm):
    norm = math.sqrt(sum(float(np.vdot(a, a)) for a in arrays))
    factor = np.float32(min(1.0, max_norm / norm))
    return [a * factor for a in arrays], norm


# Normalization


def batch(rng: np.random.Generator, rows: int, cols: int) -> Call:
    return Call((normal(rng, rows, cols), normal(rng, cols), normal(rng, cols)))


def batch_backward(rng: np.random.Generator, rows: int, cols: int, axis: int) -> Call:
    x = normal(rng, rows, cols)
    x64 = x.astype(np.float64)
    saved = np.stack([x64.mean(axis=axis), 1 / np.sqrt(x64.var(axis=axis) + 1e-5)])
    return Call((normal(rng, rows, cols), x, normal(rng, cols)), {"saved": saved})


TABLES = ((32, 128), (1024, 1024))  # rows x columns


@peer(table(batch, *TABLES))
def batch_norm(x, gamma, beta, eps=1e-5):
    y = x - x.mean(axis=0)
    scale = np.einsum("ij,ij->j", y, y)
    scale /= len(x)
    scale += eps
    np.sqrt(scale, out=scale)
    np.divide(gamma, scale, out=scale)
    y *= scale
    y += beta
    return y


@peer(table(lambda rng, m, n: batch_backward(rng, m, n, 0), *TABLES))
def batch_norm_backward(dy, x, gamma, *, saved):
    mean, inverse = saved.astype(np.float32)
    z = x - mean
    z *= inverse
    dgamma, dbeta = np.einsum("ij,ij->j", dy, z), dy.sum(axis=0)
    z *= dgamma / len(x)
    np.subtract(dy, z, out=z)
    z -= dbeta / len(x)
    z *= gamma * inverse
    return z, dgamma, dbeta


@peer(table(batch, *TABLES))
def layer_norm(x, gamma, beta, eps=1e-5):
    y = x - x.mean(axis=1, keepdims=True)
    scale = np.einsum("ij,ij->i", y, y)
    scale /= x.shape[1]
    scale += eps
    np.sqrt(scale, out=scale)
    np.reciprocal(scale, out=scale)
    y *= scale[:, None]
    y *= gamma
    y += beta
    return y


@peer(table(lambda rng, m, n: batch_backward(rng, m, n, 1), *TABLES))
def layer_norm_backward(dy, x, gamma, *, saved):
    mean, inverse = saved.astype(np.float32)[:, :, None]
    z = x - mean
    z *= inverse
    dgamma, dbeta = np.einsum("ij,ij->j", dy, z), dy.sum(axis=0)
    g = dy * gamma
    along, level = np.einsum("ij,ij->i", g, z), g.mean(axis=1, keepdims=True)
    z *= along[:, None] / x.shape[1]
    g -= z
    g -= level
    g *= inverse
    return g, dgamma, dbeta


# Scaling


@peer(table(lambda rng, m, n: Call((normal(rng, m, n),)), (1000, 8), (10000, 100)))
def standardize(x):
    y = x - x.mean(axis=0)
    std = np.einsum("ij,ij->j", y, y)
    std /= len(x)
    np.sqrt(std, out=std)
    std[std == 0] = 1
    y /= std
    return y


@peer(table(lambda rng, m, n: Call((normal(rng, m, n),)), (1000, 8), (10000, 100)))
def min_max_scale(x):
    low, width = x.min(axis=0), np.ptp(x, axis=0)
    width[width == 0] = 1
    y = x - low
    y /= width
    return y


# Dropout and noise: both draw numbers of their own, so only their statistics can agree

GENERATOR = np.random.Generator(np.random.SFC64(0))  # NumPy's fastest


def same_share(ours: tuple[Any, ...], theirs: tuple[Any, ...], call: Call) -> bool:
    """Shares of kept elements within five standard deviations of 1 - rate, and the kept ones scaled alike."""
    rate = call.args[1]
    for y in (ours[0], theirs[0]):
        if abs(np.count_nonzero(y) / y.size - (1 - rate)) > 5 * math.sqrt(rate * (1 - rate) / y.size):
            return False
    both = (ours[0] != 0) & (theirs[0] != 0)
    return bool(np.allclose(ours[0][both], theirs[0][both], rtol=1e-6, atol=0))


@peer(agree=same_share)
def dropout_mask(shape, rate, *, seed, step=0, layer=0):
    return GENERATOR.random(shape, np.float32) >= rate


@peer(agree=same_share)
def dropout(x, rate, *, seed, step=0, layer=0):
    y = GENERATOR.random(x.shape, np.float32)
    kept = y >= rate
    np.multiply(x, np.float32(1 / (1 - rate)), out=y)
    y *= kept
    return y


@lru_cache
def kept_mask(shape: tuple[int, ...], rate: float) -> np.ndarray:
    return GENERATOR.random(shape, np.float32) >= rate


@peer(agree=same_share)
def dropout_backward(dy, rate, *, seed, step=0, layer=0):
    """From the mask that the forward pass kept; ours draws it again."""
    d = dy * np.float32(1 / (1 - rate))
    d *= kept_mask(dy.shape, rate)
    return d


def same_spread(ours: tuple[Any, ...], theirs: tuple[Any, ...], call: Call) -> bool:
    """Means and deviations of the noise within five standard errors of 0 and std."""
    x, std = call.args
    for y in (ours[0], theirs[0]):
        noise = (y - x).astype(np.float64)
        if abs(noise.mean()) > 5 * std / math.sqrt(y.size) or abs(noise.std() - std) > 5 * std / math.sqrt(2 * y.size):
            return False
    return True


@peer(agree=same_spread)
def gaussian_noise(x, std, *, seed, step=0, layer=0):
    y = GENERATOR.standard_normal(x.shape, np.float32)
    y *= np.float32(std)
    y += x
    return y


# Losses: (loss, gradient of the mean)


@peer()
def mse(pred, target):
    d = pred - target
    loss = float(np.vdot(d, d)) / d.size
    d *= 2 / d.size
    return loss, d


@peer()
def mae(pred, target):
    d = pred - target
    loss = float(np.abs(d).mean())
    np.sign(d, out=d)
    d /= d.size
    return loss, d


@peer()
def rmse(pred, target):
    d = pred - target
    loss = math.sqrt(float(np.vdot(d, d)) / d.size)
    d /= d.size * loss
    return loss, d


@peer()
def huber(pred, target, *, delta=1.0):
    d = pred - target
    c = np.clip(d, -delta, delta)
    d -= c / 2
    loss = float(np.vdot(c, d)) / d.size
    c /= d.size
    return loss, c


@peer()
def log_cosh(pred, target):
    d = pred - target
    size = np.abs(d)
    t = size * -2
    np.exp(t, out=t)
    np.log1p(t, out=t)
    t += size
    loss = float(t.mean()) - math.log(2)
    np.tanh(d, out=d)
    d /= d.size
    return loss, d


@peer()
def pinball(pred, target, *, quantile=0.5):
    u = target - pred
    loss = float(np.maximum(quantile * u, (quantile - 1) * u).mean())
    gradient = (u < 0) * np.float32(1 / u.size)
    gradient -= (u != 0) * np.float32(quantile / u.size)
    return loss, gradient


@peer()
def binary_cross_entropy(pred, target, *, from_logits=True, label_smoothing=0.0):
    t = target * (1 - label_smoothing) + label_smoothing / 2 if label_smoothing else target
    if from_logits:
        e = np.abs(pred)
        np.negative(e, out=e)
        np.exp(e, out=e)
        np.log1p(e, out=e)
        e += np.maximum(pred, 0)
        e -= pred * t
        loss, gradient = float(e.mean()), sigmoid(pred)
        gradient -= t
    else:
        losses = t * np.log(pred)
        losses += (1 - t) * np.log1p(-pred)
        loss, gradient = -float(losses.mean()), (pred - t) / (pred * (1 - pred))
    gradient /= pred.size
    return loss, gradient


def log_factorial(counts):
    return np.vectorize(lambda c: math.lgamma(c + 1), otypes=[np.float32])(counts)


@peer()
def poisson_nll(pred, target, *, log_input=True, full=False):
    if log_input:
        rate = np.exp(pred)
        losses, gradient = rate - target * pred, rate
        gradient -= target
    else:
        losses, gradient = pred - target * np.log(pred), 1 - target / pred
    if full:
        losses += log_factorial(target)
    gradient /= pred.size
    return float(losses.mean()), gradient


@peer()
def gamma_nll(pred, target, *, shape=1.0, full=False):
    ratio = np.negative(pred)
    np.exp(ratio, out=ratio)
    ratio *= target
    loss = shape * float((ratio + pred).mean())
    if full:
        loss += math.lgamma(shape) - shape * math.log(shape) + (1 - shape) * float(np.log(target).mean())
    np.subtract(1, ratio, out=ratio)
    ratio *= shape / pred.size
    return loss, ratio


@peer()
def gaussian_nll(pred, target, *, full=False):
    columns = pred.shape[1] // 2
    mean, log_variance = pred[:, :columns], pred[:, columns:]
    inverse = np.exp(-0.5 * log_variance)
    r = mean - target.reshape(len(pred), columns)
    r *= inverse
    loss = float((log_variance.sum() + np.vdot(r, r)) / 2) / r.size + (0.5 * math.log(2 * math.pi) if full else 0)
    gradient = np.empty_like(pred)
    np.multiply(r, inverse, out=gradient[:, :columns])
    np.multiply(r, r, out=gradient[:, columns:])
    gradient[:, columns:] -= 1
    gradient[:, columns:] *= -0.5
    gradient /= r.size
    return loss, gradient


@peer()
def laplace_nll(pred, target, *, full=False):
    columns = pred.shape[1] // 2
    median, log_scale = pred[:, :columns], pred[:, columns:]
    inverse = np.exp(-log_scale)
    d = median - target.reshape(len(pred), columns)
    r = np.abs(d)
    r *= inverse
    loss = float(log_scale.sum() + r.sum()) / r.size + (math.log(2) if full else 0)
    gradient = np.empty_like(pred)
    np.multiply(np.sign(d), inverse, out=gradient[:, :columns])
    np.subtract(1, r, out=gradient[:, columns:])
    gradient /= r.size
    return loss, gradient


@peer()
def nll(log_probs, targets):
    if targets.ndim == 2:
        return -float(np.vdot(targets, log_probs)) / len(log_probs), targets / np.float32(-len(targets))
    rows = np.arange(len(log_probs))
    gradient = np.zeros_like(log_probs)
    gradient[rows, targets] = -1 / len(rows)
    return -float(log_probs[rows, targets].mean()), gradient


@peer()
def hinge(pred, target, *, margin=1.0):
    if pred.ndim == 2 and target.ndim == 1:
        rows = np.arange(len(pred))
        gaps = pred - pred[rows, target, None]
        gaps += margin
        gaps[rows, target] = 0
        np.maximum(gaps, 0, out=gaps)
        gradient = (gaps > 0) * np.float32(1 / len(pred))
        gradient[rows, target] = -gradient.sum(axis=1)
        return float(gaps.sum()) / len(pred), gradient
    gap = target * pred
    np.subtract(margin, gap, out=gap)
    active = gap > 0
    np.maximum(gap, 0, out=gap)
    gradient = active * target.astype(np.float32)
    gradient /= -gap.size
    return float(gap.mean()), gradient


@peer()
def kl_divergence(pred, target, *, log_input=False):
    log_p = pred if log_input else np.log(pred)
    losses = np.log(target, where=target > 0, out=np.zeros_like(target))
    losses -= log_p
    losses *= target
    gradient = -target if log_input else -target / pred
    gradient /= len(pred)
    return float(losses.sum()) / len(pred), gradient


# Entropies and likelihoods


def in_base(values, base):
    return values if base is None else values / np.float32(math.log(base))


@peer()
def surprisal(p, *, base=None):
    y = np.log(p)
    y *= -1 if base is None else -1 / math.log(base)
    return y


def dot_rows(p, y):
    return np.einsum("...j,...j->...", p, y)


def log_or_zero(p):
    return np.log(p, where=p > 0, out=np.zeros_like(p))


def log_where_it_counts(p, q):
    """log q, and 0 where p is 0: 0 log 0 = 0."""
    return np.log(q, where=p > 0, out=np.zeros_like(q))


@peer()
def entropy(p, *, base=None):
    return in_base(-dot_rows(p, log_or_zero(p)), base)


@peer()
def cross_entropy(p, q, *, base=None):
    return in_base(-dot_rows(p, log_where_it_counts(p, q)), base)


@peer()
def kl(p, q, *, base=None):
    y = log_or_zero(p)
    y -= log_where_it_counts(p, q)
    return in_base(dot_rows(p, y), base)


@peer()
def perplexity(p, q=None):
    return np.exp(-dot_rows(p, log_or_zero(p) if q is None else log_where_it_counts(p, q)))


@peer()
def log_likelihood(distribution, data, *, mean, std):
    """A Gaussian's from two sums over the data, in float64 because they cancel."""
    if distribution != "gaussian":
        raise ValueError(f"no peer for {distribution}")
    n, center = data.size, float(data.mean(dtype=np.float64)) if data.size else 0.0
    d = data.astype(np.float64)
    d -= center
    squares = float(np.vdot(d, d)) + n * (np.asarray(mean) - center) ** 2
    return (-squares / (2 * np.square(std)) - n * (np.log(std) + 0.5 * math.log(2 * math.pi))).astype(np.float32)


@peer()
def likelihood(distribution, data, **parameters):
    return np.exp(log_likelihood(distribution, data, **parameters).astype(np.float64)).astype(np.float32)
