"""CS231n's formulas in plain NumPy, as a student would write them: what densekit.compat.cs231n is compared with.

Written from the lecture notes' formulas (cs231n.github.io, CC BY / MIT) and the papers; it uses nothing of densekit.
"""

from __future__ import annotations

import numpy as np


def affine_forward(x, w, b):
    return x.reshape(len(x), -1) @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)


def relu_forward(x):
    return np.maximum(0, x), x


def relu_backward(dout, cache):
    return dout * (cache > 0)


def softmax_loss(x, y):
    shifted = x - x.max(axis=1, keepdims=True)
    p = np.exp(shifted)
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(x))
    loss = -np.log(p[rows, y]).mean()
    p[rows, y] -= 1
    return loss, p / len(x)


def svm_loss(x, y):
    loss, dx = 0.0, np.zeros_like(x)
    for i, right in enumerate(y):
        for j in range(x.shape[1]):
            margin = x[i, j] - x[i, right] + 1
            if j != right and margin > 0:
                loss += margin
                dx[i, j] += 1
                dx[i, right] -= 1
    return loss / len(x), dx / len(x)


def batchnorm_forward(x, gamma, beta, param):
    eps, momentum = param.get("eps", 1e-5), param.get("momentum", 0.9)
    mean, var = param.get("running_mean", np.zeros(x.shape[1])), param.get("running_var", np.zeros(x.shape[1]))
    if param["mode"] == "train":
        batch_mean, batch_var = x.mean(axis=0), x.var(axis=0)
        std, centred = np.sqrt(batch_var + eps), x - batch_mean
        z = centred / std
        param["running_mean"] = momentum * mean + (1 - momentum) * batch_mean
        param["running_var"] = momentum * var + (1 - momentum) * batch_var
    else:
        std, centred = np.sqrt(var + eps), x - mean
        z = centred / std
    return gamma * z + beta, (z, std, gamma, centred)


def batchnorm_backward(dout, cache):
    """The computational graph, node by node (arXiv 1502.03167, section 3)."""
    z, std, gamma, centred = cache
    n = len(z)
    dz = dout * gamma
    dvar = (dz * centred).sum(axis=0) * -0.5 / std**3
    dmean = -dz.sum(axis=0) / std - 2 * dvar * centred.mean(axis=0)
    dx = dz / std + dvar * 2 * centred / n + dmean / n
    return dx, (dout * z).sum(axis=0), dout.sum(axis=0)


def layernorm_forward(x, gamma, beta, param):
    std = np.sqrt(x.var(axis=1, keepdims=True) + param.get("eps", 1e-5))
    z = (x - x.mean(axis=1, keepdims=True)) / std
    return gamma * z + beta, (z, std, gamma)


def layernorm_backward(dout, cache):
    z, std, gamma = cache
    dz = dout * gamma
    dx = (dz - dz.mean(axis=1, keepdims=True) - z * (dz * z).mean(axis=1, keepdims=True)) / std
    return dx, (dout * z).sum(axis=0), dout.sum(axis=0)


def dropout_forward(x, param):
    if "seed" in param:
        np.random.seed(param["seed"])
    if param["mode"] == "test":
        return x, None
    p = param["p"]
    if param.get("p_means", "keep") == "keep":
        mask = (np.random.rand(*x.shape) < p) / p
    else:
        mask = (np.random.rand(*x.shape) >= p) / (1 - p)
    return (x * mask).astype(x.dtype, copy=False), mask


def dropout_backward(dout, mask):
    return dout if mask is None else dout * mask


def sgd(w, dw, config):
    w -= config.setdefault("learning_rate", 1e-2) * dw
    return w, config


def sgd_momentum(w, dw, config):
    lr, mu = config.setdefault("learning_rate", 1e-2), config.setdefault("momentum", 0.9)
    config["velocity"] = mu * config.get("velocity", np.zeros_like(w)) - lr * dw
    return w + config["velocity"], config


