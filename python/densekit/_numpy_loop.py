"""A training loop in plain NumPy: what the demo and the benchmarks compare densekit with.

Written for speed as a good NumPy programmer would: float32 throughout, buffers made once, ufuncs in place, all
parameters in one vector so that Adam is a dozen calls whatever the depth. It uses nothing of densekit.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]

BETA1, BETA2, ADAM_EPS = 0.9, 0.999, 1e-8
NORM_EPS, STATS_DECAY = 1e-5, 0.9


class NumpyNetwork:
    """dense, batch norm, relu, dropout for each hidden layer; a dense layer and softmax at the end; Adam.

    sizes: inputs, hidden units, classes. batch_size: rows of an update. rate: the probability to drop a hidden unit,
    inverted dropout. lr: Adam's rate. dtype: float64 is for tests.
    """

    def __init__(
        self,
        sizes: Sequence[int] = (64, 128, 64, 10),
        *,
        seed: int = 0,
        batch_size: int = 32,
        rate: float = 0.2,
        lr: float = 2e-3,
        dtype: Any = np.float32,
    ) -> None:
        self.rate, self.lr, self.batch_size, self.step = rate, lr, batch_size, 0
        shapes = list(pairwise(sizes))
        self.depth = len(shapes)
        # For each layer its weights and bias (after batch norm: beta); gamma for the hidden ones.
        count = sum(i * o + 2 * o for i, o in shapes) - sizes[-1]
        self.parameters, self.gradient = np.zeros(count, dtype), np.zeros(count, dtype)
        self._first, self._second, self._scratch = (np.zeros(count, dtype) for _ in range(3))
        self.w, self.b, self.gamma = self._views(self.parameters, shapes)
        self._dw, self._db, self._dgamma = self._views(self.gradient, shapes)
        rng = np.random.default_rng(seed)
        for w in self.w:
            w[...] = rng.normal(0, np.sqrt(2 / len(w)), w.shape)  # He et al., arXiv 1502.01852
        for gamma in self.gamma:
            gamma[...] = 1
        hidden = sizes[1:-1]
        self.running_mean = [np.zeros(width, dtype) for width in hidden]
        self.running_var = [np.ones(width, dtype) for width in hidden]

        def rows(widths: Sequence[int], kind: Any = dtype) -> list[Array]:
            return [np.empty((batch_size, width), kind) for width in widths]

        self._x, self._h, self._a, self._keep = rows(sizes[:1])[0], rows(hidden), rows(hidden), rows(hidden)
        self._active, self._logits, self._d = rows(hidden, np.bool_), rows(sizes[-1:])[0], rows(hidden)
        self._inverse = [np.empty(width, dtype) for width in hidden]

    @staticmethod
    def _views(flat: Array, shapes: list[tuple[int, int]]) -> tuple[list[Array], list[Array], list[Array]]:
        w, b, gamma, at = [], [], [], 0
        for inputs, outputs in shapes:
            w.append(flat[at : at + inputs * outputs].reshape(inputs, outputs))
            at += inputs * outputs
            b.append(flat[at : at + outputs])
            at += outputs
            if len(w) < len(shapes):
                gamma.append(flat[at : at + outputs])
                at += outputs
        return w, b, gamma

    def loss_and_gradient(self, x: Array, y: NDArray[np.integer[Any]], rng: np.random.Generator) -> float:
        """Mean cross entropy of at most batch_size rows in training mode; the gradient goes to self.gradient."""
        n, last = len(x), self.depth - 1
        inputs = [x]
        for i in range(last):
            h, a, keep = self._h[i][:n], self._a[i][:n], self._keep[i][:n]
            np.matmul(x, self.w[i], out=h)
            mean = h.mean(axis=0)
            h -= mean
            var = np.einsum("ij,ij->j", h, h)
            var /= n
            self.running_mean[i] += (1 - STATS_DECAY) * (mean - self.running_mean[i])
            self.running_var[i] += (1 - STATS_DECAY) * (var - self.running_var[i])
            var += NORM_EPS
            np.sqrt(var, out=var)
            np.reciprocal(var, out=self._inverse[i])
            h *= self._inverse[i]
            np.multiply(h, self.gamma[i], out=a)
            a += self.b[i]
            np.maximum(a, 0, out=a)
            if self.rate > 0:
                rng.random(out=keep, dtype=keep.dtype.type)
                np.greater_equal(keep, self.rate, out=self._active[i][:n])
                np.multiply(self._active[i][:n], keep.dtype.type(1 / (1 - self.rate)), out=keep)
                a *= keep
            x = a
            inputs.append(x)
        p = self._logits[:n]
        np.matmul(x, self.w[last], out=p)
        p += self.b[last]
        p -= p.max(axis=1, keepdims=True)
        picked = (np.arange(n), y)
        scores = p[picked]
        np.exp(p, out=p)
        sums = p.sum(axis=1, keepdims=True)
        loss = float((np.log(sums[:, 0]) - scores).mean())
        p /= sums
        p[picked] -= 1
        p /= n
        d = p
        for i in range(last, -1, -1):
            np.matmul(inputs[i].T, d, out=self._dw[i])
            if i == last:
                np.sum(d, axis=0, out=self._db[i])
            if i == 0:
                break
            above, i = d, i - 1
            d, h = self._d[i][:n], self._h[i][:n]
            np.matmul(above, self.w[i + 1].T, out=d)
            np.greater(self._a[i][:n], 0, out=self._active[i][:n])  # of relu and kept by dropout
            d *= self._active[i][:n]
            if self.rate > 0:
                d *= d.dtype.type(1 / (1 - self.rate))
            np.sum(d, axis=0, out=self._db[i])
            np.einsum("ij,ij->j", d, h, out=self._dgamma[i])
            d -= self._db[i] / n
            h *= self._dgamma[i] / n
            d -= h
            d *= self.gamma[i] * self._inverse[i]
        return loss

    def update(self) -> None:
        """One step of Adam along self.gradient. Kingma and Ba, arXiv 1412.6980."""
        self.step += 1
        g, m, v, t = self.gradient, self._first, self._second, self._scratch
        np.subtract(g, m, out=t)
        t *= 1 - BETA1
        m += t
        np.multiply(g, g, out=t)
        t -= v
        t *= 1 - BETA2
        v += t
        np.sqrt(v, out=t)
        t *= (1 - BETA2**self.step) ** -0.5
        t += ADAM_EPS
        np.divide(m, t, out=t)
        t *= self.lr / (1 - BETA1**self.step)
        self.parameters -= t

    def train_epoch(self, x: Array, y: NDArray[np.integer[Any]], rng: np.random.Generator) -> float:
        """One pass over the rows in random order; the mean loss. A last batch of one row is left out: no variance."""
        order = rng.permutation(len(x))
        total, rows = 0.0, 0
        for start in range(0, len(x) - 1, self.batch_size):
            batch = order[start : start + self.batch_size]
            gathered = self._x[: len(batch)]
            np.take(x, batch, axis=0, out=gathered, mode="clip")  # "raise" would go through a buffer
            total += self.loss_and_gradient(gathered, y[batch], rng) * len(batch)
            rows += len(batch)
            self.update()
        return total / rows

    def predict(self, x: Array) -> Array:
        """Scores of the classes in inference mode, (n, classes); batch norm is folded into the weights."""
        for i in range(self.depth - 1):
            scale = self.gamma[i] / np.sqrt(self.running_var[i] + NORM_EPS)
            x = x @ (self.w[i] * scale)
            x += self.b[i] - self.running_mean[i] * scale
            np.maximum(x, 0, out=x)
        return x @ self.w[-1] + self.b[-1]
