"""Updates in place, weight decay decoupled."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from numpy_peers.peer import peer


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