def rmsprop(w, dw, config):
    lr, decay = config.setdefault("learning_rate", 1e-2), config.setdefault("decay_rate", 0.99)
    config["cache"] = decay * config.get("cache", np.zeros_like(w)) + (1 - decay) * dw**2
    return w - lr * dw / (np.sqrt(config["cache"]) + config.setdefault("epsilon", 1e-8)), config


def adam(w, dw, config):
    lr, eps = config.setdefault("learning_rate", 1e-3), config.setdefault("epsilon", 1e-8)
    beta1, beta2 = config.setdefault("beta1", 0.9), config.setdefault("beta2", 0.999)
    t = config["t"] = config.get("t", 0) + 1
    m = config["m"] = beta1 * config.get("m", np.zeros_like(w)) + (1 - beta1) * dw
    v = config["v"] = beta2 * config.get("v", np.zeros_like(w)) + (1 - beta2) * dw**2
    return w - lr * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps), config


class Network:
    """{affine, [norm], relu, [dropout]} x hidden, affine, softmax; 1/2 reg sum(W^2)."""

    def __init__(self, sizes, keep=1, normalization=None, reg=0.0, weight_scale=1e-2, dtype=np.float64, seed=None):
        self.reg, self.normalization, self.depth, self.dtype = reg, normalization, len(sizes) - 1, dtype
        self.drop = None if keep == 1 else {"p": keep} | ({} if seed is None else {"seed": seed})
        self.norms = [{} for _ in sizes[1:-1]]
        self.params = {}
        for i in range(1, len(sizes)):
            self.params[f"W{i}"] = (weight_scale * np.random.randn(sizes[i - 1], sizes[i])).astype(dtype)
            self.params[f"b{i}"] = np.zeros(sizes[i], dtype)
            if normalization and i < self.depth:
                self.params[f"gamma{i}"], self.params[f"beta{i}"] = np.ones(sizes[i], dtype), np.zeros(sizes[i], dtype)

    def loss(self, x, y=None):
        p, mode = self.params, "test" if y is None else "train"
        forward, backward = {
            "batchnorm": (batchnorm_forward, batchnorm_backward),
            "layernorm": (layernorm_forward, layernorm_backward),
        }.get(self.normalization, (None, None))
        out, caches = x.astype(self.dtype), []
        for i in range(1, self.depth):
            out, dense = affine_forward(out, p[f"W{i}"], p[f"b{i}"])
            norm = drop = None
            if forward:
                self.norms[i - 1]["mode"] = mode
                out, norm = forward(out, p[f"gamma{i}"], p[f"beta{i}"], self.norms[i - 1])
            out, relu = relu_forward(out)
            if self.drop:
                out, drop = dropout_forward(out, {**self.drop, "mode": mode})
            caches.append((dense, norm, relu, drop))
        scores, dense = affine_forward(out, p[f"W{self.depth}"], p[f"b{self.depth}"])
        if y is None:
            return scores
        loss, dout = softmax_loss(scores, y)
        grads = {}
        dout, grads[f"W{self.depth}"], grads[f"b{self.depth}"] = affine_backward(dout, dense)
        for i in range(self.depth - 1, 0, -1):
            dense, norm, relu, drop = caches[i - 1]
            if self.drop:
                dout = dropout_backward(dout, drop)
            dout = relu_backward(dout, relu)
            if backward:
                dout, grads[f"gamma{i}"], grads[f"beta{i}"] = backward(dout, norm)
            dout, grads[f"W{i}"], grads[f"b{i}"] = affine_backward(dout, dense)
        for i in range(1, self.depth + 1):
            loss += 0.5 * self.reg * np.sum(p[f"W{i}"] ** 2)
            grads[f"W{i}"] += self.reg * p[f"W{i}"]
        return loss, grads


def train(model, x, y, rule, config, batch_size, steps):
    """The losses of steps on batches drawn by np.random.choice."""
    configs, losses = {name: dict(config) for name in model.params}, []
    for _ in range(steps):
        rows = np.random.choice(len(x), batch_size)
        loss, grads = model.loss(x[rows], y[rows])
        losses.append(loss)
        for name in model.params:
            model.params[name], configs[name] = rule(model.params[name], grads[name], configs[name])
    return losses
