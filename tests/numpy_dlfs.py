"""The formulas of "Deep Learning from Scratch" in plain NumPy: what densekit.compat.dlfs is compared with.

Written from the papers' formulas and the quirks that densekit.compat.dlfs names; it uses nothing of
densekit. One module with the names of all of the book's modules.
"""

from __future__ import annotations

import os  # noqa: F401 - scripts take it from here
import sys  # noqa: F401
from collections import OrderedDict  # noqa: F401
from types import MappingProxyType

import numpy as np


def identity_function(x):
    return x


def step_function(x):
    return (x > 0).astype(int)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_grad(x):
    return sigmoid(x) * (1 - sigmoid(x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def cross_entropy_error(y, t):
    labels = np.argmax(t, axis=1) if t.shape == y.shape else t
    return -np.log(y[np.arange(len(y)), labels] + 1e-7).mean()


def numerical_gradient(f, x, h=1e-4):
    gradient = np.zeros(x.size)
    for i in range(x.size):
        ends = []
        for sign in (1, -1):
            kept = x.flat[i]
            x.flat[i] = kept + sign * h
            ends.append(f(x))
            x.flat[i] = kept
        gradient[i] = (ends[0] - ends[1]) / (2 * h)
    return gradient.reshape(x.shape)


class Relu:
    def forward(self, x):
        self.dead = x <= 0
        return np.where(self.dead, 0, x)

    def backward(self, dout):
        dout[self.dead] = 0
        return dout


class Sigmoid:
    def forward(self, x):
        self.y = sigmoid(x)
        return self.y

    def backward(self, dout):
        return dout * self.y * (1 - self.y)


class Affine:
    def __init__(self, w, b):
        self.w, self.b = w, b

    def forward(self, x):
        self.shape, self.x = x.shape, x.reshape(len(x), -1)
        return self.x @ self.w + self.b

    def backward(self, dout):
        self.dw, self.db = self.x.T @ dout, dout.sum(axis=0)
        return (dout @ self.w.T).reshape(self.shape)


class SoftmaxWithLoss:
    def forward(self, x, t):
        self.y, self.t = softmax(x), t
        return cross_entropy_error(self.y, t)

    def backward(self, dout=1):
        target = self.t if self.t.shape == self.y.shape else np.eye(self.y.shape[1])[self.t]
        return (self.y - target) / len(self.y)


class Dropout:
    def __init__(self, ratio=0.5):
        self.ratio = ratio

    def forward(self, x, train_flg=True):
        if not train_flg:
            return (1 - self.ratio) * x
        self.mask = np.random.rand(*x.shape) > self.ratio
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


class BatchNormalization:
    def __init__(self, gamma, beta, momentum=0.9):
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.mean = self.var = 0.0

    def forward(self, x, train_flg=True):
        self.shape = x.shape
        x = x.reshape(len(x), -1)
        if not train_flg:
            return (self.gamma * (x - self.mean) / np.sqrt(self.var + 1e-6) + self.beta).reshape(self.shape)
        mean, var = x.mean(axis=0), x.var(axis=0)
        self.std = np.sqrt(var + 1e-6)
        self.z = (x - mean) / self.std
        self.mean = self.momentum * self.mean + (1 - self.momentum) * mean
        self.var = self.momentum * self.var + (1 - self.momentum) * var
        return (self.gamma * self.z + self.beta).reshape(self.shape)

    def backward(self, dout):
        """The computational graph, node by node (arXiv 1502.03167, section 3)."""
        dout = dout.reshape(len(dout), -1)
        n, centred = len(dout), self.z * self.std
        self.dbeta, self.dgamma = dout.sum(axis=0), (dout * self.z).sum(axis=0)
        dz = self.gamma * dout
        dvar = (dz * centred).sum(axis=0) * -0.5 / self.std**3
        dcentred = dz / self.std + dvar * 2 * centred / n
        return (dcentred - dcentred.mean(axis=0)).reshape(self.shape)


class Rule:
    """w <- w + change(key, g), in place, with states that begin as zeros."""

    def __init__(self, lr=0.01, **settings):
        self.lr, self.steps = lr, 0
        self.__dict__.update(settings)
        self.first, self.second = {}, {}

    def update(self, params, grads):
        self.steps += 1
        for key, g in grads.items():
            for state in (self.first, self.second):
                if key not in state:
                    state[key] = np.zeros_like(g)
            params[key] += self.change(key, g)


class SGD(Rule):
    def change(self, key, g):
        return -self.lr * g


class Momentum(Rule):
    momentum = 0.9

    def change(self, key, g):
        self.first[key] = self.momentum * self.first[key] - self.lr * g
        return self.first[key]


class Nesterov(Momentum):
    def change(self, key, g):
        v = super().change(key, g)
        return self.momentum**2 * v - (1 + self.momentum) * self.lr * g


class AdaGrad(Rule):
    def change(self, key, g):
        self.second[key] = self.second[key] + g**2
        return -self.lr * g / (np.sqrt(self.second[key]) + 1e-7)


class RMSprop(Rule):
    decay_rate = 0.99

    def change(self, key, g):
        self.second[key] = self.decay_rate * self.second[key] + (1 - self.decay_rate) * g**2
        return -self.lr * g / (np.sqrt(self.second[key]) + 1e-7)


class Adam(Rule):
    beta1, beta2 = 0.9, 0.999

    def change(self, key, g):
        m = self.first[key] = self.beta1 * self.first[key] + (1 - self.beta1) * g
        v = self.second[key] = self.beta2 * self.second[key] + (1 - self.beta2) * g**2
        rate = self.lr * np.sqrt(1 - self.beta2**self.steps) / (1 - self.beta1**self.steps)
        return -rate * m / (np.sqrt(v) + 1e-7)


class MultiLayerNetExtend:
    def __init__(
        self,
        input_size,
        hidden_size_list,
        output_size,
        activation="relu",
        weight_init_std="relu",
        weight_decay_lambda=0,
        use_dropout=False,
        dropout_ration=0.5,
        use_batchnorm=False,
    ):
        self.decay, sizes = weight_decay_lambda, [input_size, *hidden_size_list, output_size]
        self.params, self.layers, self.last_layer = {}, [], SoftmaxWithLoss()
        gains = {"relu": 2, "he": 2, "sigmoid": 1, "xavier": 1}
        for i in range(1, len(sizes)):
            scale = np.sqrt(gains[weight_init_std] / sizes[i - 1]) if weight_init_std in gains else weight_init_std
            self.params[f"W{i}"] = scale * np.random.randn(sizes[i - 1], sizes[i])
            self.params[f"b{i}"] = np.zeros(sizes[i])
            if use_batchnorm and i < len(sizes) - 1:
                self.params[f"gamma{i}"], self.params[f"beta{i}"] = np.ones(sizes[i]), np.zeros(sizes[i])
        for i in range(1, len(sizes)):
            self.layers.append((f"Affine{i}", Affine(self.params[f"W{i}"], self.params[f"b{i}"])))
            if i == len(sizes) - 1:
                break
            if use_batchnorm:
                norm = BatchNormalization(self.params[f"gamma{i}"], self.params[f"beta{i}"])
                self.layers.append((f"BatchNorm{i}", norm))
            self.layers.append((f"Activation{i}", {"relu": Relu, "sigmoid": Sigmoid}[activation]()))
            if use_dropout:
                self.layers.append((f"Dropout{i}", Dropout(dropout_ration)))

    def predict(self, x, train_flg=False):
        for _, layer in self.layers:
            x = layer.forward(x, train_flg) if isinstance(layer, Dropout | BatchNormalization) else layer.forward(x)
        return x

    def loss(self, x, t, train_flg=False):
        penalty = sum(0.5 * self.decay * np.sum(w**2) for name, w in self.params.items() if name[0] == "W")
        return self.last_layer.forward(self.predict(x, train_flg), t) + penalty

    def accuracy(self, x, t):
        return np.mean(self.predict(x).argmax(axis=1) == (t if t.ndim == 1 else t.argmax(axis=1)))

    def gradient(self, x, t):
        self.loss(x, t, True)
        dout, grads = self.last_layer.backward(), {}
        for name, layer in reversed(self.layers):
            dout = layer.backward(dout)
            if isinstance(layer, Affine):
                i = name.removeprefix("Affine")
                grads[f"W{i}"], grads[f"b{i}"] = layer.dw + self.decay * layer.w, layer.db
            if isinstance(layer, BatchNormalization):
                i = name.removeprefix("BatchNorm")
                grads[f"gamma{i}"], grads[f"beta{i}"] = layer.dgamma, layer.dbeta
        return grads

    def numerical_gradient(self, x, t):
        return {key: numerical_gradient(lambda _: self.loss(x, t, True), w) for key, w in self.params.items()}


MultiLayerNet = MultiLayerNetExtend


class Trainer:
    def __init__(
        self, network, x_train, t_train, x_test, t_test, epochs=20, mini_batch_size=100, optimizer="SGD",
        optimizer_param=MappingProxyType({"lr": 0.01}), evaluate_sample_num_per_epoch=None, verbose=True,
    ):  # fmt: skip
        self.network, self.train_data, self.test_data = network, (x_train, t_train), (x_test, t_test)
        self.batch, self.sample, self.verbose = mini_batch_size, evaluate_sample_num_per_epoch, verbose
        rules = {r.__name__.lower(): r for r in (SGD, Momentum, Nesterov, AdaGrad, RMSprop, Adam)}
        self.rule = rules[optimizer.lower()](**optimizer_param)
        self.per_epoch = max(len(x_train) / mini_batch_size, 1)
        self.iterations = int(epochs * self.per_epoch)
        self.train_loss_list, self.train_acc_list, self.test_acc_list = [], [], []

    def train(self):
        x, t = self.train_data
        for i in range(self.iterations):
            rows = np.random.choice(len(x), self.batch)
            self.rule.update(self.network.params, self.network.gradient(x[rows], t[rows]))
            self.train_loss_list.append(self.network.loss(x[rows], t[rows]))
            if self.verbose:
                print("train loss:" + str(self.train_loss_list[-1]))
            if i % self.per_epoch == 0:
                train, test = ([a[: self.sample] for a in pair] for pair in (self.train_data, self.test_data))
                self.train_acc_list.append(self.network.accuracy(*train))
                self.test_acc_list.append(self.network.accuracy(*test))
                if self.verbose:
                    accuracies = f"train acc:{self.train_acc_list[-1]}, test acc:{self.test_acc_list[-1]}"
                    print(f"=== epoch:{len(self.train_acc_list)}, {accuracies} ===")
        if self.verbose:
            print("=============== Final Test Accuracy ===============")
            print("test acc:" + str(self.network.accuracy(*self.test_data)))


def shuffle_dataset(x, t):
    order = np.random.permutation(len(x))
    return x[order], t[order]


def smooth_curve(x):
    s = np.r_[x[10:0:-1], x, x[-1:-11:-1]]
    w = np.kaiser(11, 2)
    return np.convolve(w / w.sum(), s, mode="valid")[5 : len(x) + 5]
