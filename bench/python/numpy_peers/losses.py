"""Losses: (loss, gradient of the mean)."""

from __future__ import annotations

import math

import numpy as np

from numpy_peers.activations import sigmoid
from numpy_peers.peer import peer


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
