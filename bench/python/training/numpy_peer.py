"""The training loop in plain NumPy, written for speed: float32, buffers made once, ufuncs in place, flat parameters.

densekit/_numpy_loop.py is its sibling for the demo; this one has all that the workloads need. What a careful programmer
does is done here: one vector for all parameters, and an update in chunks that stay in L2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from training.contender import MakePredictor, MakeTrainer, batches
from training.workloads import BETA1, BETA2, EPS, MOMENTUM, NORM_EPS, Array, Problem, Weights, Workload

CHUNK = 1 << 15  # elements: w, g, m, v and two buffers are 768 KiB


class NumpyTrainer:
    def __init__(self, w: Workload, given: Problem, shuffling: bool) -> None:
        self.w, self.given, self.shuffling = w, given, shuffling
        self.batches = batches(w, given)
        self.rng = np.random.default_rng(0)
        layout = [(key, array.shape) for layer in given.weights for key, array in layer.items()]
        count = sum(int(np.prod(shape)) for _, shape in layout)
        self.flat, self.gradient, self.first, self.second = (np.zeros(count, np.float32) for _ in range(4))
        self.layers, self.gradients = self._views(self.flat), self._views(self.gradient)
        self.chunks = [slice(i, i + CHUNK) for i in range(0, count, CHUNK)]
        self.scratch = np.empty(min(CHUNK, count), np.float32)
        hidden = w.sizes[1:-1]

        def rows(width: int, kind: Any = np.float32) -> Array:
            return np.empty((w.batch, width), kind)

        self.x, self.y = rows(w.sizes[0]), np.empty(w.batch, np.int64)
        self.h, self.a = [rows(n) for n in hidden], [rows(n) for n in hidden]  # h: normalized, a: what goes on
        self.keep, self.active = [rows(n) for n in hidden], [rows(n, np.bool_) for n in hidden]
        self.inverse: list[Array] = [np.empty(n, np.float32) for n in hidden]
        self.logits, self.upper = rows(w.sizes[-1]), [rows(n) for n in hidden]
        self.running = [(np.zeros(n, np.float32), np.ones(n, np.float32)) for n in hidden]
        self.at = np.arange(w.batch)

    def _views(self, flat: Array) -> Weights:
        layers: Weights = []
        start = 0
        for layer in self.given.weights:
            views = {}
            for key, array in layer.items():
                views[key] = flat[start : start + array.size].reshape(array.shape)
                start += array.size
            layers.append(views)
        return layers

    def load(self, weights: Weights) -> None:
        for mine, theirs in zip(self.layers, weights, strict=True):
            for key, array in theirs.items():
                mine[key][...] = array
        self.first[...] = 0
        self.second[...] = 0
        self.step = 0

    def weights(self) -> Weights:
        return [{key: array.copy() for key, array in layer.items()} for layer in self.layers]

    def epoch(self, shuffle: bool) -> None:
        if not self.shuffling:
            for x, y in self.batches:
                self.gradient_of(x, y)
                self.update()
            return
        n, b = self.w.rows, self.w.batch
        order = self.rng.permutation(n) if shuffle else np.arange(n)
        for start in range(0, n, b):
            rows = order[start : start + b]
            np.take(self.given.x, rows, axis=0, out=self.x, mode="clip")  # "raise" would go through a buffer
            np.take(self.given.y, rows, out=self.y, mode="clip")
            self.gradient_of(self.x, self.y)
            self.update()

    def gradient_of(self, x: Array, y: Array) -> float:
        """The mean cross entropy; its gradient goes to self.gradient."""
        w, n, last = self.w, len(x), len(self.layers) - 1
        inputs = [x]
        scale = np.float32(1 / (1 - w.rate))
        for i in range(last):
            layer, h, a = self.layers[i], self.h[i], self.a[i]
            if w.norm:
                np.matmul(x, layer["w"], out=h)
                mean = h.mean(axis=0)
                h -= mean
                var = np.einsum("ij,ij->j", h, h)
                var /= n
                for running, new in zip(self.running[i], (mean, var), strict=True):
                    running += np.float32(0.1) * (new - running)
                var += NORM_EPS
                np.sqrt(var, out=var)
                np.reciprocal(var, out=self.inverse[i])
                h *= self.inverse[i]
                np.multiply(h, layer["gamma"], out=a)
                a += layer["beta"]
            else:
                np.matmul(x, layer["w"], out=a)
                a += layer["b"]
            np.maximum(a, 0, out=a)
            if w.rate > 0:
                keep = self.keep[i]
                self.rng.random(out=keep, dtype=np.float32)
                np.greater_equal(keep, w.rate, out=self.active[i])
                np.multiply(self.active[i], scale, out=keep)
                a *= keep
            x = a
            inputs.append(x)
        p = self.logits
        np.matmul(x, self.layers[last]["w"], out=p)
        p += self.layers[last]["b"]
        p -= p.max(axis=1, keepdims=True)
        scores = p[self.at, y]
        np.exp(p, out=p)
        sums = p.sum(axis=1, keepdims=True)
        loss = float((np.log(sums[:, 0]) - scores).mean())
        sums *= n
        p /= sums
        p[self.at, y] -= np.float32(1 / n)
        d = p
        for i in range(last, -1, -1):
            np.matmul(inputs[i].T, d, out=self.gradients[i]["w"])
            if "b" in self.gradients[i]:
                np.sum(d, axis=0, out=self.gradients[i]["b"])
            if i == 0:
                break
            above, k = d, i - 1
            d = self.upper[k]
            np.matmul(above, self.layers[i]["w"].T, out=d)
            np.greater(self.a[k], 0, out=self.active[k])  # of relu, and kept by dropout
            d *= self.active[k]
            if w.rate > 0:
                d *= scale
            if w.norm:
                layer, gradient, h = self.layers[k], self.gradients[k], self.h[k]
                np.sum(d, axis=0, out=gradient["beta"])
                np.einsum("ij,ij->j", d, h, out=gradient["gamma"])
                d -= gradient["beta"] / n
                h *= gradient["gamma"] / n
                d -= h
                d *= layer["gamma"] * self.inverse[k]
        if w.optimizer == "momentum":
            for layer, gradient in zip(self.layers, self.gradients, strict=True):
                gradient["w"] += np.float32(w.weight_decay) * layer["w"]
        return loss

    def update(self) -> None:
        self.step += 1
        w = self.w
        if w.optimizer == "adamw":
            for layer in self.layers:
                layer["w"] *= np.float32(1 - w.lr * w.weight_decay)
        for c in self.chunks:
            p, g, m = self.flat[c], self.gradient[c], self.first[c]
            t = self.scratch[: len(p)]
            if w.optimizer == "momentum":
                m *= MOMENTUM
                m += g
                np.multiply(m, w.lr, out=t)
                p -= t
                continue
            v = self.second[c]
            np.subtract(g, m, out=t)
            t *= 1 - BETA1
            m += t
            np.multiply(g, g, out=t)
            t -= v
            t *= 1 - BETA2
            v += t
            np.sqrt(v, out=t)
            t *= (1 - BETA2**self.step) ** -0.5
            t += EPS
            np.divide(m, t, out=t)
            t *= w.lr / (1 - BETA1**self.step)
            p -= t


def predictor(w: Workload, given: Problem) -> Any:
    def predict(x: Array) -> Array:
        for number, layer in enumerate(given.weights):
            x = x @ layer["w"]
            x += layer["b"]
            if number < len(given.weights) - 1:
                np.maximum(x, 0, out=x)
        x -= x.max(axis=1, keepdims=True)
        np.exp(x, out=x)
        x /= x.sum(axis=1, keepdims=True)
        return x

    return predict


def trainers(w: Workload) -> dict[str, MakeTrainer]:
    return {
        "numpy": lambda w, p: NumpyTrainer(w, p, shuffling=False),
        "numpy epoch": lambda w, p: NumpyTrainer(w, p, shuffling=True),
    }


def predictors(w: Workload) -> dict[str, MakePredictor]:
    return {"numpy": predictor}


def version() -> str:
    return f"NumPy {np.__version__}"
